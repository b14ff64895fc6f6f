# Ablation: attention across scales, none across tasks.
_base_ = './sca_hrnet18_nyud.py'
model = dict(decode_head=dict(with_ctam=False))
