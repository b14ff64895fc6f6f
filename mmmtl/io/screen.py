"""Whether windows can be opened."""

from __future__ import annotations

import os
import sys

from mmmtl.errors import UserError


def check_screen(option: str) -> None:
    """Refuse windows where there is no screen: Qt would end the process.

    Args:
        option: What asks for a window, such as ``--show``.

    Raises:
        UserError: There is none.
    """
    screens = ('DISPLAY', 'WAYLAND_DISPLAY')
    if sys.platform == 'linux' and not any(map(os.environ.get, screens)):
        raise UserError(
            f'{option}: this session has no screen (neither DISPLAY nor '
            'WAYLAND_DISPLAY is set); leave it out'
        )
