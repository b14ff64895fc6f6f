# The authors' recipe with auxiliary normals: semseg and depth at weight 1,
# batch 8. The weight of the normals is MTI-Net's; theirs is not known.
_base_ = [
    '../_base_/models/sca_hrnet18.py',
    '../_base_/tasks/nyud-sca-4task.py',
    '../_base_/datasets/nyud-sca.py',
    '../_base_/schedules/schedule_100e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(
        auxiliary_tasks=dict(normals={{_base_.task_outputs.normals}}),
    ),
)
# Only training needs labels of all three.
train_dataloader = dict(
    batch_size=8, dataset=dict(tasks=['semseg', 'depth', 'normals'])
)
log_processor = dict(by_epoch=True)
