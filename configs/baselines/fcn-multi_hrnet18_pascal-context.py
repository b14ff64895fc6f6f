# Total batch 8, 40k iterations of SGD. One GPU: train_dataloader.batch_size=8.
_base_ = [
    '../_base_/models/fcn_hrnet18.py',
    '../_base_/tasks/pascal-context.py',
    '../_base_/datasets/pascal-context.py',
    '../_base_/schedules/schedule_40k.py',
    '../_base_/default_runtime.py',
]
optim_wrapper = dict(optimizer=dict(lr=5e-3))
