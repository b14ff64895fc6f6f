"""From Python: build a model, run it on pictures."""

from mmmtl.dependency_check import check_dependencies

check_dependencies()

from mmmtl.apis.init_model import init_model
from mmmtl.apis.multi_task_inferencer import MultiTaskInferencer

__all__ = ['MultiTaskInferencer', 'init_model']
