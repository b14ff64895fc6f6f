# What MulT predicts on rendered rooms in Taskonomy's layout.
_base_ = './taskonomy-mult.py'
task_outputs = dict(
    semseg=dict(out_channels=15),
    depth=dict(initial_bias=3.4),  # as in rooms.py
    # These sigmoids start at the medians of their maps, 0.65, 0.003 and 0.16,
    # which an L1 loss leads to first.
    reshading=dict(initial_bias=0.6),
    keypoints2d=dict(initial_bias=-5.8),
    edges2d=dict(initial_bias=-1.7),
)
