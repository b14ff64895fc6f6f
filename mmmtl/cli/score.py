"""``mmmtl score``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_NOISE = 1e-9


def score(
    predictions: Path,
    ground_truth: Path,
    /,
    *,
    task: str,
    protocol: str | None = None,
    classes: int | None = None,
    max_dist: float | None = None,
    max_depth: float | None = None,
    pred: tuple[str, ...] = (),
    gt: tuple[str, ...] = (),
    ids: str | None = None,
    workers: int | None = None,
    explain: bool = False,
    out: Path | None = None,
    imports: tuple[str, ...] = (),
) -> None:
    """Measure any project's maps against labels, by a named protocol.

    Maps are paired by file stem.

    Args:
        predictions: Folder of predicted maps, .png or .npy.
        ground_truth: Folder of labels, likewise; lines may be .mat files.
        task: Task name, such as depth; or NAME=KIND, such as cracks=binary
            (kinds: classes, binary, scalar, depth, normals).
        protocol: How maps become figures; the first that --explain lists if
            left out.
        classes: Number of classes, for class maps.
        max_dist: Tolerance of lines as a share of the diagonal; 0.011 is
            usual for NYUDv2, 0.0075 for PASCAL-Context.
        max_depth: Metres; farther labels are left out.
        pred: How predictions are stored where it is not the plain way, as
            KEY=VALUE: scale=0.001, first_id=1, axes='left up towards', ...
        gt: How labels are stored, likewise; no_label=255, ...
        ids: Measure only the stems of this text file.
        workers: Processes that match lines; one per core if left out.
        explain: Measure by all protocols of the task, and say what each one
            does.
        out: Write figures, protocol and settings there (.json).
        imports: Modules with kinds of your own, found on PYTHONPATH.
    """
    from mmmtl.apis.score_maps import score_maps
    from mmmtl.datasets.inspection import read_tasks
    from mmmtl.engine.config import import_own_modules, parse_options
    from mmmtl.io.folders import check_out
    from mmmtl.io.json_file import write_json
    from mmmtl.io.workers import usable_cores
    from mmmtl.tasks import register_task

    if out is not None:
        check_out('--out', out, '.json')
    import_own_modules(imports)
    name, _, kind = task.partition('=')
    for row in read_tasks({name: kind or None}):
        register_task(row.name, **row.settings)
    result = score_maps(
        predictions,
        ground_truth,
        task=name,
        protocol=protocol,
        classes=classes,
        max_dist=max_dist,
        max_depth=max_depth,
        pred=parse_options(pred, '--pred'),
        gt=parse_options(gt, '--gt'),
        ids=ids,
        workers=usable_cores() if workers is None else workers,
        explain=explain,
    )
    for line in _report(result):
        print(line)
    if out is not None:
        write_json(out, result)
        print(f'written to {out}')


def _report(result: Mapping[str, Any]) -> list[str]:
    """Return the figures as lines, each protocol under its own heading."""
    chosen = result['protocol']
    parts = {
        chosen['name']: {'says': chosen['says'], 'metrics': result['metrics']},
        **result.get('other_protocols', {}),
    }
    lines = [f'{result["task"]}, {result["images"]} images']
    for name, part in parts.items():
        lines.append(f'{name}: {part["says"]}')
        for metric, value in part['metrics'].items():
            unit = result['units'].get(metric, '')
            change = value - result['metrics'].get(metric, value)
            # Sums in another order differ in the last digit.
            shown = f'  ({change:+.4g})' if abs(change) > _NOISE else ''
            lines.append(f'  {metric:<12} {value:.6g} {unit}'.rstrip() + shown)
    return lines
