# All four tasks of NYUDv2; the authors trained two.
_base_ = [
    '../_base_/models/sca_hrnet18.py',
    '../_base_/tasks/nyud-sca-4task.py',
    '../_base_/datasets/nyud-sca.py',
    '../_base_/schedules/schedule_100e.py',
    '../_base_/default_runtime.py',
]
tasks = ['semseg', 'normals', 'edge', 'depth']
train_dataloader = dict(dataset=dict(tasks=tasks))
val_dataloader = dict(dataset=dict(tasks=tasks))
test_dataloader = val_dataloader
val_evaluator = dict(
    metrics=[
        dict(type='SegmentationMetric'),
        dict(type='NormalsMetric'),
        dict(type='PixelEdgeMetric'),
        dict(type='DepthErrorMetric'),
    ]
)
# odsF takes about a second per map, so only testing computes it.
test_evaluator = dict(
    metrics=[*val_evaluator['metrics'], *_base_.boundary_metrics]
)
log_processor = dict(by_epoch=True)
