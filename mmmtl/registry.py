"""Registries of mmmtl: children of mmseg's, visible from every mm project.

Being a child of mmseg's registry, each one finds mmseg's and mmengine's types
without a prefix, so ``default_scope = 'mmmtl'`` is all a config needs. Being
listed among the children of mmengine's root registry as well, each one
answers to ``'mmmtl.X'`` from any other project's scope (mmdet, mmpretrain).

Import this module only for its registries: it imports no model code. The
modules named in ``locations`` are imported at the first look-up.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

# ruff: noqa: E402  (what is missing is said before it is imported)
from mmmtl.dependency_check import check_dependencies

check_dependencies()

from mmengine.registry import DefaultScope, Registry
from mmseg.registry import DATA_SAMPLERS as MMSEG_DATA_SAMPLERS
from mmseg.registry import DATASETS as MMSEG_DATASETS
from mmseg.registry import EVALUATOR as MMSEG_EVALUATOR
from mmseg.registry import HOOKS as MMSEG_HOOKS
from mmseg.registry import INFERENCERS as MMSEG_INFERENCERS
from mmseg.registry import LOG_PROCESSORS as MMSEG_LOG_PROCESSORS
from mmseg.registry import LOOPS as MMSEG_LOOPS
from mmseg.registry import METRICS as MMSEG_METRICS
from mmseg.registry import MODEL_WRAPPERS as MMSEG_MODEL_WRAPPERS
from mmseg.registry import MODELS as MMSEG_MODELS
from mmseg.registry import (
    OPTIM_WRAPPER_CONSTRUCTORS as MMSEG_OPTIM_WRAPPER_CONSTRUCTORS,
)
from mmseg.registry import OPTIM_WRAPPERS as MMSEG_OPTIM_WRAPPERS
from mmseg.registry import OPTIMIZERS as MMSEG_OPTIMIZERS
from mmseg.registry import PARAM_SCHEDULERS as MMSEG_PARAM_SCHEDULERS
from mmseg.registry import RUNNER_CONSTRUCTORS as MMSEG_RUNNER_CONSTRUCTORS
from mmseg.registry import RUNNERS as MMSEG_RUNNERS
from mmseg.registry import TASK_UTILS as MMSEG_TASK_UTILS
from mmseg.registry import TRANSFORMS as MMSEG_TRANSFORMS
from mmseg.registry import VISBACKENDS as MMSEG_VISBACKENDS
from mmseg.registry import VISUALIZERS as MMSEG_VISUALIZERS
from mmseg.registry import WEIGHT_INITIALIZERS as MMSEG_WEIGHT_INITIALIZERS

SCOPE = 'mmmtl'


def _child(parent: Registry, *locations: str) -> Registry:
    """Return our child of an mmseg registry, known to mmengine's root too."""
    # A parent's own locations are not imported when only the child is asked,
    # so the child imports them: mmseg's first, then ours.
    registry = Registry(
        parent.name,
        parent=parent,
        scope=SCOPE,
        locations=[*parent._locations, *locations],
    )
    # 'mmmtl.X' asked from a sibling scope is looked up among the root's
    # children only, one level deep; a grandchild would not be found.
    registry.root._add_child(registry)
    return registry


RUNNERS = _child(MMSEG_RUNNERS, 'mmmtl.engine.runner')
RUNNER_CONSTRUCTORS = _child(MMSEG_RUNNER_CONSTRUCTORS)
LOOPS = _child(MMSEG_LOOPS)
HOOKS = _child(MMSEG_HOOKS, 'mmmtl.engine.hooks')
DATASETS = _child(
    MMSEG_DATASETS,
    'mmmtl.datasets.cityscapes.dataset',
    'mmmtl.datasets.folder.dataset',
    'mmmtl.datasets.joint',
    'mmmtl.datasets.nyud.dataset',
    'mmmtl.datasets.pascal.dataset',
    'mmmtl.datasets.taskonomy.dataset',
)
DATA_SAMPLERS = _child(MMSEG_DATA_SAMPLERS)
TRANSFORMS = _child(MMSEG_TRANSFORMS, 'mmmtl.datasets.transforms')
MODELS = _child(MMSEG_MODELS, 'mmmtl.models')
MODEL_WRAPPERS = _child(MMSEG_MODEL_WRAPPERS, 'mmmtl.engine.fully_sharded')
WEIGHT_INITIALIZERS = _child(MMSEG_WEIGHT_INITIALIZERS)
OPTIMIZERS = _child(MMSEG_OPTIMIZERS)
OPTIM_WRAPPERS = _child(MMSEG_OPTIM_WRAPPERS, 'mmmtl.engine.optim')
OPTIM_WRAPPER_CONSTRUCTORS = _child(MMSEG_OPTIM_WRAPPER_CONSTRUCTORS)
PARAM_SCHEDULERS = _child(MMSEG_PARAM_SCHEDULERS)
METRICS = _child(MMSEG_METRICS, 'mmmtl.evaluation')
EVALUATOR = _child(MMSEG_EVALUATOR, 'mmmtl.evaluation')
TASK_UTILS = _child(MMSEG_TASK_UTILS)
VISUALIZERS = _child(MMSEG_VISUALIZERS, 'mmmtl.visualization')
VISBACKENDS = _child(MMSEG_VISBACKENDS)
LOG_PROCESSORS = _child(MMSEG_LOG_PROCESSORS)
INFERENCERS = _child(MMSEG_INFERENCERS)


def build_in_scope(registry: Registry, cfg: Mapping, *args: Any) -> Any:
    """Build a nested config under mmmtl's scope.

    When another project's runner builds one of our classes, the current
    scope is that project's, and an unprefixed nested type
    (``loss=dict(type='DepthL1Loss')``) would be looked up there and missed.

    Args:
        registry: The registry of this module to build from.
        cfg: A config with a ``type``.
        *args: Positional arguments of the built class.

    Returns:
        The built object.
    """
    with DefaultScope.overwrite_default_scope(SCOPE):
        return registry.build(cfg, *args)


def call_in_scope(function: Callable[..., Any], *args: Any) -> Any:
    """Call a builder of another library (norm, conv) under our scope.

    Args:
        function: For instance ``mmcv.cnn.build_norm_layer``.
        *args: Its positional arguments.

    Returns:
        What the function returns.
    """
    with DefaultScope.overwrite_default_scope(SCOPE):
        return function(*args)


def takes_argument(
    registry: Registry, config: Mapping[str, Any], argument: str
) -> bool:
    """Say whether the class of a config has an argument of this name.

    Args:
        registry: The registry of this module that knows the class.
        config: A config with a ``type``.
        argument: Its name.
    """
    kind = class_of(registry, config)
    for base in kind.__mro__[:-1] if kind else ():
        if '__init__' not in vars(base):
            continue
        taken = inspect.signature(base.__init__).parameters
        if argument in taken:
            return True
        # A class from outside may hand the rest to its base.
        if not any(p.kind is p.VAR_KEYWORD for p in taken.values()):
            return False
    return False


def class_of(registry: Registry, config: Mapping[str, Any]) -> type | None:
    """Return the class of a config; unknown names are its builder's.

    Args:
        registry: The registry of this module that knows the class.
        config: A config with a ``type``.
    """
    kind = config.get('type')
    if isinstance(kind, str):
        kind = registry.get(kind)
    return kind if isinstance(kind, type) else None
