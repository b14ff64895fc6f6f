# DINOv2 as it is: only neck and head learn.
_base_ = './demt_dinov2-s_nyud.py'
model = dict(frozen_backbone=True)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
