# Ablation: every task gets the projected pyramid.
_base_ = './demt_swin-t_nyud.py'
model = dict(neck=dict(depth=0))
