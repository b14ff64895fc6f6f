"""show_queries.py: what it paints, and what it refuses."""

from __future__ import annotations

import pprint
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from mmmtl.models.mqtransformer import MultiQueryHead
from mmmtl.models.mqtransformer.multi_query_head import TaskQueries
from mmmtl.visualization import paint_attention
from mmmtl.visualization.picture_grid import GAP, GridLayout
from tests.tiny import demt, mqtransformer

TOOL = 'analysis_tools/show_queries.py'
SIZE = (96, 160)  # drawn pixel for pixel: neither too small nor too large


def write_config(path: Path, model: dict[str, Any], *, pad: int = 0) -> Path:
    """Config of a model whose test pipeline pads by `pad` on each side."""
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(
            type='MultiTaskCenteredPad',
            size=tuple(side + 2 * pad for side in SIZE),
        ),
        dict(type='LoadMultiTaskAnnotations'),
        dict(type='PackMultiTaskInputs'),
    ]
    # Unsorted: the order of the tasks is that of the rows.
    model_text = pprint.pformat(model, sort_dicts=False)
    path.write_text(f'model = {model_text}\ntest_pipeline = {pipeline}\n')
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path / 'config.py', mqtransformer())


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / 'picture.png'
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    cv2.imwrite(str(path), image)
    return path


def read(path: Path) -> np.ndarray:
    return cv2.imread(str(path))[..., ::-1]


def panel(page: np.ndarray, row: int, column: int) -> np.ndarray:
    y, x = GridLayout(SIZE).corner(row, column)
    return page[y : y + SIZE[0], x : x + SIZE[1]]


def plant(
    monkeypatch: pytest.MonkeyPatch, peak: tuple[int, int]
) -> dict[str, np.ndarray]:
    """Make every query look at one pixel of the network's feature."""
    forward = MultiQueryHead.forward

    def planted(self: Any, inputs: Any, return_queries: bool = False) -> Any:
        assert return_queries
        logits, queries = forward(self, inputs, return_queries=True)
        for task, own in queries.items():
            attention = torch.zeros_like(own.attention)
            attention[..., peak[0], peak[1]] = 1
            queries[task] = TaskQueries(own.queries, attention)
        return logits, queries

    monkeypatch.setattr(MultiQueryHead, 'forward', planted)


