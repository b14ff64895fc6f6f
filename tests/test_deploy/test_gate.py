from __future__ import annotations

import numpy as np
import pytest

from mmmtl.deploy.gate import Difference, Gate, compare_maps, failures
from mmmtl.errors import UserError

GATE = Gate(tolerance=0.01, pixels=0.1, loss=0.02)


def depth(*changes: float) -> list[dict[str, np.ndarray]]:
    """A map of 2 to 10 metres, some of its pixels off by so much."""
    values = np.linspace(2, 10, 20, dtype=np.float32).reshape(4, 5)
    values.flat[: len(changes)] += changes
    return [dict(depth=values)]


def test_a_pixel_differs_by_the_share_of_the_largest_value() -> None:
    # 1 % of 10 metres is 0.1 m: two of 20 pixels are off by more.
    found = compare_maps(depth(), depth(0.09, 0.11, -0.2), GATE)
    assert found['depth'].pixels == pytest.approx(2 / 20)
    assert found['depth'].largest == pytest.approx(0.2, abs=1e-6)
    assert failures(found, {}, GATE) == []
    (said,) = failures(compare_maps(depth(), depth(1, 1, 1), GATE), {}, GATE)
    assert said.startswith('depth: 15 % of the pixels differ by more than 1 %')


def test_nan_differs() -> None:
    found = compare_maps(depth(), depth(*[np.nan] * 3), GATE)
    assert found['depth'].pixels == pytest.approx(3 / 20)
    assert len(failures(found, {}, GATE)) == 1


def test_ids_differ_if_they_are_others() -> None:
    ids = np.arange(10).reshape(2, 5)
    other = np.where(ids > 7, 0, ids)
    found = compare_maps([dict(semseg=ids)], [dict(semseg=other)], GATE)
    assert found['semseg'] == Difference(pixels=0.2, largest=None)


def test_other_forms_are_refused() -> None:
    wanted = depth()
    for given in ({}, dict(depth=wanted[0]['depth'].astype(float))):
        with pytest.raises(UserError, match='depth: the file gives'):
            compare_maps(wanted, [given], GATE)


def test_only_a_worse_metric_fails_whichever_way_is_better() -> None:
    figures = dict(
        semseg=dict(model=50.0, file=49.1),  # worse by 1.8 %
        depth=dict(model=0.5, file=0.6),
        edge=dict(model=60.0, file=80.0),
        normals=dict(model=10.0, file=5.0),
    )
    (said,) = failures({}, figures, GATE)
    assert said.startswith("depth: rmse is 0.6, the model's 0.5")
    figures = dict(semseg=dict(model=50.0, file=48.9))
    (said,) = failures({}, figures, GATE)
    assert said.startswith('semseg: mIoU is 48.9')
    assert len(failures({}, dict(depth=dict(model=1, file=np.nan)), GATE)) == 1
