# Ablation: attention across tasks, none across scales.
_base_ = [
    '../_base_/models/sca_hrnet18.py',
    '../_base_/tasks/nyud-sca.py',
    '../_base_/datasets/nyud-sca.py',
    '../_base_/schedules/schedule_100e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(
        with_csam=False,
    ),
)
log_processor = dict(by_epoch=True)
