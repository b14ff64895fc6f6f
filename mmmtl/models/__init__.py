"""Models: everything here is registered in ``mmmtl.registry.MODELS``."""

from mmmtl.dependency_check import check_dependencies

check_dependencies()

from mmmtl.models.data_preprocessor import MultiTaskDataPreprocessor
from mmmtl.models.decode_heads import *  # noqa: F403
from mmmtl.models.demt import *  # noqa: F403
from mmmtl.models.losses import *  # noqa: F403
from mmmtl.models.mqtransformer import *  # noqa: F403
from mmmtl.models.mult import *  # noqa: F403
from mmmtl.models.necks import *  # noqa: F403
from mmmtl.models.sca_mtl import *  # noqa: F403
from mmmtl.models.segmentors import *  # noqa: F403
from mmmtl.models.weighting import *  # noqa: F403

__all__ = ['MultiTaskDataPreprocessor']  # and what the packages export
