_base_ = './fcn-multi_hrnet18_pascal-context.py'
tasks = ['human_parts']
model = dict(
    decode_head=dict(
        tasks=dict(
            _delete_=True, human_parts={{_base_.task_outputs.human_parts}}
        )
    )
)
train_dataloader = dict(dataset=dict(tasks=tasks))
val_dataloader = dict(dataset=dict(tasks=tasks))
test_dataloader = val_dataloader
val_evaluator = dict(
    metrics=[dict(type='SegmentationMetric', task='human_parts')]
)
test_evaluator = val_evaluator
