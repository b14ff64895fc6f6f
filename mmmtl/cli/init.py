"""``mmmtl init``, which ``tools/new_config.py`` is, too."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mmmtl.errors import UserError
from mmmtl.io.plain_files import read_lines


def init(
    data_root: Path,
    /,
    *,
    tasks: tuple[str, ...],
    out: Path,
    method: str = 'demt',
    backbone: str = 'swin-t',
    image: str | None = None,
    labels: tuple[str, ...] = (),
    encoding: tuple[str, ...] = (),
    no_label: tuple[str, ...] = (),
    unit: tuple[str, ...] = (),
    classes: tuple[str, ...] = (),
    fit: tuple[str, ...] = (),
    palette: tuple[str, ...] = (),
    splits: tuple[str, ...] = (),
    limit: int = 200,
    imports: tuple[str, ...] = (),
) -> None:
    """Look at a folder of images and labels, and write a config for it.

    Where files can be read in several ways nothing is written: it lists the
    choices as options to add, all at once, and ends with exit code 2.

    Args:
        data_root: The data folder.
        tasks: Tasks of the folder as NAME or NAME=KIND, for instance
            cracks=binary; the kind (classes, binary, scalar, depth, normals)
            may be left out for known tasks such as depth.
        out: Config to write (.py).
        method: demt, mqtransformer, sca, mult or fcn; demt if left out.
        backbone: swin-t if left out.
        image: Pattern of the images, such as 'rgb/{}.jpg'.
        labels: Files of a task, as TASK='masks/{}.png'.
        encoding: What stored values mean, as TASK=WORD.
        no_label: Stored values that mean "no label", or nothing, as
            TASK=VALUES.
        unit: Unit of a scalar task, as TASK=UNIT.
        classes: Names of the classes, as TASK=a,b,c or TASK=FILE of lines.
        fit: Resize labels of another size than the image, as TASK=nearest.
        palette: What counts of pictures with palettes, as TASK=colours or
            TASK=indices.
        splits: train=... and val=...: a list of ids below the folder each,
            or a share each.
        limit: Label files of each task to open, evenly chosen; 200 if left
            out.
        imports: Modules with kinds of your own, found on PYTHONPATH; the
            config names them, too.
    """
    from mmmtl.datasets.inspection import (
        Answers,
        OpenQuestionsError,
        new_config,
        read_tasks,
    )
    from mmmtl.engine.config import import_own_modules

    import_own_modules(imports)
    kinds = dict(
        (name, kind or None)
        for name, _, kind in (task.partition('=') for task in tasks)
    )
    named = _pairs('--classes', classes, kinds)
    answers = Answers(
        image=image,
        labels=_pairs('--labels', labels, kinds),
        encoding=_pairs('--encoding', encoding, kinds),
        no_label=_pairs('--no-label', no_label, kinds),
        classes={task: _names(value) for task, value in named.items()},
        fit=_pairs('--fit', fit, kinds),
        palette=_pairs('--palette', palette, kinds),
        splits=_pairs('--splits', splits, ('train', 'val')),
    )
    try:
        finding = new_config(
            data_root,
            read_tasks(kinds, _pairs('--unit', unit, kinds)),
            out,
            method=method,
            backbone=backbone,
            answers=answers,
            limit=limit,
            bar=True,
            imports=imports,
        )
    except OpenQuestionsError as error:
        print('\n'.join(error.notes), flush=True)
        raise
    print('\n'.join(finding.notes))
    print(f'written to {out}; check it, then train:')
    print(f'  mmmtl check --config {out}')
    print(f'  mmmtl train {out}')


def _pairs(
    option: str, texts: Iterable[str], known: Iterable[str]
) -> dict[str, str]:
    """Return the values of an option by what stands before the ``=``."""
    found = {}
    for text in texts:
        key, sign, value = text.partition('=')
        if not sign or key not in known:
            raise UserError(
                f'{option} {text}: write NAME=VALUE, with a name of '
                f'{", ".join(known)}'
            )
        found[key] = value
    return found


def _names(text: str) -> list[str]:
    """Return names from a list with commas, or from the lines of a file."""
    path = Path(text)
    if path.is_file():
        return read_lines(path)
    return [name.strip() for name in text.split(',') if name.strip()]
