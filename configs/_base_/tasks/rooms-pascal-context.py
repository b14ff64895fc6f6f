# What a head predicts on rendered rooms in PASCAL-Context's layout.
_base_ = './pascal-context.py'
task_outputs = dict(normals=dict(weight=1.0), edge=dict(weight=5.0))
