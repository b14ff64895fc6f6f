"""Which files a pattern names, and which samples belong to a split."""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmmtl.datasets.label_file import part_names
from mmmtl.errors import DatasetError, UserError

# Name of the group of '{}': names of parts have no capitals.
_ID = 'ID'


def files_by_id(root: Path, pattern: str) -> dict[str, str]:
    """List the files of a pattern.

    Args:
        root: The data folder.
        pattern: Path below it. ``{}`` stands for the sample id, which may
            hold folders; ``{name}`` for a first part of it, within a name;
            ``*`` for anything within a name. Hidden files do not count.

    Returns:
        Sample id -> path below the folder, sorted by id.

    Raises:
        DatasetError: If an id has two files.
    """
    wanted = _regular_expression(pattern)
    groups = (*part_names(pattern), _ID)
    fixed = re.split(r'[{*]', pattern)[0].rpartition('/')[0]
    found: dict[str, list[str]] = defaultdict(list)
    # Parts of a collection are often links to other disks.
    for folder, _, names in os.walk(root / fixed, followlinks=True):
        below = os.path.relpath(folder, root)
        for name in names:
            path = Path(below, name).as_posix()
            match = wanted.fullmatch(path)
            if match and not name.startswith('.'):
                found['/'.join(match[g] for g in groups)].append(path)
    for sample_id, paths in found.items():
        if len(paths) > 1:
            raise DatasetError(
                f'{pattern!r} has {len(paths)} files for sample '
                f'{sample_id!r} in {root}: {", ".join(sorted(paths))}; keep '
                'one, or write a pattern that fits one only'
            )
    return {sample_id: found[sample_id][0] for sample_id in sorted(found)}


def check_splits(splits: Mapping[str, Any]) -> dict[str, Any]:
    """Return the splits of a config, each a list of ids or each a share.

    Args:
        splits: List or share by name.

    Raises:
        UserError: If there are both, or shares that cannot be.
    """
    shares = [v for v in splits.values() if not isinstance(v, str)]
    whole = not shares or len(shares) == len(splits)
    if not whole or any(s <= 0 for s in shares) or sum(shares) > 1 + 1e-9:
        raise UserError(
            f'splits={dict(splits)}: give a list of ids for each, or for '
            'each a share, their sum at most 1'
        )
    return dict(splits)


def ids_of_share(
    ids: Iterable[str], shares: Mapping[str, float], split: str
) -> list[str]:
    """Return the samples of a split that is stated as a share.

    Convention:
        A hash of the id alone places each sample in 0..1, and the shares
        divide that range in the order of their names: a config that was
        dumped has them in another order than the file. So a sample never
        changes its split when others come or go, on any machine; of few
        samples the parts differ from the stated shares.

    Args:
        ids: All samples.
        shares: Share of every split, their sum at most 1.
        split: Which one.
    """
    names = sorted(shares)
    start = sum(shares[name] for name in names[: names.index(split)])
    end = start + shares[split]
    # Sums of shares such as .7 + .2 + .1 miss 1 by some 1e-16.
    end = 1.0 if end > 1 - 1e-9 else end
    return [i for i in ids if start <= _place(i) < end]


def _place(sample_id: str) -> float:
    """Return a number in [0, 1) that depends on the id alone."""
    digest = hashlib.sha256(sample_id.encode('utf-8')).digest()
    return int.from_bytes(digest[:6], 'big') / 2**48


def _regular_expression(pattern: str) -> re.Pattern[str]:
    written = ''
    for piece in re.split(r'({[a-z_]*}|\*)', pattern):
        name = piece[1:-1] or _ID
        if piece == '*':
            written += '[^/]*'
        elif not re.fullmatch('{[a-z_]*}', piece):
            written += re.escape(piece)
        elif f'(?P<{name}>' in written:
            written += f'(?P={name})'
        else:
            written += f'(?P<{name}>' + ('.+)' if piece == '{}' else '[^/]+)')
    return re.compile(written)
