"""The registered metric: sums per sample, protocol options, workers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.config import Config
from PIL import Image
from scipy.io import savemat

from mmmtl.errors import DatasetError
from mmmtl.evaluation import BoundaryMetric, MultiTaskEvaluator
from mmmtl.evaluation.functional.boundary import (
    best_counts,
    boundary_scores,
    even_thresholds,
    image_counts,
    protocol_thresholds,
    to_grey,
)
from mmmtl.evaluation.image_lists import read_image_list
from mmmtl.geometry import outline, thin
from mmmtl.registry import DATASETS, METRICS, build_in_scope
from mmmtl.structures import MultiTaskDataSample
from tests.test_datasets.pascal_folder import write_pascal
from tests.test_evaluation.metric_cases import to_sample
from tests.test_evaluation.test_boundary.fixture import draw_two_points

OPTIONS = dict(max_dist=0.03, thresholds=9)


def draw_pairs(number: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Draw blurred lines and thin labels of several sizes, (1, H, W)."""
    rng = np.random.default_rng(8)
    pairs = []
    for index in range(number):
        height, width = 40 + 3 * index, 50 - 2 * index
        smooth = np.cumsum(np.cumsum(rng.normal(size=(height, width)), 0), 1)
        line = thin(abs(smooth - np.median(smooth)) < 3)
        soft = rng.random((height, width)) ** 3
        soft[line] = 0.4 + 0.6 * rng.random(int(line.sum()))
        label = np.roll(line, 1, axis=0).astype(np.int64)
        label[:3, :4] = 255
        pairs.append((soft[None].astype(np.float32), label[None]))
    return pairs


def store(
    pairs: list[tuple[np.ndarray, np.ndarray]], folder: Path
) -> list[MultiTaskDataSample]:
    """Write maps of regions, one picture and else LabelMaps; return samples.

    The samples' own labels are other lines, and have a gap.
    """
    samples = []
    for index, (prediction, label) in enumerate(pairs):
        regions = draw_regions(label.shape[1:])
        path = folder / f'{index}{".mat" if index else ".png"}'
        if index:
            savemat(path, {'LabelMap': regions})
        else:
            Image.fromarray(regions).save(path)
        sample = to_sample('edge', (prediction, label))
        sample.set_metainfo(
            dict(sample_id=str(index), label_paths=dict(edge=str(path)))
        )
        samples.append(sample)
    return samples


def draw_regions(size: tuple[int, int]) -> np.ndarray:
    y, x = np.mgrid[: size[0], : size[1]]
    return (x // 13 + y // 11 * 4 + (x > y)).astype(np.uint8)


def evaluate_samples(
    samples: list[MultiTaskDataSample], **options: object
) -> dict[str, float]:
    evaluator = MultiTaskEvaluator([BoundaryMetric(**options)])
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))


def evaluate(
    pairs: list[tuple[np.ndarray, np.ndarray]],
    split: list[int] | None = None,
    **options: object,
) -> dict[str, float]:
    metric = build_in_scope(
        METRICS, dict(type='BoundaryMetric', **{**OPTIONS, **options})
    )
    evaluator = MultiTaskEvaluator([metric])
    samples = [to_sample('edge', pair) for pair in pairs]
    for part in np.split(np.arange(len(samples)), split or []):
        evaluator.process([samples[i] for i in part])
    return evaluator.evaluate(len(samples))


@pytest.mark.parametrize('nms', [True, False])
def test_equals_the_functional_numerics_in_percent(nms: bool) -> None:
    pairs = draw_pairs(3)
    counts = []
    for prediction, label in pairs:
        strength = np.where(label[0] == 255, 0, prediction[0])
        counts.append(
            image_counts(
                to_grey(strength.astype(np.float32)) / 255,
                [label[0] == 1],
                thresholds=even_thresholds(9),
                max_dist=0.03,
                nms=nms,
            )
        )
    want = boundary_scores(
        sum(counts), sum(map(best_counts, counts)), even_thresholds(9)
    )
    found = evaluate(pairs, nms=nms)
    assert found == {
        'edge/odsF': 100 * want.ods_f,
        'edge/oisF': 100 * want.ois_f,
        'edge/AP': 100 * want.ap,
    }
    assert 5 < found['edge/odsF'] < 99


@pytest.mark.parametrize('split', [[1, 2, 3], [3], [2]])
def test_any_split_equals_the_whole(split: list[int]) -> None:
    pairs = draw_pairs(4)
    assert evaluate(pairs, split) == evaluate(pairs)


def test_a_perfect_prediction_is_ideal() -> None:
    pairs = [
        ((label == 1).astype(np.float32), label) for _, label in draw_pairs(2)
    ]
    found = evaluate(pairs, nms=False)
    assert found['edge/odsF'] == found['edge/oisF'] == 100


def test_the_tolerance_matters() -> None:
    pairs = draw_pairs(2)
    strict = evaluate(pairs, max_dist=0.001)['edge/odsF']
    assert strict < evaluate(pairs)['edge/odsF'] - 10


