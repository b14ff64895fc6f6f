# Ablation: without the window self-attention, and so without the half of each
# level that it adds. A 1x1 convolution brings the levels to the same widths;
# channels=None would keep the backbone's.
_base_ = [
    '../_base_/models/sca_hrnet18.py',
    '../_base_/tasks/nyud-sca.py',
    '../_base_/datasets/nyud-sca.py',
    '../_base_/schedules/schedule_100e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    neck=None,
    decode_head=dict(
        in_channels=[18, 36, 72, 144],
        channels=[36, 72, 144, 288],
    ),
)
log_processor = dict(by_epoch=True)
