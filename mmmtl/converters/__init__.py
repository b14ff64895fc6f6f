"""Converters from the checkpoints of released code, by method."""

from mmmtl.converters.demt import convert_demt
from mmmtl.converters.key_rules import ConversionError

#: Method name on the command line -> converter.
CONVERTERS = {'demt': convert_demt}

__all__ = ['CONVERTERS', 'ConversionError', 'convert_demt']
