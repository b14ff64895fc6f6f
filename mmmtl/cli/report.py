"""``mmmtl report``."""

from __future__ import annotations

from pathlib import Path


def report(*runs: Path, out: Path) -> None:
    """Draw losses and metrics of trainings as one page.

    Args:
        runs: Work folders of trainings, in which resumed ones are joined;
            several are drawn over each other.
        out: The page, .html; it needs no other file.
    """
    from mmmtl.errors import UserError
    from mmmtl.io.folders import check_out
    from mmmtl.visualization.training_page import write_training_page

    if not runs:
        raise UserError('report: name the work folder of a training')
    check_out('--out', out, '.html')
    write_training_page(runs, out)
    print(f'{len(runs)} training(s) in {out}: open it in a browser')
