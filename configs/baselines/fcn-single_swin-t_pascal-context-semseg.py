_base_ = './fcn-multi_swin-t_pascal-context.py'
tasks = ['semseg']
model = dict(
    decode_head=dict(
        tasks=dict(_delete_=True, semseg={{_base_.task_outputs.semseg}})
    )
)
train_dataloader = dict(dataset=dict(tasks=tasks))
val_dataloader = dict(dataset=dict(tasks=tasks))
test_dataloader = val_dataloader
val_evaluator = dict(metrics=[dict(type='SegmentationMetric')])
test_evaluator = val_evaluator
