from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mmmtl.deploy.export import export_model
from tests.test_deploy.tiny_configs import noise, tiny_config


def test_a_trace_takes_what_it_was_made_with_and_nothing_else(
    tmp_path: Path,
) -> None:
    """Unchecked it would give wrong maps at other sizes, without a word."""
    out = tmp_path / 'model.ts'
    export_model(
        tiny_config('DeMT', convolutions=True),
        None,
        out,
        format='torchscript',
        images=[noise(64, 96)],
    )
    files = {'mmmtl.json': ''}
    run = torch.jit.load(out, _extra_files=files)
    assert b'"size": [64, 96]' in files['mmmtl.json']
    depth = run(torch.zeros(1, 64, 96, 3, dtype=torch.uint8))['depth']
    assert depth.shape == (1, 64, 96)
    for shape in ((2, 64, 96, 3), (1, 96, 64, 3), (1, 128, 96, 3)):
        with pytest.raises(torch.jit.Error, match=r'shape \[1, 64, 96, 3\]'):
            run(torch.zeros(shape, dtype=torch.uint8))
    with pytest.raises(torch.jit.Error, match='uint8'):
        run(torch.zeros(1, 64, 96, 3))
