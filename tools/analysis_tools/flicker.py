"""Measures how much a model's predictions flicker, and what steadying costs.

Example::

    python tools/analysis_tools/flicker.py rooms-lite0 --strengths 0 0.5 0.7
    python tools/analysis_tools/flicker.py rooms-lite0 --video room.mp4

Rendered clips have exact flow and labels: the warp error stands beside the
usual figure of each task. A video has neither: its flow is estimated.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mmmtl.engine.errors import user_errors
from mmmtl.errors import UserError
from mmmtl.io.folders import check_out
from mmmtl.io.json_file import write_json

# Cameras of the clips, and the factor of their motion.
_CAMERAS = {'moving': 1.0, 'still': 0.0}
# The column of the true maps, beside those of strengths.
_LABELS = 'labels'


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(
        description='Measure flicker without and with the stabiliser'
    )
    parser.add_argument('model', help='name of a model, or its folder')
    parser.add_argument(
        '--video',
        type=Path,
        metavar='FILE',
        help='measure on a video in place of rendered clips',
    )
    parser.add_argument('--clips', type=int, default=3)
    parser.add_argument(
        '--frames', type=int, default=24, help='frames of each clip or video'
    )
    parser.add_argument(
        '--size', type=int, nargs=2, default=(192, 256), metavar=('H', 'W')
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--strengths',
        type=float,
        nargs='+',
        default=(0.0, 0.3, 0.5, 0.7, 0.85),
        help='of the stabiliser; 0 is without (default: %(default)s)',
    )
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--out', type=Path, metavar='FILE.json')
    return parser.parse_args()


@dataclass(frozen=True)
class Shot:
    """A frame, and what is known of it.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        flow: (H, W, 2) backward flow; None of a first frame.
        seen: (H, W) bool, where the flow holds.
        motion: Of the camera since the frame before, if known.
        labels: ``{task: (C, H, W)}``, if there are any.
    """

    image: np.ndarray
    flow: Any = None
    seen: Any = None
    motion: Any = None
    labels: dict[str, np.ndarray] = field(default_factory=dict)


class Tally:
    """Warp error and usual figure of one task."""

    def __init__(self, task: str, dataset_meta: dict[str, Any]) -> None:
        """Start without a frame."""
        from mmmtl.registry import METRICS
        from mmmtl.tasks import get_task

        self.row = get_task(task)
        self.sums = np.zeros(2)
        config: dict[str, Any] = dict(self.row.metric, task=task)
        if config['type'] == 'BoundaryMetric':
            # Lines of hundreds of frames take minutes to match.
            config = dict(type='PixelEdgeMetric', task=task)
        if config['type'] == 'SegmentationMetric':
            config['num_classes'] = len(dataset_meta[self.row.classes_key])
        self.metric = METRICS.build(config)

    def add(
        self, now: np.ndarray, before: np.ndarray | None, shot: Shot
    ) -> None:
        """Count a prediction."""
        from mmmtl.evaluation.functional import warp_error_sums

        if before is not None and shot.flow is not None:
            self.sums += warp_error_sums(
                self.row.kind, now, before, shot.flow, shot.seen, shot.motion
            )
        if shot.labels:
            label = shot.labels[self.row.name]
            sample = {
                self.row.pred_field: {'data': now},
                self.row.gt_field: {'data': label},
            }
            self.metric.process(None, [sample])

    def figures(self) -> dict[str, float]:
        """Return what was found, by name and unit."""
        from mmmtl.evaluation.functional import warp_error

        kind = self.row.kind
        found = {
            _said('warp error', kind.difference_unit): warp_error(self.sums)
        }
        if self.metric.results:
            scores = self.metric.compute_metrics(self.metric.results)
            name = next(n for n in (self.row.primary, *scores) if n in scores)
            unit = self.metric.unit_of(name, kind)
            found[_said(name, unit)] = scores[name]
        return found


def _said(name: str, unit: str) -> str:
    return f'{name} ({unit})' if unit else name


def rendered(
    args: argparse.Namespace, number: int, motion: float
) -> Iterator[Shot]:
    """Yield the frames of a clip that no model was trained on."""
    from mmmtl.geometry.motion import camera_motion, exact_flow
    from mmmtl.rooms.path import clip_seed, render_clip
    from mmmtl.tasks import TASKS

    before = None
    for frame in render_clip(
        clip_seed(args.seed, number),
        args.frames,
        *args.size,
        varied=True,
        motion=motion,
        grain=True,
    ):
        view = frame.sample
        known: dict[str, Any] = {}
        if before is not None:
            poses = frame.camera.pose(), before.camera.pose()
            matrix = frame.camera.intrinsics(*args.size)
            flow, seen = exact_flow(
                view.depth, poses[0], before.sample.depth, poses[1], matrix
            )
            known = dict(
                flow=flow,
                seen=seen,
                motion=camera_motion(*poses, matrix, flow),
            )
        labels = {
            task: np.atleast_3d(getattr(view, task)).transpose(2, 0, 1)
            for task in TASKS
            if hasattr(view, task)
        }
        image = np.ascontiguousarray(view.image[..., ::-1])
        yield Shot(image, labels=labels, **known)
        before = frame


def filmed(args: argparse.Namespace) -> Iterator[Shot]:
    """Yield the first frames of a video."""
    import cv2

    from mmmtl.geometry.optical_flow import optical_flow
    from mmmtl.io.video import open_video

    flow = seen = before = None
    with open_video(args.video) as video:
        for image in islice(video.frames, args.frames):
            grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
            if before is not None:
                flow, seen = optical_flow(grey, before)
            yield Shot(image, flow, seen)
            before = grey
    if flow is None:
        raise UserError(f'--video {args.video}: it has one frame only')


class Trial:
    """One model on the clips of one camera, at several strengths."""

    def __init__(self, opened: Any, strengths: list[float]) -> None:
        """Start without a clip."""
        meta = opened.model.dataset_meta
        self.opened = opened
        self.strengths = strengths
        self.tallies: dict[Any, dict[str, Tally]] = {
            column: {task: Tally(task, meta) for task in opened.model.tasks}
            for column in (_LABELS, *strengths)
        }
        self.model_ms: list[float] = []
        self.steady_ms: list[float] = []

    def add(self, shots: Iterable[Shot]) -> None:
        """Predict a clip, frame by frame, and count it at all strengths."""
        from mmmtl.apis.stabiliser import Stabiliser

        stabilisers = {s: Stabiliser(s) for s in self.strengths}
        before: dict[Any, dict[str, np.ndarray]] = {}
        for shot in shots:
            soft = self._soft(shot.image)
            columns: dict[Any, dict[str, np.ndarray]] = {
                strength: self._steady(stabiliser, shot.image, soft)
                for strength, stabiliser in stabilisers.items()
            }
            if shot.labels:
                columns[_LABELS] = _as_compared(shot.labels)
            for column, maps in columns.items():
                for task, tally in self.tallies[column].items():
                    tally.add(
                        maps[task], before.get(column, {}).get(task), shot
                    )
            before = columns

    def _steady(
        self, stabiliser: Any, image: np.ndarray, soft: dict[str, Any]
    ) -> dict[str, np.ndarray]:
        from mmmtl.tasks import get_task

        start = time.perf_counter()
        found = stabiliser(image, soft)
        if stabiliser.strength:
            self.steady_ms.append(1e3 * (time.perf_counter() - start))
        return _as_compared(
            {
                task: get_task(task).kind.finalize(values).cpu().numpy()
                for task, values in found.items()
            }
        )

    def _soft(self, image: np.ndarray) -> dict[str, Any]:
        from mmmtl.apis.pictures import Picture
        from mmmtl.apis.soft_maps import predict_soft

        item = self.opened.pipeline(Picture('frame', array=image))
        start = time.perf_counter()
        [(_, soft)] = predict_soft(self.opened.model, [item])
        self.model_ms.append(1e3 * (time.perf_counter() - start))
        return soft

    def result(self) -> dict[str, Any]:
        """Return all figures: by column and task, and times."""
        return {
            'figures': {
                str(column): {t: tally.figures() for t, tally in row.items()}
                for column, row in self.tallies.items()
            },
            'model_ms': float(np.median(self.model_ms)),
            'stabiliser_ms': float(np.median(self.steady_ms or [0.0])),
        }


def _as_compared(maps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return maps of numbers in the precision they are compared in."""
    from mmmtl.tasks import get_task

    return {
        task: values.astype(np.float32)
        if get_task(task).kind.pred_dtype.is_floating_point
        else values
        for task, values in maps.items()
    }


