from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmmtl.apis import MultiTaskInferencer
from mmmtl.deploy import export as exporting
from mmmtl.deploy import formats
from mmmtl.deploy.export import check, export_model, fit
from mmmtl.deploy.formats import Maps, Shape
from mmmtl.deploy.gate import FLOAT
from mmmtl.deploy.plain_layers import LEAST, MOST, STEP
from mmmtl.errors import UserError
from tests.full_disk import full_disk
from tests.test_deploy.tiny_configs import noise, tiny_config, with_data


@pytest.fixture
def no_trace(monkeypatch: pytest.MonkeyPatch) -> list[Shape]:
    """Return what was to be traced, the last first to fail."""
    asked: list[Shape] = []

    def refuse(model: object, shape: Shape) -> None:
        asked.append(shape)
        raise AssertionError  # an error without a text

    monkeypatch.setattr(exporting, 'trace', refuse)
    return asked


def export(config: Any, tmp_path: Path, **options: Any) -> None:
    options = dict(format='torch-export') | options
    export_model(config, None, tmp_path / 'model.pt2', **options)


def test_an_error_without_a_text_is_named(
    no_trace: list[Shape], tmp_path: Path
) -> None:
    config = tiny_config('FCN', convolutions=True)
    with pytest.raises(UserError, match=r'cannot trace .*: AssertionError'):
        export(config, tmp_path, size=(32, 64))
    assert no_trace == [Shape((32, 64), None), Shape((32, 64), 1)]


def test_swin_is_traced_for_one_picture_only(
    no_trace: list[Shape], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match='cannot trace'):
        export(tiny_config('FCN'), tmp_path, size=(32, 64))
    assert no_trace == [Shape((32, 64), 1)]


def test_a_trace_of_torchscript_that_fails_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise RuntimeError('no such operator\nand more')

    monkeypatch.setattr(formats.torch.jit, 'trace', refuse)
    with pytest.raises(UserError, match=r'cannot trace .* no such operator$'):
        export(
            tiny_config('FCN'), tmp_path, size=(32, 64), format='torchscript'
        )


def test_sides_are_one_or_more(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='size 0x64: give sides of 1 or more'):
        export(tiny_config('FCN'), tmp_path, size=(0, 64))


def test_the_samples_say_the_size(
    no_trace: list[Shape], tmp_path: Path
) -> None:
    config = with_data(tmp_path)  # pictures of 32x64, too small for any size
    config.model.backbone = tiny_config(
        'FCN', convolutions=True
    ).model.backbone
    with pytest.raises(UserError, match='cannot trace'):
        export(config, tmp_path, samples=2)
    assert no_trace == [Shape((32, 64), None), Shape((32, 64), 1)]


@pytest.mark.parametrize('format', ['torch-export', 'torchscript'])
def test_samples_that_the_file_does_not_take(
    no_trace: list[Shape], tmp_path: Path, format: str
) -> None:
    config = with_data(tmp_path)
    text = r'pictures of 32x64 .*takes 64x64 only'
    with pytest.raises(UserError, match=text):
        export(config, tmp_path, samples=2, size=(64, 64), format=format)
    config = tiny_config('FCN')
    with pytest.raises(UserError, match='no test_dataloader'):
        export(config, tmp_path, samples=2, format=format)
    assert no_trace == []


def test_which_sizes_files_take() -> None:
    least, most = LEAST * STEP, MOST * STEP
    takes = Shape(None, None).takes
    assert takes((least, most))
    for size in ((least - STEP, most), (least, most + STEP), (425, 560)):
        assert not takes(size)
    assert Shape((425, 560), 1).takes((425, 560))
    assert not Shape((425, 560), 1).takes((560, 425))


def test_files_for_several_pictures_are_checked_on_two() -> None:
    inferencer = MultiTaskInferencer(tiny_config('FCN'), device='cpu')

    def opened(pictures: Sequence[np.ndarray]) -> list[Maps]:
        """Give all pictures what belongs to the first."""
        return [inferencer(pictures[0])] * len(pictures)

    given = (inferencer, opened, [noise(32, 64)], 0, FLOAT)
    check(*given, together=False)
    with pytest.raises(UserError, match='two pictures at a time: depth'):
        check(*given, together=True)


def test_files_of_any_size_are_checked_at_two() -> None:
    for count in (1, 2, 5):
        pictures = [noise(128, 192, seed=i) for i in range(count)]
        found = {p.shape[:2] for p in fit(pictures, Shape(None, None))}
        assert found == {(128, 192), (64, 96)}
    assert len(fit(pictures[:1], Shape((64, 64), None))) == 1


def test_eight_bits_are_checked_on_others_than_they_were_calibrated_with(
    tmp_path: Path,
) -> None:
    pictures = [noise(4, 4, seed=i) for i in range(6)]
    checked, calibration = exporting._divide(pictures)
    assert [id(p) for p in checked] == [id(pictures[i]) for i in (0, 4)]
    assert [id(p) for p in calibration] == [
        id(pictures[i]) for i in (1, 2, 3, 5)
    ]
    pytest.importorskip('onnxscript')
    with pytest.raises(UserError, match='one picture: give two or more'):
        export(
            *(tiny_config('FCN'), tmp_path),
            format='onnx',
            int8=True,
            images=noise(32, 64),
        )


def test_exporters_are_quiet(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger('onnxscript.optimizer._constant_folding')
    with formats.quiet():
        logger.warning('Skipping constant folding for op')
        logging.warning('Please consider to run pre-processing')
    assert not caplog.records
    logger.warning('afterwards')
    assert len(caplog.records) == 1


@pytest.mark.parametrize('format', ['torch-export', 'torchscript'])
def test_a_full_disk_is_an_error_in_a_line(
    tmp_path: Path, format: formats.Format
) -> None:
    """PyTorch's own writer would end the process."""
    out = tmp_path / 'model.pt2'
    out.write_text('before')
    with full_disk(10_000), pytest.raises(OSError, match='too large'):
        export_model(
            tiny_config('FCN'), None, out, format=format, size=(32, 64)
        )
    assert [path.read_text() for path in tmp_path.iterdir()] == ['before']
