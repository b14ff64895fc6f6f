_base_ = './fcn-multi_swin-t_pascal-context.py'
tasks = ['edge']
model = dict(
    decode_head=dict(
        tasks=dict(_delete_=True, edge={{_base_.task_outputs.edge}})
    )
)
train_dataloader = dict(dataset=dict(tasks=tasks))
val_dataloader = dict(dataset=dict(tasks=tasks))
test_dataloader = val_dataloader
val_evaluator = dict(metrics=[dict(type='PixelEdgeMetric')])
test_evaluator = dict(
    metrics=[dict(type='PixelEdgeMetric'), *_base_.boundary_metrics]
)
