"""mmmtl: multi-task dense prediction for MMSegmentation.

``train``, ``test``, ``predict``, ``open_model``, ``from_pretrained``,
``save_pretrained``, ``push_to_hub`` and ``score_maps`` are found in
:mod:`mmmtl.apis`, ``export`` in :mod:`mmmtl.deploy.export`, when they are
first asked for: nothing heavy is imported here.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mmmtl.version import __version__

if TYPE_CHECKING:
    from mmmtl.apis import (
        CardFacts,
        from_pretrained,
        open_model,
        predict,
        push_to_hub,
        save_pretrained,
        score_maps,
        test,
        train,
    )
    from mmmtl.deploy.export import export

__all__ = [
    'CardFacts',
    '__version__',
    'export',
    'from_pretrained',
    'open_model',
    'predict',
    'push_to_hub',
    'save_pretrained',
    'score_maps',
    'test',
    'train',
]


def __getattr__(name: str) -> Any:
    """Import a function when it is asked for."""
    if name in __all__:
        room = 'mmmtl.deploy.export' if name == 'export' else 'mmmtl.apis'
        return getattr(import_module(room), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__() -> list[str]:
    """Return the names, those not imported yet included."""
    return sorted({*globals(), *__all__})
