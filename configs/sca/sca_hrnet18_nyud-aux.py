# Semseg and depth with two auxiliary tasks: normals and edges are learned at
# every scale and exchange features with the main tasks, but are not predicted.
_base_ = [
    '../_base_/models/sca_hrnet18.py',
    '../_base_/tasks/nyud-sca-4task.py',
    '../_base_/datasets/nyud-sca.py',
    '../_base_/schedules/schedule_100e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(
        auxiliary_tasks=dict(
            normals={{_base_.task_outputs.normals}},
            edge={{_base_.task_outputs.edge}},
        ),
    ),
)
# Only training needs labels of all four.
train_dataloader = dict(
    dataset=dict(tasks=['semseg', 'depth', 'normals', 'edge'])
)
log_processor = dict(by_epoch=True)
