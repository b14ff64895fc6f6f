from __future__ import annotations

import re
from pathlib import Path

PATHS = re.compile(
    r'`((?:mmmtl|tests|tools|configs|requirements)/[\w./-]*)`(?!\w)'
)


def test_every_path_named_in_the_recipes_exists(repo_root: Path) -> None:
    text = (repo_root / 'CONTRIBUTING.md').read_text()
    paths = PATHS.findall(text)
    assert len(paths) > 15
    missing = [path for path in paths if not (repo_root / path).exists()]
    assert missing == []
