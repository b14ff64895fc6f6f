# Ablation: without the window self-attention, and so without the half of each
# level that it adds. A 1x1 convolution brings the levels to the same widths;
# channels=None would keep the backbone's.
_base_ = './sca_hrnet18_nyud.py'
model = dict(
    neck=None,
    decode_head=dict(
        in_channels=[18, 36, 72, 144],
        channels=[36, 72, 144, 288],
    ),
)
