_base_ = './fcn-multi_swin-t_rooms.py'
tasks = ['normals']
model = dict(
    decode_head=dict(
        tasks=dict(_delete_=True, normals={{_base_.task_outputs.normals}})
    )
)
train_dataloader = dict(dataset=dict(tasks=tasks))
val_dataloader = dict(dataset=dict(tasks=tasks))
test_dataloader = val_dataloader
val_evaluator = dict(metrics=[dict(type='NormalsMetric')])
test_evaluator = val_evaluator
