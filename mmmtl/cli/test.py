"""``mmmtl test``."""

from __future__ import annotations

from pathlib import Path

from mmmtl.cli.train import Launcher


def test(
    config: str,
    weights: str,
    /,
    *,
    data: Path | None = None,
    out: Path | None = None,
    show_dir: Path | None = None,
    tta: bool = False,
    work_dir: Path | None = None,
    cfg_options: tuple[str, ...] = (),
    launcher: Launcher = 'none',
) -> None:
    """Evaluate a model.

    Args:
        config: Config file, or the name of one (`mmmtl models` lists them).
        weights: Checkpoint of that config, a file or a URL; or the name of
            a model, as for predict.
        data: Folder of the data, in the place of the config's; it must be
            laid out like that one.
        out: Write the metrics there (.json), each class too, with config,
            checkpoint's hash and versions.
        show_dir: Paint the predictions into this folder.
        tta: Test-time augmentation.
        work_dir: Folder for logs; work_dirs/CONFIG if left out.
        cfg_options: Changes to the config as KEY=VALUE.
        launcher: Who starts the processes, for instance pytorch with
            `torchrun -m mmmtl test`.
    """
    from mmmtl.engine.run import EvaluationOptions, run_test

    options = EvaluationOptions(
        config=config,
        checkpoint=weights,
        data=data,
        out=out,
        show_dir=show_dir,
        tta=tta,
        work_dir=work_dir,
        cfg_options=cfg_options,
        launcher=launcher,
    )
    run_test(options)
