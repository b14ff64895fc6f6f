"""The stabiliser: what it averages, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import mmmtl
from mmmtl.apis.pictures import collect_pictures
from mmmtl.apis.stabiliser import Stabiliser, predict_steady

SIZE = (96, 128)


def texture(
    height: int, width: int, seed: int = 0, cell: int = 6
) -> np.ndarray:
    """A soft pattern that can be followed, (H, W, 3) uint8."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, height // cell, width // cell, generator=rng)
    fine = F.interpolate(coarse, (height, width), mode='bicubic')
    fine = (fine[0].clamp(0, 1) * 255).byte()
    return fine.permute(1, 2, 0).contiguous().numpy()


def noisy(seed: int, *, channels: int = 1) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return 3 + 0.1 * torch.randn(channels, *SIZE, generator=rng)


def test_strength_0_changes_no_bit() -> None:
    stabiliser = Stabiliser(0.0)
    for seed in range(3):
        soft = {'depth': noisy(seed), 'normals': noisy(seed, channels=3)}
        steady = stabiliser(texture(*SIZE), soft)
        assert all(steady[task] is soft[task] for task in soft)


@pytest.mark.parametrize('strength', [-0.1, 1.0, float('nan')])
def test_other_strengths_are_refused(strength: float) -> None:
    with pytest.raises(ValueError, match='below 1'):
        Stabiliser(strength)


def test_noise_of_a_still_scene_falls_as_that_of_a_mean() -> None:
    """Weights (1 - s) s^k: variance falls to (1 - s) / (1 + s) = 1 / 9."""
    stabiliser, image = Stabiliser(0.8), texture(*SIZE)
    for seed in range(25):
        soft = {'depth': noisy(seed)}
        steady = stabiliser(image, soft)
    assert steady['depth'].mean() == pytest.approx(3, abs=0.01)
    ratio = float(steady['depth'].std() / soft['depth'].std())
    assert ratio == pytest.approx(1 / 3, rel=0.05)


@pytest.mark.parametrize('scale', [1, 6])
def test_maps_move_with_the_picture(scale: int) -> None:
    """A map that moves with the picture stays as it is: nothing lags.

    The larger picture is reduced before its motion is estimated.
    """
    height, width = 96 * scale, 120 * scale
    wide = texture(height, 2 * width, cell=6 * scale)
    stabiliser = Stabiliser(0.8)
    for frame in range(6):
        start = 2 * scale * frame
        image = np.ascontiguousarray(wide[:, start : start + width])
        value = torch.from_numpy(image[..., 0] / np.float32(255))[None]
        steady = stabiliser(image, {'reshading': value})['reshading']
        if not frame:
            first = value
    middle = (..., slice(20 * scale, -20 * scale))
    middle = (*middle, slice(20 * scale, -20 * scale))
    lag = abs(first - value)[middle].mean()
    assert lag > 0.15
    assert abs(steady - value)[middle].mean() < 0.04 * lag


def test_a_cut_forgets_the_past() -> None:
    stabiliser = Stabiliser(0.9)
    for seed in range(2):
        stabiliser(texture(*SIZE), {'depth': noisy(seed)})
    soft = {'depth': noisy(7) + 5}
    steady = stabiliser(texture(*SIZE, 9), soft)
    assert torch.equal(steady['depth'], soft['depth'])


def test_reset_and_another_size_forget_the_past() -> None:
    stabiliser, image = Stabiliser(0.9), texture(*SIZE)
    stabiliser(image, {'depth': noisy(0)})
    stabiliser.reset()
    soft = {'depth': noisy(1)}
    assert torch.equal(stabiliser(image, soft)['depth'], soft['depth'])
    soft = {'depth': noisy(2)[:, :48, :64]}
    small = texture(48, 64)
    assert torch.equal(stabiliser(small, soft)['depth'], soft['depth'])


def test_what_changed_in_the_picture_is_taken_from_now() -> None:
    stabiliser, image = Stabiliser(0.9), texture(*SIZE)
    stabiliser(image, {'depth': torch.full((1, *SIZE), 2.0)})
    image = image.copy()
    image[:, 80:] = 255 - texture(*SIZE, 3)[:, 80:]
    steady = stabiliser(image, {'depth': torch.full((1, *SIZE), 4.0)})
    old, new = steady['depth'][0, :, 20:60], steady['depth'][0, :, 90:]
    assert old.mean() < 2.4  # 0.1 * 4 + 0.9 * 2 = 2.2
    assert new.mean() > 3.6