def test_an_ignored_pixel_changes_nothing() -> None:
    pairs = draw_pairs(2)
    before = evaluate(pairs)
    prediction, label = pairs[0]
    prediction[label == 255] = 1
    assert evaluate(pairs) == before
    prediction[label == 255] = np.nan
    assert evaluate(pairs) == before
    label[:, 10:30] = 255
    assert evaluate(pairs) != before


def test_a_sample_without_label_counts_nothing() -> None:
    pairs = draw_pairs(3)
    want = evaluate(pairs[:2])
    pairs[2][1][:] = 255
    assert evaluate(pairs) == want
    with pytest.raises(ValueError, match=r'none of 1 samples.*edge'):
        evaluate(pairs[2:])


def test_labels_without_a_boundary_are_refused() -> None:
    pairs = draw_pairs(1)
    pairs[0][1][:] = 0
    with pytest.raises(ValueError, match='is a boundary: check the labels'):
        evaluate(pairs)


def test_labels_are_thinned_unless_told_otherwise() -> None:
    """A perfect prediction of a thick label, which is thinned."""
    label = np.zeros((1, 40, 50), dtype=np.int64)
    label[0, 10:13, 5:40] = label[0, 12:30, 20:23] = 1
    pairs = [(label.astype(np.float32), label)]
    assert evaluate(pairs, nms=False)['edge/odsF'] == 100
    thick = evaluate(pairs, nms=False, thin_labels=False)['edge/odsF']
    # R = thinned / all pixels of the label, P = 1.
    recall = thin(label[0] == 1).sum() / label.sum()
    assert thick == pytest.approx(200 * recall / (1 + recall))
    assert thick < 60


@pytest.mark.parametrize('thresholds', [None, 5])
def test_seism_measures_the_outline_of_the_stored_map(
    thresholds: int | None, tmp_path: Path
) -> None:
    pairs = draw_pairs(3)
    cuts = protocol_thresholds('seism', thresholds)
    counts = [
        image_counts(
            to_grey(prediction[0]) / 255,
            [thin(outline(draw_regions(prediction.shape[1:])))],
            thresholds=cuts,
            max_dist=0.03,
            nms=True,
            thin_labels=False,
        )
        for prediction, _ in pairs
    ]
    want = boundary_scores(
        sum(counts), sum(map(best_counts, counts)), cuts, interpolate=False
    )
    found = evaluate_samples(
        store(pairs, tmp_path),
        max_dist=0.03,
        protocol='seism',
        thresholds=thresholds,
    )
    assert found == {'edge/seism_odsF': 100 * want.ods_f}
    assert 5 < found['edge/seism_odsF'] < 99


def test_convention_seism_does_not_interpolate(tmp_path: Path) -> None:
    regions, prediction = draw_two_points()
    Image.fromarray(regions).save(tmp_path / 'a.png')
    sample = to_sample('edge', (prediction[None], np.zeros((1, 40, 60), int)))
    sample.set_metainfo(dict(label_paths=dict(edge=str(tmp_path / 'a.png'))))
    found = evaluate_samples(
        [sample], protocol='seism', max_dist=0.001, nms=False, thresholds=2
    )
    assert found == {'edge/seism_odsF': pytest.approx(400 / 7)}


def test_seism_of_a_padded_image_is_at_the_size_of_its_file(
    repo_root: Path, tmp_path: Path
) -> None:
    """PASCAL-Context as its config loads it: three regions side by side."""
    size = (60, 96)
    write_pascal(tmp_path, size=size)
    path = repo_root / 'configs/_base_/datasets/pascal-context.py'
    settings = Config.fromfile(path).val_dataloader.dataset
    settings.data_root = str(tmp_path)
    packed = build_in_scope(DATASETS, settings)[0]
    assert packed['inputs'].shape[1:] == (512, 512)
    sample = packed['data_samples']
    line = np.zeros((1, *size), np.float32)
    line[:, :, [31, 63]] = 1  # left of the changes at 32 and 64
    sample.set_pred('edge', torch.from_numpy(line))
    options = dict(protocol='seism', max_dist=0.001, nms=False)
    assert evaluate_samples([sample], **options) == {'edge/seism_odsF': 100}


def test_both_protocols_stand_side_by_side(tmp_path: Path) -> None:
    samples = store(draw_pairs(2), tmp_path)
    alone = [
        evaluate_samples(samples, protocol=protocol, **OPTIONS)
        for protocol in ('berkeley', 'seism')
    ]
    evaluator = MultiTaskEvaluator(
        [
            BoundaryMetric(**OPTIONS),
            BoundaryMetric(protocol='seism', **OPTIONS),
        ]
    )
    evaluator.process(samples)
    assert evaluator.evaluate(2) == alone[0] | alone[1]


