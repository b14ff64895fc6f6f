"""Converters from the checkpoints of released code, by method."""

from mmmtl.dependency_check import check_dependencies

check_dependencies()

from mmmtl.converters.demt import convert_demt
from mmmtl.converters.key_rules import ConversionError
from mmmtl.converters.lightning import read_lightning_state_dict
from mmmtl.converters.mqtransformer import convert_mqtransformer
from mmmtl.converters.mult import convert_mult
from mmmtl.converters.plain import read_plain_state_dict
from mmmtl.converters.sca import convert_sca

#: Method name on the command line -> converter.
CONVERTERS = {
    'demt': convert_demt,
    'mqtransformer': convert_mqtransformer,
    'mult': convert_mult,
    'sca': convert_sca,
}
#: Method name -> reader of the files that its released code writes. Files of
#: mmcv's runner hold `state_dict` as Lightning's do.
READERS = {
    'demt': read_lightning_state_dict,
    'mqtransformer': read_lightning_state_dict,
    'mult': read_lightning_state_dict,
    'sca': read_plain_state_dict,
}

__all__ = [
    'CONVERTERS',
    'READERS',
    'ConversionError',
    'convert_demt',
    'convert_mqtransformer',
    'convert_mult',
    'convert_sca',
]
