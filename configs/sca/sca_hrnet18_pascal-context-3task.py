# The authors' recipe: semseg, human parts, saliency; batch 8, 80 epochs.
_base_ = [
    '../_base_/models/sca_hrnet18.py',
    '../_base_/tasks/pascal-context-sca.py',
    '../_base_/datasets/pascal-context-sca.py',
    '../_base_/schedules/schedule_80e.py',
    '../_base_/default_runtime.py',
]
tasks = ['semseg', 'human_parts', 'saliency']
train_dataloader = dict(batch_size=8, dataset=dict(tasks=tasks))
val_dataloader = dict(dataset=dict(tasks=tasks))
test_dataloader = val_dataloader
val_evaluator = dict(
    metrics=[
        dict(type='SegmentationMetric'),
        dict(type='SegmentationMetric', task='human_parts'),
        dict(type='SaliencyMetric', protocol='mti-net-files'),
    ]
)
test_evaluator = val_evaluator
log_processor = dict(by_epoch=True)
