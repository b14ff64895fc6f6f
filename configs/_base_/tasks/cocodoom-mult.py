# What MulT predicts on CocoDoom: Taskonomy's tasks. Background and the game's
# 137 kinds of things; a download has those that occur often enough. Training
# says how many names are in its classes.txt, if it has fewer.
_base_ = './taskonomy-mult.py'
task_outputs = dict(semseg=dict(out_channels=138))
