_base_ = './taskonomy.py'
# Steps of depth per metre: 512 is documented, some views need 4096;
# tools/dataset_converters/taskonomy.py --dataset replica says which.
dataset = dict(
    type='ReplicaDataset',
    data_root='data/replica',
    split_root='data/replica_splits',
    depth_scale=512,
)
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
