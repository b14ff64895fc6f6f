# LoRA: DINOv2 learns through two small matrices beside those of queries, keys
# and values in each block (pip install 'mmmtl[lora]').
_base_ = './demt_dinov2-s_nyud.py'
model = dict(lora=dict(r=8, lora_alpha=16, target_modules=['qkv']))
optim_wrapper = dict(
    optimizer=dict(lr=5e-4), paramwise_cfg=dict(layer_decay_rate=1.0)
)
