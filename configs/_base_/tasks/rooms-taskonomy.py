# What a head predicts on rendered rooms in Taskonomy's layout.
_base_ = './taskonomy.py'
task_outputs = dict(
    semseg=dict(out_channels=15),
    depth=dict(initial_bias=3.4),  # as in rooms.py
)
