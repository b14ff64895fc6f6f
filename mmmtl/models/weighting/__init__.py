"""From the losses of the tasks to the terms of the total."""

from mmmtl.models.weighting.fixed import FixedWeighting, LossWeighting
from mmmtl.models.weighting.uncertainty import UncertaintyWeighting

__all__ = ['FixedWeighting', 'LossWeighting', 'UncertaintyWeighting']