def test_seism_reads_no_file_of_a_sample_without_label(
    tmp_path: Path,
) -> None:
    samples = store(draw_pairs(2), tmp_path)
    want = evaluate_samples(samples[:1], protocol='seism', **OPTIONS)
    del samples[1].gt_edge_map
    (tmp_path / '1.mat').unlink()
    assert evaluate_samples(samples, protocol='seism', **OPTIONS) == want


@pytest.mark.parametrize('protocol', ['berkeley', 'seism'])
def test_only_the_listed_images_count(protocol: str, tmp_path: Path) -> None:
    samples = store(draw_pairs(3), tmp_path)
    ids = tmp_path / 'ids.txt'
    ids.write_text('2\n0\n')
    options = dict(protocol=protocol, **OPTIONS)
    want = evaluate_samples([samples[0], samples[2]], **options)
    assert evaluate_samples(samples, ids=ids, **options) == want
    assert evaluate_samples(samples, **options) != want
    with pytest.raises(ValueError, match=r'has 1 of the 2 images.*ids=None'):
        evaluate_samples(samples[:2], ids=ids, **options)


def test_the_list_of_published_figures() -> None:
    ids = read_image_list('pascal_context_seism')
    assert len(ids) == len(set(ids)) == 2498
    assert (ids[0], ids[-1]) == ('2008_000003', '2010_006061')
    digest = hashlib.sha256('\n'.join(ids).encode()).hexdigest()
    assert digest == (
        '36b2fca3b8f3562bbcbcc7b3a6e305fa57bfbb97266dee347fd831eb4faf5317'
    )
    metric = BoundaryMetric(ids='pascal_context_seism', **OPTIONS)
    assert metric.ids == set(ids)
    with pytest.raises(DatasetError, match='one of: pascal_context_seism'):
        BoundaryMetric(ids='pascal_context', **OPTIONS)


def test_entries_stay_small() -> None:
    """They are kept for every sample and pickled between processes."""
    metric = BoundaryMetric(max_dist=0.01)
    metric.process(None, [to_sample('edge', draw_pairs(1)[0]).to_dict()])
    ((_, sums),) = metric.results
    assert sum(array.nbytes for array in sums) < 15_000


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(max_dist=0), 'max_dist=0: it is a share'),
        (dict(max_dist=4.5), 'max_dist=4.5: it is a share'),
        (dict(protocol='siesm'), "protocol='siesm': give 'berkeley' or"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BoundaryMetric(**{**OPTIONS, **options})


def test_missing_prediction_is_refused() -> None:
    sample = MultiTaskDataSample(metainfo=dict(sample_id='0002'))
    sample.set_gt('edge', torch.zeros(1, 4, 4, dtype=torch.int64))
    metric = BoundaryMetric(**OPTIONS)
    with pytest.raises(KeyError, match='pred_edge_map'):
        metric.process(None, [sample.to_dict()])


@pytest.mark.slow
@pytest.mark.parametrize('protocol', ['berkeley', 'seism'])
def test_workers_change_nothing(protocol: str, tmp_path: Path) -> None:
    """More samples than may wait at once, and a second evaluation."""
    pairs = draw_pairs(7)
    pairs[1][1][:] = 255  # no label: no job
    samples = store(pairs, tmp_path)
    options = dict(protocol=protocol, **OPTIONS)
    want = evaluate_samples(samples, **options)
    evaluator = MultiTaskEvaluator([BoundaryMetric(workers=1, **options)])
    for _ in range(2):
        evaluator.process(samples)
        assert evaluator.evaluate(len(pairs)) == want
    assert evaluator.metrics[0]._pool is None


def _work(rank: int, folder: str) -> None:
    dist.init_process_group(
        'gloo', init_method=f'file://{folder}/start', rank=rank, world_size=2
    )
    samples = store(draw_pairs(3), Path(folder, f'maps{rank}'))
    # The sampler repeats the first sample on the second process.
    part = [samples[i] for i in ((0, 2), (1, 0))[rank]]
    evaluator = MultiTaskEvaluator(
        [
            BoundaryMetric(
                collect_dir=f'{folder}/{protocol}',
                protocol=protocol,
                ids=f'{folder}/ids.txt',
                **OPTIONS,
            )
            for protocol in ('berkeley', 'seism')
        ]
    )
    evaluator.process(part)
    scores = evaluator.evaluate(3)
    Path(folder, f'{rank}.json').write_text(json.dumps(scores))
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path: Path) -> None:
    for rank in (0, 1):
        (tmp_path / f'maps{rank}').mkdir()
    (tmp_path / 'ids.txt').write_text('0\n1\n')
    mp.spawn(_work, args=(str(tmp_path),), nprocs=2)
    samples = store(draw_pairs(2), tmp_path)
    want = {}
    for protocol in ('berkeley', 'seism'):
        want |= evaluate_samples(samples, protocol=protocol, **OPTIONS)
    for rank in (0, 1):
        assert json.loads((tmp_path / f'{rank}.json').read_text()) == want
