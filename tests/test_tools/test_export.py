"""deployment/export.py: a checked file, or one line that says why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import torch

from tests.test_deploy.tiny_configs import noise, with_data

TOOL = 'deployment/export.py'


def test_the_tool_writes_a_checked_file(
    run_tool: Callable, tmp_path: Path
) -> None:
    config, picture = tmp_path / 'config.py', tmp_path / 'picture.png'
    with_data(tmp_path / 'data').dump(config)
    cv2.imwrite(str(picture), noise(32, 64))
    out = tmp_path / 'model.pt2'
    end = run_tool(
        TOOL,
        *(config, 'none', '--out', out, '--format', 'torch-export'),
        *('--size', '32', '64', '--images', picture, '--samples', '1'),
        *('--cfg-options', 'model.decode_head.channels=4'),
    )
    assert end.code == 0, end.err
    assert '| depth | 0 |' in end.out
    run = torch.export.load(out).module()
    maps = run(torch.zeros(1, 32, 64, 3, dtype=torch.uint8))
    # PyTorch sorts them by name.
    assert list(maps) == sorted(['semseg', 'depth', 'normals', 'edge'])

    end = run_tool(TOOL, config, 'none', '--out', out, '--int8')
    assert end.code == 2
    assert 'pictures like those that the model will see' in end.err
