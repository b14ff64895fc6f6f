# What MulT predicts on Replica: Taskonomy's tasks, 101 classes.
_base_ = './taskonomy-mult.py'
task_outputs = dict(semseg=dict(out_channels=101))
