"""Converters from the checkpoints of released code, by method."""

from mmmtl.converters.demt import convert_demt
from mmmtl.converters.key_rules import ConversionError
from mmmtl.converters.mqtransformer import convert_mqtransformer
from mmmtl.converters.mult import convert_mult

#: Method name on the command line -> converter.
CONVERTERS = {
    'demt': convert_demt,
    'mqtransformer': convert_mqtransformer,
    'mult': convert_mult,
}

__all__ = [
    'CONVERTERS',
    'ConversionError',
    'convert_demt',
    'convert_mqtransformer',
    'convert_mult',
]
