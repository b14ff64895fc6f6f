"""From Python: train, build a model, run it on pictures."""

from mmmtl.dependency_check import check_dependencies

check_dependencies()

from mmmtl.apis.init_model import init_model
from mmmtl.apis.multi_task_inferencer import MultiTaskInferencer
from mmmtl.apis.open_model import open_model
from mmmtl.apis.publish_model import publish_model
from mmmtl.apis.runs import predict, test, train
from mmmtl.apis.score_maps import score_maps

__all__ = [
    'MultiTaskInferencer',
    'init_model',
    'open_model',
    'predict',
    'publish_model',
    'score_maps',
    'test',
    'train',
]
