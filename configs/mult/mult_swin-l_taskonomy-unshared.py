# Without sharing: every task has queries and keys of its own for the
# encoder's level, so a map of its own. The paper's ablation.
_base_ = [
    '../_base_/models/mult_swin-l.py',
    '../_base_/tasks/taskonomy-mult.py',
    '../_base_/datasets/taskonomy.py',
    '../_base_/schedules/schedule_mult_40k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(
        blocks=('private', 'private_skip'),
        with_cp=True,
    ),
)
