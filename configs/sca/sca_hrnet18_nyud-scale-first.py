# Ablation: attention across scales first, then across tasks.
_base_ = [
    '../_base_/models/sca_hrnet18.py',
    '../_base_/tasks/nyud-sca.py',
    '../_base_/datasets/nyud-sca.py',
    '../_base_/schedules/schedule_100e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(
        attention_order='scale_task',
    ),
)
log_processor = dict(by_epoch=True)
