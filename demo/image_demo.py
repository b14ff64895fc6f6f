"""Predicts on pictures: ``image_demo.py INPUT CONFIG WEIGHTS --out-dir OUT``.

It is ``mmmtl predict`` with mmsegmentation's order of arguments.
"""

from __future__ import annotations

import sys
from itertools import takewhile

from mmmtl.cli.app import main as run_command

USAGE = 'usage: image_demo.py INPUT CONFIG [WEIGHTS] --out-dir OUT [OPTIONS]'
HELP = f"""\
{USAGE}

INPUT    a picture, a folder of pictures, a quoted pattern, a video, camera:0
CONFIG   config file, or the name of a model that comes with the package
WEIGHTS  checkpoint of that config; left out for a model that has its own

These come first. The options are those of the command:
"""


def as_command(words: list[str]) -> list[str] | None:
    """Say the same to ``mmmtl``; None if the arguments are not as above."""
    named = list(takewhile(lambda word: not word.startswith('-'), words))
    options = words[len(named) :]
    if len(named) not in (2, 3):
        return None
    picture, config, *weights = named
    if not weights:
        return ['predict', config, picture, *options]
    return ['predict', *weights, picture, '--config', config, *options]


def main() -> int:
    """Run the tool."""
    if {'--help', '-h'} & {*sys.argv}:
        print(HELP)
        return run_command(['predict', '--help'])
    command = as_command(sys.argv[1:])
    if command is not None:
        return run_command(command)
    print(
        f'{USAGE}\nerror: two or three names come first, then the options',
        file=sys.stderr,
    )
    return 2


if __name__ == '__main__':
    sys.exit(main())
