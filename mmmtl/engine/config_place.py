"""Which part of a config was at work when an error was raised?

One answer for whatever goes wrong in mmengine, PyTorch or a class of anybody:
the frames of the traceback hold what was built, and from what. What is built,
or runs for the first time, is the config's to answer for; after the first
step an error is a defect.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

ENGINE = Path(__file__).resolve().parent
#: Files of ours that work on a config before anything is built.
READERS = (
    *('config.py', 'config_tasks.py', 'prepare.py', 'runner.py'),
    *('single_task_config.py', 'total_batch.py'),
)
SHOWN = 3  # places listed at most

Nodes = dict[str, Mapping[str, Any]]


def place_in_config(error: Exception, *, only_built: bool) -> str | None:
    """Say which part of a config was being built, or ran for the first time.

    mmengine builds everything in one function, whose frames hold the dicts
    that it builds from. What runs is an object, whose class is the ``type``
    of a dict. Other functions of mmengine are handed a dict. The innermost
    frame counts whose dict stands in the config, which is the outermost one
    that a frame holds.

    Args:
        error: What was raised.
        only_built: What runs does not count.

    Returns:
        ``'model.neck (DeformableMixer)'``; ``'Runner'`` where the runner
        sets up something by itself, ``''`` where the config was being read,
        None where it is no matter of the config.
    """
    # Not imported here: as long as nobody else has, nothing was built.
    module = sys.modules.get('mmengine.registry.build_functions')
    frames = list(_frames(error))
    if module is None or not _has_just_begun(frames):
        return None
    from mmengine.runner import Runner

    build = module.build_from_cfg.__code__
    nodes = _nodes(frames)
    if not only_built and (kind := _kind_in_a_worker(str(error), nodes)):
        return _shown(_of_kind(kind, nodes), kind, nodes)
    for frame in reversed(frames):
        if frame.f_code is build:
            part = frame.f_locals['cfg']
            found, kind = _find(part, nodes), _kind(part) or 'no type'
        elif only_built:
            continue
        else:
            found, kind = _running(frame, frames, nodes)
            if not found:
                found, kind = _handed(frame, nodes)
        if found:
            return _shown(found, kind, nodes)
    built = [f.f_locals['cfg'] for f in frames if f.f_code is build]
    if built:
        return _kind(built[-1]) or 'no type'
    if only_built:
        return None
    if any(isinstance(_self(frame), Runner) for frame in frames):
        return 'Runner'
    return '' if any(_reads(frame) for frame in frames) else None


def _frames(error: BaseException | None) -> Iterator[FrameType]:
    """Yield the frames from the outermost to where it began.

    mmengine raises some errors again, with another text.
    """
    while error is not None:
        yield from (f for f, _ in traceback.walk_tb(error.__traceback__))
        error = error.__cause__ or error.__context__


def _has_just_begun(frames: Sequence[FrameType]) -> bool:
    """Say whether no step, or no batch of an evaluation, is done."""
    from mmengine.runner import Runner
    from mmengine.runner.base_loop import BaseLoop

    for frame in reversed(frames):
        owner = _self(frame)
        if isinstance(owner, Runner):
            owner = getattr(owner, '_train_loop', None)
        if isinstance(owner, BaseLoop):
            done = getattr(owner, '_iter', frame.f_locals.get('idx', 0) + 1)
            return done <= 1
    return True


def _nodes(frames: Sequence[FrameType]) -> Nodes:
    """Return all dicts of the config at work, without its variables."""
    from mmengine.config import Config

    from mmmtl.engine.config import runner_keys, walk_dicts

    values = (value for frame in frames for value in frame.f_locals.values())
    config = next((v for v in values if isinstance(v, Config)), {})
    read = runner_keys()
    return {
        path: node
        for path, node in walk_dicts(config)
        if node and path.split('.')[0] in read
    }


def _running(
    frame: FrameType, frames: Sequence[FrameType], nodes: Nodes
) -> tuple[list[str], str]:
    """Return the places of the class whose method a frame runs."""
    owner = _self(frame)
    kind = getattr(type(owner), 'stands_for', type(owner).__name__)
    being_built = any(
        f.f_code.co_name == '__init__' and _self(f) is owner for f in frames
    )
    return [] if being_built else _of_kind(kind, nodes), kind


def _handed(frame: FrameType, nodes: Nodes) -> tuple[list[str], str]:
    """Return the place of the one dict that a function works on."""
    code = frame.f_code
    builds = 'mmengine' in code.co_filename and 'build' in code.co_name
    if not builds and (_self(frame) is not None or not _reads(frame)):
        return [], ''
    for names in (list(frame.f_locals), code.co_varnames[: code.co_argcount]):
        dicts = [frame.f_locals.get(name) for name in names]
        parts = [part for part in dicts if isinstance(part, Mapping)]
        found = {tuple(_find(part, nodes)): _kind(part) for part in parts}
        found.pop((), None)
        if len(found) == 1:
            ((places, kind),) = found.items()
            return list(places), kind
    return [], ''


def _kind_in_a_worker(text: str, nodes: Nodes) -> str | None:
    """Return the class that failed in a loader process.

    Of its frames there is only text.
    """
    kinds = {_kind(node) for node in nodes.values()}
    for file in reversed(packed_files(text)):
        names = {
            name
            for module in list(sys.modules.values())
            if getattr(module, '__file__', None) == file
            for name in vars(module)
        }
        if len(kinds & names) == 1:
            return (kinds & names).pop()
    return None


def packed_files(text: str) -> list[str]:
    """Return the files of a traceback that a loader process has sent.

    Args:
        text: The text of an error; of others the list is empty.
    """
    if 'Original Traceback' not in text:
        return []
    lines = [line.strip() for line in text.splitlines()]
    return [line.split('"')[1] for line in lines if line[:6] == 'File "']


def _shown(places: Sequence[str], kind: str, nodes: Nodes) -> str:
    """Write places, and what no registry knows below the first."""
    text = ' or '.join(places[:SHOWN]) + (f' ({kind})' if kind else '')
    unknown = [
        f'{path}.type={node["type"]!r}'
        for path, node in nodes.items()
        if path.startswith(f'{places[0]}.')
        and isinstance(node.get('type'), str)
        and not _is_registered(node['type'])
    ]
    return f'{text}, where {unknown[0]} is unknown' if unknown else text


def _is_registered(name: str) -> bool:
    from mmengine.registry import Registry

    from mmmtl import registry

    found = [r for r in vars(registry).values() if isinstance(r, Registry)]
    return any(one.get(name) for one in found)


def _self(frame: FrameType) -> Any:
    return frame.f_locals.get('self')


def _reads(frame: FrameType) -> bool:
    path = Path(frame.f_code.co_filename)
    return path.name in READERS and path.resolve().parent == ENGINE


def _kind(part: Mapping[str, Any]) -> str:
    """Return the name of the type that a config names, if it names one."""
    kind = part.get('type', '')
    kind = getattr(kind, 'stands_for', kind)
    return getattr(kind, '__name__', str(kind))


def _of_kind(kind: str, nodes: Nodes) -> list[str]:
    """Return the places where a class stands, with or without its scope."""
    return [
        path
        for path, node in nodes.items()
        if _kind(node).split('.')[-1] == kind
    ]


def _find(part: Mapping[str, Any], nodes: Nodes) -> list[str]:
    """Return the places of a dict in a config: those most like it.

    Who builds a part may add arguments to it, change some or take some out.
    """
    kind = _kind(part)
    equal = {
        path: sum(k in part and part[k] == v for k, v in node.items())
        for path, node in nodes.items()
        if (_kind(node) == kind if kind else node.keys() <= part.keys())
    }
    most = max(equal.values(), default=0)
    least = 0 if kind else 1  # a class object is not equal to its name
    return [path for path, n in equal.items() if n == most >= least]
