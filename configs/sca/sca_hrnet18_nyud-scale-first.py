# Ablation: attention across scales first, then across tasks.
_base_ = './sca_hrnet18_nyud.py'
model = dict(decode_head=dict(attention_order='scale_task'))