def table(result: dict[str, Any], *, labels: bool) -> str:
    """Return the figures as Markdown."""
    figures = dict(result['figures'])
    truth = figures.pop(_LABELS)
    lines = [
        f'| task | figure | {"labels | " if labels else ""}'
        + ' | '.join(figures)
        + ' |'
    ]
    lines.append('|---|---|' + '---:|' * (len(figures) + labels))
    for task, names in next(iter(figures.values())).items():
        for index, name in enumerate(names):
            values = [
                f'{column[task][name]:.4g}' for column in figures.values()
            ]
            if labels:
                own = f'{truth[task][name]:.4g}' if index == 0 else ''
                values.insert(0, own)
            lines.append(f'| {task} | {name} | {" | ".join(values)} |')
    lines.append(
        f'\nmedian milliseconds a frame: model {result["model_ms"]:.1f}, '
        f'stabiliser {result["stabiliser_ms"]:.1f}'
    )
    return '\n'.join(lines)


def measure(args: argparse.Namespace) -> None:
    """Do as the command line says."""
    from mmmtl.apis import open_model

    if args.out is not None:
        check_out('--out', args.out, '.json')
    if min(args.clips, args.frames - 1) < 1:
        raise UserError(
            f'--clips {args.clips} --frames {args.frames}: give 1 clip or '
            'more of 2 frames or more'
        )
    opened = open_model(args.model, device=args.device)
    results = {}
    for camera, motion in _CAMERAS.items():
        trial = Trial(opened, list(args.strengths))
        if args.video is not None:
            camera = str(args.video)
            trial.add(filmed(args))
        else:
            for number in range(args.clips):
                trial.add(rendered(args, number, motion))
        results[camera] = trial.result()
        print(f'\n{camera}\n')
        print(table(results[camera], labels=args.video is None), flush=True)
        if args.video is not None:
            break
    if args.out is not None:
        write_json(args.out, results)


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with user_errors():
        measure(args)


if __name__ == '__main__':
    main()
