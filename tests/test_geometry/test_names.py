"""Names that the package imports when they are asked for."""

from __future__ import annotations

import pytest

import mmmtl.geometry
from mmmtl.geometry.boundaries import outline


def test_a_name_is_that_of_its_module() -> None:
    assert mmmtl.geometry.outline is outline


def test_an_unknown_name_is_named() -> None:
    with pytest.raises(AttributeError, match="no attribute 'outlines'"):
        mmmtl.geometry.outlines  # noqa: B018
