"""``mmmtl check``, which ``tools/dataset_converters/verify.py`` is, too."""

from __future__ import annotations

from pathlib import Path


def check(
    data_root: Path | None = None,
    /,
    *,
    config: str | None = None,
    dataset: str | None = None,
    split: tuple[str, ...] | None = None,
    tasks: tuple[str, ...] | None = None,
    options: tuple[str, ...] = (),
    workers: int | None = None,
    out: Path | None = None,
) -> int:
    """Open every file of a data folder and judge it.

    Exit code 0: nothing is wrong; 1: something is; 2: the command is.

    Args:
        data_root: The data folder; with --config, in the place of the
            config's.
        config: Verify all data sets of this config, a file or a name.
        dataset: Without --config, how the folder is written: nyud, nyud-mt,
            pascal-context, taskonomy, replica, cocodoom, cityscapes, or rooms
            for rendered rooms in any layout.
        split: Splits to look at; those of the data set if left out.
        tasks: Tasks whose labels must be there; all that the data set has if
            left out.
        options: Further arguments of the data set as KEY=VALUE, as in a
            config, for instance layout=multimae.
        workers: Processes; one per core if left out.
        out: Write all findings and statistics there (.json).
    """
    from dataclasses import replace

    from mmmtl.datasets.verification.known_sets import find_set
    from mmmtl.datasets.verification.verify import (
        format_report,
        verify,
        verify_config,
    )
    from mmmtl.engine.config import load_config, parse_options
    from mmmtl.engine.prepare import set_data_root
    from mmmtl.errors import UserError, printable
    from mmmtl.io.folders import check_out
    from mmmtl.io.json_file import write_json
    from mmmtl.io.workers import usable_cores

    if (config is None) == (dataset is None):
        raise UserError('check: give DIR --dataset NAME, or --config CONFIG')
    if out is not None:
        check_out('--out', out)
    settings = parse_options(options, '--options')
    workers = usable_cores() if workers is None else workers
    how = dict(splits=split, tasks=tasks, workers=workers, bar=True)
    if config is not None:
        content = load_config(config)
        if data_root is not None:
            set_data_root(content, data_root)
        report = verify_config(content, options=settings, **how)
    elif data_root is None or dataset is None:
        raise UserError(f'check: which folder is written as {dataset}?')
    else:
        rules = find_set(dataset, data_root)
        rules = replace(rules, options={**rules.options, **settings})
        report = verify(data_root, rules, **how)
    print(printable(format_report(report)))
    if out is not None:
        write_json(out, report)
        print(f'written to {out}')
    return 0 if report['ok'] else 1
