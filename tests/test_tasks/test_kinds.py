"""What the kinds answer: values derived by hand."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch

from mmmtl.tasks.kinds import (
    KINDS,
    Binary,
    Classes,
    Depth,
    Kind,
    Normals,
    Scalar,
    register_kind,
)


@pytest.mark.parametrize('kind', [k() for k in KINDS.values()], ids=str)
def test_no_label_is_no_label(kind: Kind) -> None:
    empty = torch.full((kind.components, 2, 3), kind.no_label)
    empty = empty.to(kind.dtype)
    assert not kind.valid(empty).any()
    assert not kind.valid(empty.numpy()).any()
    assert kind.valid(empty).shape == (1, 2, 3)


@pytest.mark.parametrize(
    ('kind', 'label', 'valid'),
    [
        (Classes(), [0, 254, 255], [True, True, False]),
        (Binary(), [0, 1, 255], [True, True, False]),
        (Scalar(), [0, -3, math.nan], [True, True, False]),
        (Depth(), [0, 2, math.inf], [False, True, False]),
        (Depth(), [-1, math.nan, 0.01], [False, False, True]),
    ],
)
def test_valid(kind: Kind, label: list, valid: list) -> None:
    array = np.asarray(label, float)[None, None]
    assert kind.valid(array)[0, 0].tolist() == valid
    assert kind.valid(torch.from_numpy(array))[0, 0].tolist() == valid


@pytest.mark.parametrize('kind', [k() for k in KINDS.values()], ids=str)
def test_a_past_that_does_not_count_changes_nothing(kind: Kind) -> None:
    now = kind.activate(torch.randn(kind.out_channels(4)[0], 2, 3))
    before = torch.full_like(now, math.nan)
    before[:, 0, 0] = math.inf
    assert torch.equal(kind.blend(now, before, torch.zeros(2, 3)), now)


def test_a_normal_is_valid_if_any_component_is_not_zero() -> None:
    label = np.zeros((3, 1, 2))
    label[2, 0, 1] = -1
    assert Normals().valid(label).tolist() == [[[False, True]]]


def test_convention_flips_mirror_one_component() -> None:
    vector = np.float32([0.6, 0.0, -0.8])
    got = Normals().flip(vector[:, None, None], 'horizontal', axis=0)
    np.testing.assert_allclose(got[:, 0, 0], [-0.6, 0, -0.8])
    vector = torch.tensor([0.0, 0.6, -0.8])[None, None]
    got = Normals().flip(vector, 'vertical', axis=-1)
    torch.testing.assert_close(got[0, 0], torch.tensor([0.0, -0.6, -0.8]))


@pytest.mark.parametrize('degrees', [90.0, -30.0, 180.0])
def test_convention_turns_follow_opencv(degrees: float) -> None:
    """A vector turns as the points of the picture do."""
    matrix = cv2.getRotationMatrix2D((0.0, 0.0), degrees, 1.0)[:, :2]
    vector = np.asarray([0.6, 0.48, -0.64])
    got = Normals().turn(vector[None, None], degrees, axis=-1)[0, 0]
    np.testing.assert_allclose(got[:2], matrix @ vector[:2], atol=1e-12)
    assert got[2] == vector[2]
    tensor = torch.from_numpy(vector)[:, None, None]
    same = Normals().turn(tensor, degrees, axis=-3)[:, 0, 0]
    np.testing.assert_allclose(same.numpy(), got, atol=1e-12)


def test_depth_alone_follows_the_zoom() -> None:
    values = np.float32([[2.0, 3.0]])
    np.testing.assert_allclose(Depth().zoom(values, 2.0), [[1.0, 1.5]])
    assert Scalar().zoom(values, 2.0) is values


def test_decoding() -> None:
    logits = torch.tensor([0.0, 2.0])[:, None, None]
    share = math.exp(2) / (1 + math.exp(2))
    assert Classes().decode(logits).flatten().tolist() == [1]
    assert Binary().decode(logits).item() == pytest.approx(share)
    assert Binary().decode(logits[1:]).item() == pytest.approx(share)
    assert Depth().decode(-logits[1:]).item() == 0
    assert Scalar().decode(-logits[1:]).item() == -2
    vector = torch.tensor([0.0, 3.0, 4.0])[:, None, None]
    found = Normals().decode(vector).flatten()
    torch.testing.assert_close(found, torch.tensor([0.0, 0.6, 0.8]))


def test_soft_values_are_averaged_before_they_are_final() -> None:
    """Two views that disagree: the mean of probabilities decides."""
    sure = torch.tensor([5.0, 0.0])[:, None, None]
    unsure = torch.tensor([0.0, 1.0])[:, None, None]
    soft = (Classes().activate(sure) + Classes().activate(unsure)) / 2
    assert Classes().finalize(soft).item() == 0
    assert Classes().finalize(soft).dtype == torch.int64


@pytest.mark.parametrize(
    ('kind', 'values', 'best'),
    [
        (Classes(), [1, 2, 2], [2]),
        (Binary(), [0, 0, 1], [1]),
        (Depth(), [1.0, 2.0, 6.0], [3.0]),
        (Scalar(low=0.0, high=1.0), [0.1, 0.2, 0.9], [0.2]),
        (Scalar(), [1.0, 300.0, 1e9], [300.0]),
        (Scalar(low=0.0), [2e-7, 3e-7, 4e-7], [3e-7]),
        (Scalar(mean=1.0, spread=2.0), [-1e6, -750.0, 3.0], [-750.0]),
        (Scalar(), [-1.0, 0.0, 0.0], [0.0]),
    ],
)
def test_best_constant(kind: Kind, values: list, best: list) -> None:
    label = torch.tensor([values]).to(kind.dtype)
    halves = kind.statistics(label[:, :1]) + kind.statistics(label[:, 1:])
    found = kind.best_constant(halves).tolist()
    # Bins without a range are 1/128 of their values wide.
    is_open = isinstance(kind, Scalar) and kind.high == math.inf
    tolerance = dict(rel=1 / 256, abs=1e-30) if is_open else dict(abs=2e-3)
    assert found == pytest.approx(best, **tolerance)


def test_number_of_channels() -> None:
    assert Classes().out_channels(7) == (7,)
    assert Classes().out_channels(None) == ()
    assert Binary().out_channels(None) == (1, 2)
    assert Normals().out_channels(None) == (3,)


@pytest.mark.parametrize(
    ('stored', 'read'),
    [([0, 1], [0, 1]), ([0, 255], [0, 1])],
)
def test_masks_of_several_encodings(stored: list, read: list) -> None:
    found = Binary().read(np.asarray([stored], np.uint8))
    assert found.tolist() == [read]


@pytest.mark.parametrize(
    ('kind', 'stored', 'words'),
    [
        (Binary(), [[0, 7]], 'a mask holds 0 and 1'),
        (Binary(), [[0, 1, 255]], r'"no label", declare it: no_label=255'),
        (Classes(), [[0, 300]], 'ids from 0 to 300'),
        (Classes(), [[0.5]], 'class ids'),
        (Depth(), [[-1.0]], 'depth is 0'),
        (Normals(), [[1.0]], 'vectors'),
    ],
)
def test_what_cannot_be_such_a_map_is_refused(
    kind: Kind, stored: list, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        kind.read(np.asarray(stored))


def test_odd_maps_are_named() -> None:
    assert 'inverted' in Binary().implausible(np.ones((2, 2)))[0]
    assert 'millimetres' in Depth().implausible(np.full((2, 2), 2500.0))[0]
    away = np.zeros((2, 2, 3))
    away[..., 2] = 1
    assert 'another frame' in Normals().implausible(away)[0]
    assert 'outside' in Scalar(low=0, high=1).implausible(np.ones(2) * 3)[0]
    for kind in (Binary(), Depth(), Normals(), Scalar()):
        assert kind.implausible(np.zeros((2, 2, kind.components))) == []


def test_a_name_has_one_kind() -> None:
    with pytest.raises(ValueError, match='choose another name'):

        @register_kind('depth')
        class Other(Depth):
            pass
