"""Do config, model, data sets and weights belong together?

What does not would show late: a task without labels trains to nothing, a
metric of a task that the model does not predict stops the first validation,
thousands of iterations into a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from mmengine.dataset import InfiniteSampler
from mmengine.evaluator import BaseMetric
from mmengine.hooks import CheckpointHook, EarlyStoppingHook, EMAHook
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from torch import nn

from mmmtl.datasets.joint import leaves, our_data_sets, parts_of
from mmmtl.datasets.sample_stream import SampleStream
from mmmtl.datasets.transforms.pasted import refuse_pasted
from mmmtl.engine.checkpoint import bare_model
from mmmtl.engine.config import walk_dicts
from mmmtl.engine.distributed import together
from mmmtl.engine.fully_sharded import FullyShardedModel
from mmmtl.engine.weights import check_pretrained_fit
from mmmtl.errors import UserError, did_you_mean
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric
from mmmtl.models.weighting import GradNormWeighting
from mmmtl.registry import PARAM_SCHEDULERS
from mmmtl.tasks import get_task
from mmmtl.visualization.painters import painter_of


def preflight(runner: Runner, purpose: Literal['train', 'test']) -> None:
    """Refuse a run whose parts do not belong together.

    Data sets and metrics are built here, as the run would do first. What is
    not ours (models without tasks, other libraries' data sets and metrics)
    is not looked at.

    Args:
        runner: A runner that has not started.
        purpose: What it is about to do.

    Raises:
        UserError: Names the parts and where to change them.
    """
    head = getattr(bare_model(runner.model), 'decode_head', None)
    with together():
        for task in getattr(head, 'outputs', ()):
            painter_of(task)  # a wrong name would show in the first picture
        if purpose == 'train':
            check_counting(runner)
            check_shareable(runner)
            check_watched(runner)
            check_pretrained_fit(runner.cfg, runner.model)
            dataset = runner.train_dataloader.dataset
            check_wrappers(dataset)
            check_class_counts('train_dataloader', dataset, head)
            check_training_labels(dataset, head)
            loops = {'val': runner.val_loop}
        else:
            loops = {'test': runner.test_loop}
        for name, loop in loops.items():
            if loop is None:
                continue
            dataset = loop.dataloader.dataset
            check_wrappers(dataset)
            check_class_counts(f'{name}_dataloader', dataset, head)
            check_metrics(name, loop.evaluator.metrics, dataset, head)


def check_shareable(runner: Runner) -> None:
    """Refuse what needs whole weights where each process has a part.

    Args:
        runner: A runner that has not started.
    """
    model = runner.model
    if not isinstance(model, FullyShardedModel):
        return
    wrong = [
        type(part).__name__
        for part in (*runner.hooks, *model.modules())
        if isinstance(part, (EMAHook, GradNormWeighting))
    ]
    for _, node in walk_dicts(runner.optim_wrapper):
        kind = str(node.get('type', '')).rpartition('.')[2]
        wrong += [kind] if kind == 'AggregationOptimWrapper' else []
    if wrong:
        raise UserError(
            'model_wrapper_cfg.type=FullyShardedModel: '
            f'{" and ".join(wrong)} needs whole weights in each process: '
            'leave it out, or leave model_wrapper_cfg out'
        )


def check_wrappers(dataset: Any) -> None:
    """Refuse wrappers with transforms that our labels do not follow.

    A data set of ours looks at its own pipeline when it is built.

    Args:
        dataset: The built data set, or a wrapper of some.

    Raises:
        ValueError: Names the transform, and ours to use.
    """
    parts = parts_of(dataset)
    if parts and any(our_data_sets(dataset)):
        refuse_pasted(vars(dataset).get('pipeline', ()), has_labels=True)
    for part in parts:
        check_wrappers(part)


def check_counting(runner: Runner) -> None:
    """Refuse what counts epochs in a loop without them, and no end of one.

    A schedule of epochs never moves in an iteration loop, and checkpoints of
    epochs are written at its end only. An epoch over an infinite sampler has
    no end.

    Args:
        runner: A runner that has not started; its schedules are not built.
    """
    loop = runner.train_loop
    for name in ('max_iters', 'max_epochs', 'val_interval'):
        if getattr(loop, name, 1) < 1:
            raise UserError(
                f'train_cfg.{name}={getattr(loop, name)}: give 1 or more'
            )
    if isinstance(loop, EpochBasedTrainLoop):
        sampler = getattr(loop.dataloader.batch_sampler, 'sampler', None)
        endless = isinstance(sampler, SampleStream) and sampler.is_endless()
        if endless or isinstance(sampler, InfiniteSampler):
            raise UserError(
                'train_dataloader.sampler is an InfiniteSampler, with which '
                'the first epoch of train_cfg.type=EpochBasedTrainLoop never '
                "ends: use sampler=dict(type='DefaultSampler', shuffle=True)"
            )
    if not isinstance(loop, IterBasedTrainLoop):
        return
    wrong = [
        f'param_scheduler.{path}'.rstrip('.')
        for path, node in walk_dicts(runner.param_schedulers)
        if 'type' in node and _counts_epochs(node)
    ]
    if any(isinstance(h, CheckpointHook) and h.by_epoch for h in runner.hooks):
        wrong.append('default_hooks.checkpoint')
    if wrong:
        raise UserError(
            f'{" and ".join(wrong)} counts epochs, of which train_cfg.type='
            'IterBasedTrainLoop has none: set by_epoch=False there'
        )


def check_watched(runner: Runner) -> None:
    """Refuse to keep the best by, or to wait for, what nobody measures.

    Names of metrics of other libraries are known only after a validation.

    Args:
        runner: A runner that has not started.

    Raises:
        UserError: Names the setting, and what is measured.
    """
    watched = [
        (f'{type(hook).__name__}.{key}', getattr(hook, key) or ())
        for hook in runner.hooks
        for kind, key in (
            (CheckpointHook, 'save_best'),
            (EarlyStoppingHook, 'monitor'),
        )
        if isinstance(hook, kind)
    ]
    watched += [
        (f'param_scheduler.{path}.monitor', node['monitor'])
        for path, node in walk_dicts(runner.param_schedulers)
        if 'monitor' in node
    ]
    evaluator = runner.val_loop.evaluator if runner.val_loop else None
    metrics = getattr(evaluator, 'metrics', ())
    if not all(isinstance(metric, BaseTaskMetric) for metric in metrics):
        return
    names = ['auto'] * bool(metrics)
    names += ['delta_m'] * bool(getattr(evaluator, 'single_task', None))
    names += [f'{m.prefix}/{name}' for m in metrics for name in m.reports]
    for place, wanted in watched:
        for name in [wanted] if isinstance(wanted, str) else wanted:
            # Of each of several data sets: rooms/depth/rmse.
            known = any(f'/{name}'.endswith(f'/{one}') for one in names)
            if not known:
                raise UserError(
                    f'{place}={name!r}: no validation measures it; '
                    + did_you_mean(name, names)
                )


def _counts_epochs(scheduler: Mapping[str, Any]) -> bool:
    kind = scheduler['type']
    if isinstance(kind, str):
        kind = PARAM_SCHEDULERS.get(kind)
    # Those that watch a metric move after each validation.
    watches = getattr(kind, 'need_val_args', False)
    converted = scheduler.get('convert_to_iter_based', False)
    return scheduler.get('by_epoch', True) and not (watches or converted)


def check_class_counts(
    loader: str, dataset: Any, head: nn.Module | None
) -> None:
    """Refuse a head with another number of classes than a data set.

    Args:
        loader: Key of the data set's loader in the config.
        dataset: The built data set, or a wrapper of some.
        head: The model's; its auxiliary tasks count, too.
    """
    places = {
        'tasks': getattr(head, 'outputs', {}),
        'auxiliary_tasks': getattr(head, 'auxiliary_outputs', {}),
    }
    for part in our_data_sets(dataset):
        for name in (get_task(task).classes_key for task in part.tasks):
            # mmengine reads a list where it gets a path, if there is a file.
            if isinstance(part.metainfo.get(name), str):
                raise UserError(
                    f'{part.metainfo[name]}, which metainfo.{name} in '
                    f'{loader} names, is missing'
                )
        for task, count in part.class_counts().items():
            fitting = get_task(task).kind.out_channels(count)
            for place, outputs in places.items():
                if task in outputs and outputs[task].channels not in fitting:
                    raise UserError(
                        f'the data set of {loader} has {count} classes of '
                        f'{task}, the model {outputs[task].channels} '
                        f'channels: set model.decode_head.{place}.{task}.'
                        f'out_channels={fitting[0]}, or the classes in the '
                        "data set's metainfo"
                    )


def check_training_labels(dataset: Any, head: nn.Module | None) -> None:
    """Refuse a supervised task that no training data set has labels of.

    Its loss would be zero throughout. Several data sets may each have labels
    of some tasks.

    Args:
        dataset: The built training data set, or a wrapper of some.
        head: The model's.
    """
    labelled = labelled_tasks(dataset)
    places = {
        'tasks': getattr(head, 'outputs', {}),
        'auxiliary_tasks': getattr(head, 'auxiliary_outputs', {}),
    }
    for place, supervised in places.items():
        absent = [task for task in supervised if task not in labelled]
        if absent and labelled:
            raise UserError(
                f'model.decode_head.{place} has {absent}, of which no '
                'training data set reads labels: add them to '
                'train_dataloader.dataset.tasks, or take them out of the head'
            )


def check_metrics(
    name: str,
    metrics: Sequence[BaseMetric],
    dataset: Any,
    head: nn.Module | None,
) -> None:
    """Refuse a metric of a task without prediction, or without any label.

    Args:
        name: ``val`` or ``test``.
        metrics: The built metrics.
        dataset: The built data set that they measure on.
        head: The model's; auxiliary tasks are not predicted.
    """
    measured = {m.task: None for m in metrics if isinstance(m, BaseTaskMetric)}
    predicted = getattr(head, 'outputs', measured)
    if absent := [task for task in measured if task not in predicted]:
        raise UserError(
            f'{name}_evaluator measures {absent}, which the model does not '
            f'predict (it predicts {list(predicted)}): take the metrics out, '
            'or add the tasks to model.decode_head.tasks'
        )
    labelled = labelled_tasks(dataset) or measured
    if absent := [task for task in measured if task not in labelled]:
        raise UserError(
            f'{name}_evaluator measures {absent}, of which its data set '
            f'reads no labels: add them to {name}_dataloader.dataset.tasks, '
            'or take the metrics out'
        )


def labelled_tasks(dataset: Any) -> Mapping[str, None]:
    """Return the tasks that data sets read labels of; none if unknown.

    Args:
        dataset: A built data set, or a wrapper of some. Of another library's
            data set nobody knows what it gives.
    """
    parts = list(leaves(dataset))
    ours = list(our_data_sets(dataset))
    if len(ours) < len(parts):
        return {}
    return {task: None for part in ours for task in part.tasks}
