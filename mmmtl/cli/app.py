"""The table of commands, and how each of them ends."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Parameter

from mmmtl.cli.check import check
from mmmtl.cli.export import export
from mmmtl.cli.init import init
from mmmtl.cli.models import models
from mmmtl.cli.predict import predict
from mmmtl.cli.report import report
from mmmtl.cli.score import score
from mmmtl.cli.serve import serve
from mmmtl.cli.test import test
from mmmtl.cli.train import train
from mmmtl.engine.cli import leaving_group
from mmmtl.engine.errors import user_errors
from mmmtl.errors import UserError
from mmmtl.version import __version__

#: In the order of the help page; their docstrings are its text.
COMMANDS = (
    *(predict, serve, init, check, train, report, test, export, score),
    models,
)
# Of the shell: ended by Ctrl-C, or because nobody reads the output.
INTERRUPTED = 130
UNHEARD = 141


def make_app() -> App:
    """Return the commands; what they need is imported when they run."""
    app = App(
        name='mmmtl',
        help='Multi-task dense prediction: one image in; semantic '
        'segmentation, depth, normals, boundaries and more out.',
        help_epilogue='Every command takes --traceback, which shows the '
        'whole traceback of an error.',
        version=__version__,
        # Lists as `--tasks a b`; a flag has no opposite `--no-...` unless it
        # says so; the texts say the defaults.
        default_parameter=Parameter(
            consume_multiple=True, negative=(), show_default=False
        ),
        result_action='return_value',
        suppress_keyboard_interrupt=False,  # see main
    )
    for number, command in enumerate(COMMANDS):
        app.command(command, sort_key=number)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: What stands after ``mmmtl``; those of this process if
            None.

    Returns:
        The exit code: 0, or what the command returns. A user's mistake
        exits with 2 and one line.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    traceback = '--traceback' in words
    words = [word for word in words if word != '--traceback']
    # mmcv says at import that it lacks an operator that we do not use.
    warnings.filterwarnings('ignore', module=r'mmcv\.cnn\.bricks')
    # torchrun sets it; mmengine reads it with every other launcher.
    os.environ.setdefault('LOCAL_RANK', '0')
    try:
        with leaving_group(), user_errors(show_traceback=traceback):
            code = _run(words) or 0
            sys.stdout.flush()
            return code
    except KeyboardInterrupt:
        print('mmmtl: stopped', file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        if _can_print():
            raise
        return UNHEARD


def _can_print() -> bool:
    """Tell whether anybody reads the output, as ``head`` may have ended."""
    try:
        print(flush=True)
    except BrokenPipeError:
        # Python flushes again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _run(words: list[str]) -> int | None:
    try:
        return make_app()(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        text = ' '.join(str(error).split())
        names = {command.__name__ for command in COMMANDS}
        known = [word for word in words[:1] if word in names]
        page = ' '.join(['mmmtl', *known, '--help'])
        raise UserError(f'{text} See: {page}') from error
