# Ablation: attention across tasks, none across scales.
_base_ = './sca_hrnet18_nyud.py'
model = dict(decode_head=dict(with_csam=False))
