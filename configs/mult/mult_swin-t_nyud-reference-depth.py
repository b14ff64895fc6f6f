# The reference task: the second block of a stage takes its map from the depth
# decoder, for all tasks (the released form DEA1 with four of them). With the
# paper's blocks the map comes from the encoder, whatever the reference.
_base_ = [
    '../_base_/models/mult_swin-t.py',
    '../_base_/tasks/nyud-mult.py',
    '../_base_/datasets/nyud-mult.py',
    '../_base_/schedules/schedule_mult_40k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(
        blocks=('shared_skip', 'shared_stream'),
        reference_task='depth',
    ),
)