def test_page_has_one_row_per_task(
    run_tool: Callable, config: Path, picture: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'new' / 'queries.png'
    end = run_tool(TOOL, config, picture, '--out', out, '--num-queries', 2)
    assert end.code == 0, end.err
    assert f'semseg depth normals edge painted to {out}' in end.out
    page = read(out)
    # Picture, mean, two queries; four tasks.
    assert page.shape[:2] == GridLayout(SIZE).page(4, 4)
    assert (panel(page, 0, 0) == read(picture)).all()
    assert (panel(page, 1, 0) == 255).all()
    # The weights are random, so each panel differs from its neighbour.
    panels = [panel(page, y, x) for y in range(4) for x in range(1, 4)]
    assert len({one.tobytes() for one in panels}) == len(panels)


def test_tasks_are_shown_in_the_order_of_the_command(
    run_tool: Callable, config: Path, picture: Path, tmp_path: Path
) -> None:
    pages = {}
    for name, tasks in (
        ('all', []),
        ('some', ['--tasks', 'edge', 'depth']),
    ):
        out = tmp_path / f'{name}.png'
        torch.manual_seed(0)  # the same random weights
        end = run_tool(TOOL, config, picture, '--out', out, *tasks)
        assert end.code == 0, end.err
        pages[name] = read(out)
    assert pages['some'].shape[:2] == GridLayout(SIZE).page(2, 6)
    # semseg, depth, normals, edge are rows 0 to 3 of the first page.
    for row, same in ((0, 3), (1, 1)):
        for column in range(1, 6):
            found = panel(pages['some'], row, column)
            assert (found == panel(pages['all'], same, column)).all()


@pytest.mark.parametrize('pad', [0, 8])
def test_attention_is_painted_where_it_is(
    run_tool: Callable,
    picture: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pad: int,
) -> None:
    config = write_config(tmp_path / 'c.py', mqtransformer(), pad=pad)
    plant(monkeypatch, (15, 30))
    out = tmp_path / 'queries.png'
    end = run_tool(TOOL, config, picture, '--out', out, '--num-queries', 1)
    assert end.code == 0, end.err
    # A pixel of the feature is 4 of the input, which has `pad` more pixels
    # above and at the left.
    y, x = 4 * 15 - pad, 4 * 30 - pad
    for row in range(4):
        for column in (1, 2):
            shown = panel(read(out), row, column).astype(int)
            grey = paint_attention(read(picture), np.zeros(SIZE))
            changed = np.abs(shown - grey).sum(-1) > 30
            ys, xs = np.nonzero(changed)
            assert ys.mean() == pytest.approx(y + 1.5, abs=0.1)
            assert xs.mean() == pytest.approx(x + 1.5, abs=0.1)
            # Bilinear: at most one feature pixel more on each side.
            assert np.ptp(ys) < 8
            assert np.ptp(xs) < 8


def test_checkpoint_decides_what_is_painted(
    run_tool: Callable, config: Path, picture: Path, tmp_path: Path
) -> None:
    from mmmtl.apis import init_model

    model = init_model(config)
    weights = tmp_path / 'weights.pth'
    # Without a key, every pixel gets the same attention.
    attention = model.decode_head.blocks[-1].encoder.attention
    torch.nn.init.zeros_(attention.to_k.weight)
    torch.save({'state_dict': model.state_dict()}, weights)
    out = tmp_path / 'queries.png'
    end = run_tool(
        TOOL, config, picture, '--checkpoint', weights, '--out', out
    )
    assert end.code == 0, end.err
    even = paint_attention(read(picture), np.ones(SIZE))
    for row in range(4):
        assert (panel(read(out), row, 1) == even).all()


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (['--tasks', 'saliency'], "does not predict ['saliency']"),
        (['--tasks', 'colour'], "'colour'"),
        (['--num-queries', '-1'], '--num-queries -1: give 0 or more'),
        (['--out', 'PICTURE'], 'would replace the picture'),
        (['--out', 'page.txt'], 'name a file that ends in .bmp or'),
        (['--checkpoint', 'no/such.pth'], 'no/such.pth'),
    ],
)
def test_mistakes_are_one_line(
    run_tool: Callable,
    config: Path,
    picture: Path,
    change: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    change = [str(picture) if word == 'PICTURE' else word for word in change]
    before = picture.read_bytes()
    end = run_tool(TOOL, config, picture, *change)
    assert end.code == 2
    last = end.err.strip().splitlines()[-1]
    assert last.startswith('error: ')
    assert message in last
    assert picture.read_bytes() == before
    assert not (tmp_path / 'page.txt').exists()


def test_model_without_queries_is_told_what_would_work(
    run_tool: Callable, picture: Path, tmp_path: Path
) -> None:
    config = write_config(tmp_path / 'demt.py', demt())
    out = tmp_path / 'queries.png'
    end = run_tool(TOOL, config, picture, '--out', out)
    assert end.code == 2
    assert 'TaskQueryHead has no queries to show' in end.err
    assert 'mqtransformer_swin-t_nyud.py' in end.err
    assert not out.exists()


def test_folder_is_no_picture(
    run_tool: Callable, config: Path, picture: Path
) -> None:
    end = run_tool(TOOL, config, picture.parent)
    assert end.code == 2
    assert 'is a folder: give one picture' in end.err


def test_gap_of_the_page_is_white(
    run_tool: Callable, config: Path, picture: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'queries.png'
    end = run_tool(TOOL, config, picture, '--out', out, '--num-queries', 0)
    assert end.code == 0, end.err
    page = read(out)
    assert page.shape[:2] == GridLayout(SIZE).page(4, 2)
    assert (page[:GAP] == 255).all()
