"""From the name of a model to its files.

A name is that of a model that comes with the package, or of an entry of the
metafiles that has weights; ``hf-hub:user/model``; a folder, of
``save_pretrained`` or of a training; or a weights file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from mmengine.config import Config

from mmmtl.engine.checkpoint import no_pickles
from mmmtl.engine.config import load_config
from mmmtl.engine.config_tasks import test_dataset_of
from mmmtl.engine.hub import HUB, hub_folder
from mmmtl.engine.plain_config import (
    check_is_data,
    for_prediction,
    read_json_config,
    read_literal_config,
)
from mmmtl.engine.work_dir import POINTER
from mmmtl.errors import UserError
from mmmtl.zoo import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    find_config,
    listed_models,
    ready_configs,
    shipped_models,
)

#: Goes before other Python files.
PYTHON_FILE = 'config.py'
# By what a config that nobody has tried is found to be wrong.
_WRONG = (AssertionError, AttributeError, LookupError, TypeError, ValueError)
_WRONG += (ArithmeticError, RecursionError, NotImplementedError)


class NamedModel(NamedTuple):
    """What a name stands for.

    Attributes:
        config: A config file that may run, or a config that was read as
            data.
        weights: Path or URL.
    """

    config: Path | Config
    weights: str | Path

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Guard the building of a config that was read as data.

        Raises:
            UserError: Instead of what a wrong config makes others raise.
        """
        if isinstance(self.config, Path) or not self.config.filename:
            yield  # it may run
            return
        with no_pickles(), _naming(self.config.filename):
            yield


def names_weights(name: object) -> TypeGuard[str | Path]:
    """Tell whether a text is the name of a model with weights, or a folder.

    Args:
        name: Anything; a config is none, nor is its file or name.
    """
    if not isinstance(name, (str, Path)):
        return False
    return (
        str(name) in shipped_models()
        or str(name).startswith(HUB)
        or Path(name).is_dir()
        or 'Weights' in _listed(str(name))
    )


def find_model(
    name: str | Path, *, trust_remote_code: bool = False
) -> NamedModel:
    """Return config and weights of a model.

    Args:
        name: See the module.
        trust_remote_code: Run what the config asks for: modules of its
            ``custom_imports``, which may lie beside it, a config that is
            Python, types of other packages.

    Raises:
        UserError: There is no such model, it is not clear which config its
            weights have, or the config asks for code.
    """
    weights = find_weights(name, trust_remote_code=trust_remote_code)
    if 'Weights' in _listed(str(name)):
        return NamedModel(find_config(name), weights)
    return config_beside(Path(weights), trust_remote_code=trust_remote_code)


def find_weights(
    name: str | Path, *, trust_remote_code: bool = False
) -> str | Path:
    """Return the weights file, or its URL, of a model.

    Args:
        name: See the module.
        trust_remote_code: Fetch Python files of a hub, too.

    Raises:
        UserError: There is none.
    """
    text = str(name)
    if text in shipped_models():
        return shipped_models()[text].weights
    if text.startswith(HUB):
        return _weights_in(_fetch(text, trust_remote_code), text)
    path = Path(name).expanduser()
    if path.is_file():
        if path.suffix == '.py':
            raise UserError(
                f'{path} is a config: name its weights, too: as the model, '
                'and this with --config or config= (image_demo.py: behind it)'
            )
        return path
    if path.is_dir():
        return _weights_in(path, f'model {path}')
    listed = _listed(text)
    if 'Weights' in listed:
        return listed['Weights']
    if listed:
        raise UserError(
            f'model {text}: this config comes without weights; train it, '
            'and name the folder'
        )
    raise UserError(
        f'model {path}: no such file, and no model of this name comes with '
        f'the package: known are {", ".join(shipped_models())}'
    )


def _fetch(name: str, trust_remote_code: bool) -> Path:
    patterns = [CONFIG_FILE, WEIGHTS_FILE]
    if trust_remote_code:
        patterns.append('*.py')
    return hub_folder(name.removeprefix(HUB), patterns)


def _listed(name: str) -> dict[str, Any]:
    """Return the entry of a metafile, empty if there is none."""
    path = ready_configs().get(name)
    return listed_models(path.parent.name).get(name, {}) if path else {}


