# Ablation: the queries read the mixers' features.
_base_ = './demt_swin-t_nyud.py'
model = dict(decode_head=dict(with_interaction=False))
