# Ablation: a task adds its own token of the interaction. In the default scope
# this token has seen no other task; with attn_scope='tokens' it has.
_base_ = './demt_swin-t_nyud.py'
model = dict(decode_head=dict(with_queries=False))
