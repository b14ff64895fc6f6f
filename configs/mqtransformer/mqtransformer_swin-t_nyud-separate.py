# Ablation: an encoder and a decoder per task. One of the two alone:
# --cfg-options model.decode_head.share_encoder=True
_base_ = './mqtransformer_swin-t_nyud.py'
model = dict(decode_head=dict(share_encoder=False, share_decoder=False))
