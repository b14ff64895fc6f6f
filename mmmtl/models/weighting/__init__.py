"""How the losses of the tasks become the terms of the total."""

from mmmtl.models.weighting.base import LossWeighting
from mmmtl.models.weighting.fixed import FixedWeighting
from mmmtl.models.weighting.gradnorm import GradNormWeighting
from mmmtl.models.weighting.scalarizer import ScalarizerWeighting
from mmmtl.models.weighting.uncertainty import UncertaintyWeighting

__all__ = [
    'FixedWeighting',
    'GradNormWeighting',
    'LossWeighting',
    'ScalarizerWeighting',
    'UncertaintyWeighting',
]