def test_around_what_was_not_seen_the_past_counts_little() -> None:
    """Four columns come into the picture; the next two are doubtful."""
    wide = texture(96, 160)
    stabiliser = Stabiliser(0.9)
    image = np.ascontiguousarray(wide[:, 10:138])
    stabiliser(image, {'depth': torch.full((1, *SIZE), 2.0)})
    image = np.ascontiguousarray(wide[:, 6:134])
    steady = stabiliser(image, {'depth': torch.full((1, *SIZE), 4.0)})
    columns = steady['depth'][0, 10:-10].mean(0)
    assert columns[:6].min() > 3.9
    assert columns[20:100].mean() < 2.4


def test_what_is_lit_otherwise_is_taken_from_now() -> None:
    """The flow is as consistent as ever; the picture is not the same."""
    stabiliser = Stabiliser(0.9)
    image = texture(*SIZE) // 2
    stabiliser(image, {'depth': torch.full((1, *SIZE), 2.0)})
    image = image.copy()
    image[:, 64:] += 60
    steady = stabiliser(image, {'depth': torch.full((1, *SIZE), 4.0)})
    old, new = steady['depth'][0, :, 10:50], steady['depth'][0, :, 80:]
    assert old.mean() < 2.4
    assert new.mean() > 3.8


def test_values_stay_what_they_are() -> None:
    """Probabilities add up to 1, vectors have length 1, depths are real."""
    stabiliser, image = Stabiliser(0.7), texture(*SIZE)
    for seed in range(3):
        steady = stabiliser(
            image,
            {
                'semseg': noisy(seed, channels=5).softmax(0),
                'normals': F.normalize(noisy(seed, channels=3) - 3, dim=0),
                'depth': noisy(seed).clamp(min=3).sub(3),
            },
        )
    ones = torch.ones(SIZE)
    torch.testing.assert_close(steady['semseg'].sum(0), ones)
    torch.testing.assert_close(steady['normals'].norm(dim=0), ones)
    assert steady['depth'].isfinite().all()
    assert steady['depth'].min() >= 0


@pytest.mark.parametrize('shift', [0, 1])
def test_bad_pixels_are_gone_one_frame_later(shift: int) -> None:
    """Where the past is not finite, the frame counts alone."""
    wide = texture(SIZE[0], SIZE[1] + 40)
    stabiliser = Stabiliser(0.7)
    for frame in range(3):
        soft = {
            'depth': noisy(frame),
            'normals': F.normalize(noisy(frame, channels=3), dim=0),
        }
        if not frame:
            soft['depth'][0, 20, 30:46] = float('nan')
            soft['depth'][0, 60, 30:46] = float('inf')
            soft['normals'][1, 40, 30:46] = float('nan')
        start = frame * shift
        image = wide[:, start : start + SIZE[1]].copy()
        steady = stabiliser(image, soft)
        if frame:
            assert all(values.isfinite().all() for values in steady.values())
        if frame == 1 and not shift:
            for task, row in (('depth', 20), ('depth', 60), ('normals', 40)):
                found, alone = (x[task][:, row, 32:44] for x in (steady, soft))
                assert torch.equal(found, alone)
                assert not torch.equal(steady[task], soft[task])


def test_frames_too_small_to_follow_count_alone() -> None:
    stabiliser, image = Stabiliser(), texture(11, 9, cell=2)
    for seed in range(2):
        soft = {'depth': noisy(seed)[:, :11, :9]}
        assert torch.equal(stabiliser(image, soft)['depth'], soft['depth'])


def test_only_one_frame_is_kept() -> None:
    stabiliser = Stabiliser()
    for seed in range(5):
        stabiliser(texture(*SIZE), {'depth': noisy(seed)})
    kept = vars(stabiliser._past)
    assert sum(values.numel() for values in kept['soft'].values()) == 96 * 128
    assert kept['grey'].size == 96 * 128


def test_frames_of_a_model() -> None:
    opened = mmmtl.from_pretrained('rooms-lite0', device='cpu')
    image = texture(96, 128)
    plain = opened(image)
    off, on = Stabiliser(0.0), Stabiliser(0.5)
    for stabiliser in (off, on):
        for shown in (255 - image, image):
            [picture] = collect_pictures(shown)
            item = opened.pipeline(picture)
            sample = predict_steady(opened.model, item, stabiliser)
        for task, values in plain.items():
            found = sample.get_pred(task).numpy()
            found = found[0] if len(found) == 1 else found.transpose(1, 2, 0)
            # The negative is another scene: its past does not count.
            np.testing.assert_allclose(found, values, atol=1e-5)
