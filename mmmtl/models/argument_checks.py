"""Refusing arguments with which a model would train, silently wrong."""

from __future__ import annotations

from typing import Any, get_args


def check_choice(choices: Any, **arguments: str) -> None:
    """Refuse an option that is not among its choices.

    An unknown one would pass for the choice that no condition names.

    Args:
        choices: A ``Literal``.
        arguments: Values by the name of the argument.

    Raises:
        ValueError: Names the first that is wrong.
    """
    for name, value in arguments.items():
        if value not in get_args(choices):
            raise ValueError(
                f'{name}={value!r}: give one of {get_args(choices)}'
            )


def check_drop_path(**rates: float) -> None:
    """Refuse a rate of stochastic depth outside ``[0, 1)``.

    ``DropPath`` accepts any number: a rate of 30, for 30 %, or of -0.1
    scales the residuals instead of dropping them.

    Args:
        rates: Values by the name of the argument.

    Raises:
        ValueError: Names the first that is wrong.
    """
    for name, rate in rates.items():
        if not 0 <= rate < 1:
            raise ValueError(
                f'{name}={rate}: give a share of 0 or more, below 1'
            )
