from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile

import numpy as np
import pytest

import mmmtl
from mmmtl.apis import open_model, predict
from mmmtl.errors import UserError


def test_predict_takes_what_opens_a_model(
    pixel_config: Path, weights: Path, image: np.ndarray
) -> None:
    maps = predict(weights, image, config=pixel_config, device='cpu')
    wanted = open_model(weights, config=pixel_config, device='cpu')(image)
    assert list(maps) == list(wanted)
    for task, values in wanted.items():
        np.testing.assert_array_equal(maps[task], values)
    with pytest.raises(KeyError, match='Nothing'):
        predict(
            *(weights, image),
            config=pixel_config,
            device='cpu',
            cfg_options={'model.type': 'Nothing'},
        )


def test_what_the_refusal_of_code_recommends_can_be_given(
    pixel_config: Path, weights: Path, image: np.ndarray, tmp_path: Path
) -> None:
    folder = tmp_path / 'run'
    folder.mkdir()
    copyfile(weights, folder / 'own.pth')
    (folder / 'last_checkpoint').write_text('own.pth')
    copyfile(pixel_config, folder / 'config.py')  # with custom_imports
    with pytest.raises(UserError, match='trust_remote_code=True'):
        predict(folder, image, device='cpu')
    maps = predict(folder, image, device='cpu', trust_remote_code=True)
    assert maps['depth'].shape == image.shape[:2]


def test_an_open_model_keeps_its_config(
    pixel_config: Path, weights: Path, image: np.ndarray
) -> None:
    model = open_model(weights, config=pixel_config, device='cpu')
    for option in (dict(config='x.py'), dict(cfg_options={'a': 1})):
        with pytest.raises(UserError, match='keeps its config'):
            predict(model, image, **option)


@pytest.mark.parametrize('name', ['predict', 'export'])
def test_both_take_what_open_model_takes(name: str) -> None:
    function: Callable = getattr(mmmtl, name)
    wanted = {'config', 'cfg_options', 'trust_remote_code'}
    assert wanted <= set(inspect.signature(function).parameters)
