# Five tasks; the authors trained two and three of them. Batch 16, 100 epochs
# as they did with two.
_base_ = [
    '../_base_/models/sca_hrnet18.py',
    '../_base_/tasks/pascal-context-sca.py',
    '../_base_/datasets/pascal-context-sca.py',
    '../_base_/schedules/schedule_100e.py',
    '../_base_/default_runtime.py',
]
log_processor = dict(by_epoch=True)
