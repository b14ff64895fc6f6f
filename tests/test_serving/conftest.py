"""The model of known formulas that the inferencer is tested with."""

from tests.test_apis.conftest import image, pixel_config, state, weights

__all__ = ['image', 'pixel_config', 'state', 'weights']
