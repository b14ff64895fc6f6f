# Ablation: the queries of a task do not see those of other tasks.
_base_ = './mqtransformer_swin-t_nyud.py'
model = dict(decode_head=dict(with_cross_task_attention=False))
