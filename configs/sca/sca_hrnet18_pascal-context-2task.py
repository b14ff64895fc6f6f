# The authors' recipe: semseg and normals, batch 16, 100 epochs of Adam.
_base_ = [
    '../_base_/models/sca_hrnet18.py',
    '../_base_/tasks/pascal-context-sca.py',
    '../_base_/datasets/pascal-context-sca.py',
    '../_base_/schedules/schedule_100e.py',
    '../_base_/default_runtime.py',
]
tasks = ['semseg', 'normals']
model = dict(
    decode_head=dict(
        tasks=dict(
            semseg=dict(_base_.task_outputs.semseg, weight=1.1),
            normals=dict(_base_.task_outputs.normals, weight=40.0),
        )
    ),
)
train_dataloader = dict(dataset=dict(tasks=tasks))
val_dataloader = dict(dataset=dict(tasks=tasks))
test_dataloader = val_dataloader
val_evaluator = dict(
    metrics=[dict(type='SegmentationMetric'), dict(type='NormalsMetric')]
)
test_evaluator = val_evaluator
log_processor = dict(by_epoch=True)
