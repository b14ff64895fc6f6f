# The same views in the layout of the MTI-Net code's archive.
_base_ = './nyud.py'
data_root = 'data/NYUD_MT'
train_dataloader = dict(
    dataset=dict(type='NYUDMTDataset', data_root=data_root)
)
val_dataloader = dict(dataset=dict(type='NYUDMTDataset', data_root=data_root))
test_dataloader = val_dataloader
