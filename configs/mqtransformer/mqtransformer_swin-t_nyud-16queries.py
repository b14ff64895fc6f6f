# Ablation: queries per task. Others, from 1 to 64:
# --cfg-options model.decode_head.num_queries=1
_base_ = './mqtransformer_swin-t_nyud.py'
model = dict(decode_head=dict(num_queries=16))
