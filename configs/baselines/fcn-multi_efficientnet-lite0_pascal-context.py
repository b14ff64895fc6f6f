# The literature's 40k iterations of SGD, total batch 8. One GPU:
# train_dataloader.batch_size=8. The learning rates are HRNet18's.
_base_ = [
    '../_base_/models/fcn_efficientnet-lite0.py',
    '../_base_/tasks/pascal-context.py',
    '../_base_/datasets/pascal-context.py',
    '../_base_/schedules/schedule_40k.py',
    '../_base_/default_runtime.py',
]
optim_wrapper = dict(optimizer=dict(lr=5e-3))
