# As schedule_100e.py, in 80 epochs: SCA-MTL's authors with three tasks of
# PASCAL-Context.
_base_ = './schedule_100e.py'
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=81, by_epoch=True)
]
train_cfg = dict(max_epochs=80, dynamic_intervals=[(71, 1)])
