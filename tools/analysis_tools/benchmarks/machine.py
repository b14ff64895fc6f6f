"""What a measurement ran on: hardware, load, versions."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from mmmtl import __version__

# Two distributions provide the same import names.
_PACKAGES = (
    'torchvision',
    'numpy',
    'mmengine',
    'onedl-mmengine',
    'mmcv',
    'onedl-mmcv',
    'mmsegmentation',
    'onedl-mmsegmentation',
)


def describe_hardware() -> dict[str, Any]:
    """Return processor, cores, memory and GPU."""
    usable = len(os.sched_getaffinity(0))
    pages = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    gpu = torch.cuda.is_available()
    return {
        'cpu': _cpu_name(),
        'cores': usable,
        'threads': torch.get_num_threads(),
        'memory_bytes': pages,
        'gpu': torch.cuda.get_device_name() if gpu else None,
        'system': platform.platform(),
    }


def describe_versions() -> dict[str, str]:
    """Return the versions of Python, of mmmtl and of what it stands on."""
    versions = {
        'python': platform.python_version(),
        'mmmtl': __version__,
        'torch': torch.__version__,
    }
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def load_average() -> float:
    """Return how many processes wanted a core in the last minute."""
    return os.getloadavg()[0]


def _cpu_name() -> str:
    path = Path('/proc/cpuinfo')
    if path.exists():
        for line in path.read_text().splitlines():
            if line.startswith('model name'):
                return line.partition(':')[2].strip()
    return platform.processor() or platform.machine()
