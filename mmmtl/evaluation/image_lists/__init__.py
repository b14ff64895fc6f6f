"""Lists of the images that a published figure is over.

``pascal_context_seism``: the 2,498 of the 5,105 validation images of
PASCAL-Context on which odsF is published (``gt_sets/PASCALContext/
test_new.txt`` of prismformore/Boundary-Detection-Evaluation-Tools at
1c3b850; the same list is chosen in MTI-Net, SCA-MTL and InvPT).
"""

from __future__ import annotations

from pathlib import Path

from mmmtl.io.id_lists import read_ids

_FOLDER = Path(__file__).parent


def read_image_list(name: str | Path) -> list[str]:
    """Read a list that is part of the package, or a text file.

    Args:
        name: ``pascal_context_seism``, or a path with one id per line.

    Returns:
        The ids, in the order of the file.

    Raises:
        DatasetError: If there is no such list, or it is unfit.
    """
    own = _FOLDER / f'{name}.txt'
    known = ', '.join(sorted(path.stem for path in _FOLDER.glob('*.txt')))
    return read_ids(
        own if own.is_file() else Path(name),
        hint=f'name a text file with one id per line, or one of: {known}',
    )
