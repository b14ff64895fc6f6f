"""From Python: train, build a model, run it on pictures."""

from mmmtl.dependency_check import check_dependencies

check_dependencies()

from mmmtl.apis.init_model import init_model
from mmmtl.apis.model_card import CardFacts
from mmmtl.apis.multi_task_inferencer import MultiTaskInferencer
from mmmtl.apis.open_model import from_pretrained, open_model
from mmmtl.apis.runs import predict, test, train
from mmmtl.apis.save_pretrained import push_to_hub, save_pretrained
from mmmtl.apis.score_maps import score_maps
from mmmtl.apis.stabiliser import Stabiliser
from mmmtl.apis.video import predict_video

__all__ = [
    'CardFacts',
    'MultiTaskInferencer',
    'Stabiliser',
    'from_pretrained',
    'init_model',
    'open_model',
    'predict',
    'predict_video',
    'push_to_hub',
    'save_pretrained',
    'score_maps',
    'test',
    'train',
]
