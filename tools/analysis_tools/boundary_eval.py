"""Boundary scores odsF, oisF and AP of any folder of maps, without MATLAB.

Example::

    python tools/analysis_tools/boundary_eval.py edge_preds data/NYUDv2/edge \
        --max-dist 0.011 --ids data/NYUDv2/gt_sets/val.txt --out result.json

Maps are paired by file stem. The ground truth is a folder of binary pictures
or of the .mat files of the Berkeley data set; its lines are thinned first.

``--protocol seism`` does what the tool of the multi-task papers does: the
ground truth is the outline of the stored map, thinned::

    python tools/analysis_tools/boundary_eval.py edge_preds \
        data/PASCALContext/pascal-context/trainval --max-dist 0.0075 \
        --protocol seism --ids pascal_context_seism --out result.json

Several machines divide the maps; the result is the same::

    torchrun --nnodes 2 ... tools/analysis_tools/boundary_eval.py edge_preds \
        data/NYUDv2/edge --max-dist 0.011 --out result.json \
        --launcher pytorch
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmmtl.engine.errors import user_errors
from mmmtl.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from mmmtl.evaluation.boundary_folder import MapPair
    from mmmtl.evaluation.functional.boundary import BoundaryScores


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(
        description='Exact boundary scores of a folder of maps'
    )
    parser.add_argument('predictions', type=Path, metavar='PRED_DIR')
    parser.add_argument('ground_truth', type=Path, metavar='GT_DIR')
    parser.add_argument(
        '--max-dist',
        type=float,
        required=True,
        help='tolerance as a share of the image diagonal; published: 0.011 '
        'for NYUDv2, 0.0075 for PASCAL-Context and the Berkeley data set',
    )
    parser.add_argument(
        '--protocol',
        choices=('berkeley', 'seism'),
        default='berkeley',
        help='berkeley: ground truth of lines, 99 thresholds, odsF may lie '
        'between two; seism: the outline of the stored map (the edge '
        'pictures of NYUDv2, the LabelMap files of PASCAL-Context), 101 '
        'thresholds, odsF at one of them; default: berkeley',
    )
    parser.add_argument(
        '--nms',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='keep only the crests of the lines first',
    )
    parser.add_argument(
        '--thin',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='thin what is above a threshold to lines of one pixel',
    )
    parser.add_argument(
        '--thin-labels',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='thin the ground truth likewise; with --no-thin-labels it is '
        'taken as it is',
    )
    parser.add_argument(
        '--thresholds',
        type=int,
        metavar='N',
        help='how many, evenly spaced: k / (N + 1); default: those of the '
        'protocol',
    )
    parser.add_argument(
        '--ids',
        metavar='FILE',
        help='evaluate only the stems in this text file, or '
        'pascal_context_seism, the 2498 images of published figures; '
        'default: all of the ground truth',
    )
    parser.add_argument(
        '--workers',
        type=int,
        metavar='N',
        help='processes; the result does not depend on it; default: one per '
        'core',
    )
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm', 'mpi'),
        default='none',
        help='what has started this tool several times (torchrun: pytorch), '
        'on one machine or more; each then takes a share of the maps, with '
        '--workers processes',
    )
    parser.add_argument(
        '--out',
        type=Path,
        required=True,
        metavar='FILE.json',
        help='scores (0 to 1) and counts; the precision-recall curve goes '
        'beside it as .png',
    )
    return parser.parse_args()


def evaluate(args: argparse.Namespace) -> None:
    """Evaluate the folders and write the results.

    Processes of a launcher count the maps of their share; sums of integers
    do not depend on their order.
    """
    from mmengine.dist import (
        all_gather_object,
        get_rank,
        get_world_size,
        is_main_process,
    )

    from mmmtl.evaluation.boundary_folder import count_pairs, pair_maps
    from mmmtl.evaluation.functional.boundary import (
        best_counts,
        boundary_scores,
        protocol_thresholds,
    )
    from mmmtl.evaluation.image_lists import read_image_list
    from mmmtl.io.folders import check_out
    from mmmtl.io.workers import usable_cores

    if not 0 < args.max_dist < 1:
        raise UserError(
            f'--max-dist {args.max_dist}: it is a share of the diagonal, '
            'between 0 and 1'
        )
    for option in ('thresholds', 'workers'):
        value = getattr(args, option)
        if value is not None and value < 1:
            raise UserError(f'--{option} {value}: give 1 or more')
    check_out('--out', args.out, '.json')
    check_apart(args.out, (args.predictions, args.ground_truth))
    seism = args.protocol == 'seism'
    thresholds = protocol_thresholds(args.protocol, args.thresholds)
    pairs, unused = pair_maps(
        args.predictions,
        args.ground_truth,
        None if args.ids is None else read_image_list(args.ids),
        outline=seism,
    )
    if unused and args.ids is None and is_main_process():
        print(
            f'note: {len(unused)} predictions have no ground truth and do '
            f'not count, {unused[0]} for instance'
        )
    own = pairs[get_rank() :: get_world_size()]
    check_files(own)
    counts = count_pairs(
        own,
        thresholds=thresholds,
        max_dist=args.max_dist,
        nms=args.nms,
        thin=args.thin,
        thin_labels=args.thin_labels,
        workers=args.workers or usable_cores() // processes_here() or 1,
    )
    total: Any = 0
    best: Any = 0
    for image in with_progress(counts, 'matching', len(own)):
        total, best = total + image, best + best_counts(image)
    parts = all_gather_object((total, best))
    sums: Any = map(sum, zip(*parts, strict=True))
    total, best = sums
    if is_main_process():
        scores = boundary_scores(
            total, best, thresholds, interpolate=not seism
        )
        write_results(args, scores, total, thresholds)


def processes_here() -> int:
    """Return how many processes torchrun has started on this machine."""
    return int(os.environ.get('LOCAL_WORLD_SIZE', '1'))


def check_apart(out: Path, folders: Sequence[Path]) -> None:
    """Refuse results among the maps: the curve could replace one."""
    for folder in folders:
        if out.resolve().parent == folder.resolve():
            raise UserError(
                f'--out {out} lies among the maps of {folder}, where its '
                f'curve {out.stem}.png could replace one: choose another '
                'folder'
            )


def check_files(pairs: list[MapPair]) -> None:
    """Refuse unfit maps before hours may have been spent on the others."""
    from mmengine.dist import all_gather_object

    from mmmtl.evaluation.boundary_folder import all_problems, check_pairs

    own = check_pairs(with_progress(pairs, 'checking', len(pairs)))
    problems = all_problems(all_gather_object(own))
    if problems:
        more = len(problems) - 1
        raise UserError(
            problems[0] + (f' ({more} more like this)' if more else '')
        )


def with_progress(items: Iterable, what: str, total: int) -> Iterator:
    """Yield the items while a bar on stderr advances, in one process."""
    from mmengine.dist import is_main_process

    from mmmtl.io.workers import progress

    if not is_main_process():
        yield from items
        return
    with progress(what, total) as advance:
        for item in items:
            yield item
            advance()


def write_results(
    args: argparse.Namespace,
    scores: BoundaryScores,
    total: np.ndarray,
    thresholds: np.ndarray,
) -> None:
    """Write scores, counts and curve, and print the scores."""
    from mmmtl.evaluation.functional.boundary import recall_precision
    from mmmtl.io.json_file import write_json
    from mmmtl.visualization.charts import save_precision_recall

    out = args.out
    names = ('cntR', 'sumR', 'cntP', 'sumP')
    write_json(
        out,
        {
            'protocol': args.protocol,
            'odsF': scores.ods_f,
            'oisF': scores.ois_f,
            'AP': scores.ap,
            'thresholds': thresholds,
            **dict(zip(names, total, strict=True)),
        },
    )
    text = (
        f'odsF {scores.ods_f:.4f} at {scores.ods_threshold:.4g} '
        f'(R {scores.ods_recall:.4f}, P {scores.ods_precision:.4f})  '
        f'oisF {scores.ois_f:.4f}  AP {scores.ap:.4f}'
    )
    save_precision_recall(
        *recall_precision(total),
        (scores.ods_recall, scores.ods_precision),
        f'odsF {scores.ods_f:.3f}, oisF {scores.ois_f:.3f}, '
        f'AP {scores.ap:.3f}',
        out.with_suffix('.png'),
    )
    print(text)
    print(f'written to {out} and {out.with_suffix(".png")}')


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with user_errors():
        from mmmtl.engine.distributed import joined

        with joined(args.launcher):
            evaluate(args)


if __name__ == '__main__':
    main()
