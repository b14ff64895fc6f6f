# The authors' recipe for HRNet18: semseg and depth, batch 10, 100 epochs of
# Adam.
_base_ = [
    '../_base_/models/sca_efficientnet-lite0.py',
    '../_base_/tasks/nyud-sca.py',
    '../_base_/datasets/nyud-sca.py',
    '../_base_/schedules/schedule_100e.py',
    '../_base_/default_runtime.py',
]
log_processor = dict(by_epoch=True)
