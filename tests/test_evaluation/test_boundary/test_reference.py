"""Every step against the reference's numbers."""

from __future__ import annotations

import numpy as np
import pytest

from mmmtl.evaluation.functional.boundary import (
    best_counts,
    boundary_scores,
    f_score,
    image_counts,
    recall_precision,
    suppress_non_maxima,
)
from mmmtl.geometry import thin
from tests.test_evaluation.test_boundary.fixture import (
    IMAGES,
    THRESHOLDS,
    read_image,
    reference,
    reference_map,
)

every_image = pytest.mark.parametrize('name', IMAGES)
every_variant = pytest.mark.parametrize('variant', ['plain', 'nms'])
every_tolerance = pytest.mark.parametrize('max_dist', [0.0075, 0.011])

# F of the three images together, of the reference.
ODS_F = {
    ('plain', 0.0075): 0.6186701893439014,
    ('plain', 0.011): 0.7529722589167767,
    ('nms', 0.0075): 0.602832097100472,
    ('nms', 0.011): 0.7367947853450213,
}


def counts_of(name: str, variant: str, max_dist: float) -> np.ndarray:
    strength, label = read_image(name)
    return image_counts(
        strength,
        [label],
        thresholds=THRESHOLDS,
        max_dist=max_dist,
        nms=variant == 'nms',
    )


@every_image
def test_suppression(name: str) -> None:
    strength, _ = read_image(name)
    found = suppress_non_maxima(strength)
    kept = reference_map(f'{name}/nms_support_packed', found.shape)
    # The reference rounds angles to float32, which flips a few pixels.
    assert ((found > 0) != kept).sum() <= 2
    both = kept & (found > 0)
    sample = np.flatnonzero(kept)[::7]
    shared = both.ravel()[sample]
    np.testing.assert_allclose(
        found.ravel()[sample][shared],
        reference(f'{name}/nms_values')[shared],
        atol=1e-6,
    )


@every_image
def test_thinning(name: str) -> None:
    strength, _ = read_image(name)
    want = reference_map(f'{name}/thin_0.20_packed', strength.shape)
    np.testing.assert_array_equal(thin(strength > 0.2), want)


@every_image
@every_variant
@every_tolerance
def test_counts(name: str, variant: str, max_dist: float) -> None:
    found = counts_of(name, variant, max_dist)
    want = reference(f'{name}/{variant}_{max_dist}')
    assert found.shape == (4, 99)
    np.testing.assert_array_equal(found[1], want[1])
    # Flipped pixels of the suppression move the predicted ones by one.
    slack = 0 if variant == 'plain' else 1
    assert abs(found[3] - want[3]).max() <= slack
    # One annotation: pairs are counted once on each side. The largest
    # matching has at least the reference's pairs, and few more.
    np.testing.assert_array_equal(found[0], found[2])
    more = found[0] - want[0]
    assert more.min() >= -slack
    assert more.max() <= 2
    f, want_f = (f_score(*recall_precision(c[:4])) for c in (found, want))
    assert abs(f - want_f).max() < 0.003


@every_variant
@every_tolerance
def test_score_of_the_set(variant: str, max_dist: float) -> None:
    counts = [counts_of(name, variant, max_dist) for name in IMAGES]
    found = boundary_scores(
        sum(counts), sum(best_counts(c) for c in counts), THRESHOLDS
    )
    assert found.ods_f == pytest.approx(ODS_F[variant, max_dist], abs=1e-3)
    assert found.ods_f <= found.ois_f + 1e-3
