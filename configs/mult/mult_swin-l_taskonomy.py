# The paper's six tasks on its backbone. Total batch 8; on one GPU
# train_dataloader.batch_size=8. Blocks are recomputed in the backward pass,
# which saves the memory of six decoders' activations.
_base_ = [
    '../_base_/models/mult_swin-l.py',
    '../_base_/tasks/taskonomy-mult.py',
    '../_base_/datasets/taskonomy.py',
    '../_base_/schedules/schedule_mult_40k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(with_cp=True),
)
