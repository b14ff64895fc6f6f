# Ablation: a task adds its own token of the interaction. In the default scope
# that token has seen no other task; attn_scope='tokens' lets it.
_base_ = './demt_swin-t_nyud.py'
model = dict(decode_head=dict(with_queries=False))
