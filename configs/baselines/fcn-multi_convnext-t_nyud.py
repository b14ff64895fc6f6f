# One FCN per task on ConvNeXt-T. Total batch 8. One GPU:
# train_dataloader.batch_size=8.
_base_ = [
    '../_base_/models/convnext-t.py',
    '../_base_/tasks/nyud.py',
    '../_base_/datasets/nyud.py',
    '../_base_/schedules/schedule_40k-layer-decay.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(
        type='PerTaskHeads',
        in_channels=[96, 192, 384, 768],
        channels=96,
        norm_cfg={{_base_.norm_cfg}},
    ),
)
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.9))