def _weights_in(folder: Path, said: str) -> Path:
    saved, pointer = folder / WEIGHTS_FILE, folder / POINTER
    if saved.is_file() and pointer.is_file():
        # Nothing says whether the training has gone on since.
        raise UserError(
            f'{said}: it has both {WEIGHTS_FILE}, which save_pretrained has '
            f'written, and {POINTER} of a training: name the weights file '
            'that you mean'
        )
    if saved.is_file():
        return saved
    if pointer.is_file():
        # By its name: the folder may have been copied.
        named = Path(pointer.read_text('utf-8').strip())
        copied = folder / named.name
        return copied if copied.is_file() else named
    raise UserError(
        f'{said}: it has neither {WEIGHTS_FILE}, which save_pretrained '
        f'writes, nor {POINTER}, which a training writes: name a weights file'
    )


def config_beside(
    weights: Path, *, trust_remote_code: bool = False
) -> NamedModel:
    """Return weights with the config that lies beside them.

    Args:
        weights: The file.
        trust_remote_code: See :func:`find_model`.

    Returns:
        Its config is a file to run, or a config, if ``trust_remote_code``;
        else a config that knows the file that it was read from.

    Raises:
        UserError: There is none, there are several, it asks for code, or it
            is none of a model.
    """
    folder = weights.parent
    if trust_remote_code and str(folder) not in sys.path:
        sys.path.append(str(folder))  # last: it hides nothing
    path = folder / CONFIG_FILE
    # A saved model in a work folder is not what its checkpoints are of.
    is_trained = weights.name != WEIGHTS_FILE and (folder / POINTER).is_file()
    if path.is_file() and not is_trained:
        content = read_json_config(path)
    else:
        path = _only_python(weights)
        if trust_remote_code:
            return NamedModel(path, weights)
        content = read_literal_config(path)
    with _naming(path):
        config = _needed_parts(content)
        if trust_remote_code:
            return NamedModel(Config(config), weights)
        check_is_data(config, path)
        found = NamedModel(Config(config, filename=str(path)), weights)
        _try_out(found.config, path)
    return found


def _try_out(config: Path | Config, path: Path) -> None:
    try:
        load_config(config)
    except UserError as error:
        raise UserError(f'config {path}: {error}') from error


def _needed_parts(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return network, pipeline and what the weights may not say of classes.

    Raises:
        TypeError: One of them is none.
    """
    config = for_prediction(content)
    dataset = test_dataset_of(content)
    names = {k: dataset[k] for k in ('type', 'metainfo') if k in dataset}
    if 'metainfo' in names:
        # Without texts, which mmengine takes for files of names.
        pairs = dict(names['metainfo'] or {}).items()
        names['metainfo'] = {k: v for k, v in pairs if not isinstance(v, str)}
    if names:
        config['test_dataloader'] = dict(dataset=names)
    steps = config['test_pipeline']
    parts = {'model': config['model'], 'model.decode_head': _head_of(config)}
    if isinstance(steps, (list, tuple)):
        parts |= {f'test_pipeline.{i}': step for i, step in enumerate(steps)}
    else:
        parts['test_pipeline'] = steps
    for place, part in parts.items():
        if not isinstance(part, Mapping):
            raise TypeError(f'{place} is {part!r}')
    return config


def _head_of(config: Mapping[str, Any]) -> Any:
    return config['model'].get('decode_head', {})


@contextmanager
def _naming(path: str | Path) -> Iterator[None]:
    """Say of an error that names no cause which config it is from."""
    try:
        yield
    except UserError:
        raise
    except _WRONG as error:
        reason = str(error).strip().partition('\n')[0]
        raise UserError(
            f'config {path} is of no model that can be built '
            f'({type(error).__name__}: {reason})'
        ) from error


def _only_python(weights: Path) -> Path:
    found = sorted(weights.parent.glob('*.py'))
    own = weights.parent / PYTHON_FILE
    if own in found:
        return own
    if len(found) != 1:
        seen = ', '.join(p.name for p in found) or 'none'
        raise UserError(
            f'the config of {weights} is not known (no {CONFIG_FILE}; found '
            f'beside it: {seen}): name it with --config, or config='
        )
    return found[0]
