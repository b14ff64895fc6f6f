"""Files of the Hugging Face hub, for weights of backbones and for models."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from mmmtl.engine.checkpoint import file_hash
from mmmtl.errors import UserError

HUB = 'hf-hub:'
# A user, a slash, a name; a branch, tag or commit may follow.
_NAME = re.compile(
    r'(?P<repo>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>\w[\w./-]*))?', re.ASCII
)


def hub_file(name: str, *files: str) -> Path:
    """Return a file of a repository, downloading it if needed.

    Args:
        name: ``user/model``, or ``user/model@revision``.
        *files: Names of files; the first that is there is taken.

    Raises:
        UserError: The name is none, or the hub has no such file.
    """
    hub = import_hub()
    repository, revision = split_name(name)
    refusal = UserError(f'{HUB}{name}: no file is asked for')
    for file in files:
        get = partial(hub.hf_hub_download, repository, file, revision=revision)
        try:
            return _get_whole(get, name)
        except UserError as error:
            refusal = error
    raise refusal


def hub_folder(name: str, patterns: Sequence[str]) -> Path:
    """Return a folder with files of a repository, all of one commit.

    Args:
        name: See :func:`hub_file`.
        patterns: Names of files, ``*.py`` for instance; others stay there.

    Raises:
        UserError: The name is none, or the hub does not answer.
    """
    hub = import_hub()
    repository, revision = split_name(name)
    get = partial(
        hub.snapshot_download,
        repository,
        revision=revision,
        allow_patterns=list(patterns),
    )
    return _get_whole(get, name)


def _get_whole(get: Callable[..., str], name: str) -> Path:
    """Return what is downloaded, again if the kept one was damaged since."""
    what = f'download {name} from the hub'
    path = Path(on_hub(get, what))
    if not _is_damaged(path):
        return path
    what = f'{what} again, because the kept {path} is damaged'
    print_log(what, logger='current', level=logging.WARNING)
    return Path(on_hub(partial(get, force_download=True), what))


def _is_damaged(path: Path) -> bool:
    """Compare a file, or those of a folder, with the hashes that name them.

    The hub's cache consists of links; large files, as weights are, lie under
    their SHA-256 where these lead.
    """
    files = path.iterdir() if path.is_dir() else [path]
    blobs = [file.resolve() for file in files if file.is_symlink()]
    return any(
        re.fullmatch('[0-9a-f]{64}', blob.name)
        and file_hash(blob) != blob.name
        for blob in blobs
    )


def split_name(name: str) -> tuple[str, str | None]:
    """Return repository and revision of a name.

    Args:
        name: See :func:`hub_file`.

    Raises:
        UserError: It is not of that form; a path is none.
    """
    found = _NAME.fullmatch(name)
    if found is None or '..' in name:
        raise UserError(
            f'{HUB}{name}: write {HUB}USER/MODEL or {HUB}USER/MODEL@REVISION'
        )
    return found['repo'], found['revision']


def import_hub() -> Any:
    """Return the package ``huggingface_hub``.

    Raises:
        UserError: It is not installed.
    """
    try:
        import huggingface_hub
    except ImportError as error:
        raise UserError(
            'the Hugging Face hub needs huggingface_hub, which is not '
            "installed: pip install 'mmmtl[hub]'"
        ) from error
    return huggingface_hub


def on_hub(action: Callable[[], Any], what: str) -> Any:
    """Return what a request to the hub gives.

    Args:
        action: The request.
        what: What it does, for the error text.

    Raises:
        UserError: The hub refuses, or does not answer.
    """
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    try:
        return action()
    except (OSError, ValueError, EntryNotFoundError, HfHubHTTPError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f'cannot {what}: {reason}') from error
