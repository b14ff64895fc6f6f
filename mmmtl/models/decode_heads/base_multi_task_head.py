"""The contract of every multi-task decode head, and what all heads share."""

from __future__ import annotations

import dataclasses
from abc import ABCMeta, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmmtl.models.decode_heads.task_outputs import TaskOutput, read_tasks
from mmmtl.models.layers.gradients import weigh_gradient
from mmmtl.models.layers.resize import resize_bilinear
from mmmtl.models.losses import BaseTaskLoss, TaskLosses
from mmmtl.models.losses.by_task import is_loss
from mmmtl.registry import MODELS, build_in_scope
from mmmtl.structures import MultiTaskDataSample, stack_labels
from mmmtl.tasks import TASKS, get_task

TaskMaps = dict[str, Tensor]


class BaseMultiTaskHead(BaseModule, metaclass=ABCMeta):
    """Features in, one map per task out; losses and predictions on top.

    A subclass implements :meth:`forward` (and, where its paper supervises
    intermediate maps, :meth:`forward_with_auxiliary`). Losses and
    predictions follow from the tasks' kinds and are written here once.

    Attributes:
        LEAST_TASKS: Tasks, auxiliary ones included, that the head needs.
        STARTS_AT_BIAS: Whether the head starts the biases of its last layers
            at ``initial_bias``, as ours do. For any other head it is added
            to the logits here, and 0 in ``outputs``: the head need not know
            of it.
        outputs: What was configured for each task, in the config's order.
        auxiliary_outputs: The same of tasks that are supervised at
            intermediate scales only and never predicted.
    """

    LEAST_TASKS: ClassVar[int] = 1
    STARTS_AT_BIAS: ClassVar[bool] = False

    def __init__(
        self,
        *,
        tasks: Mapping[str, Mapping[str, Any]],
        auxiliary_tasks: Mapping[str, Mapping[str, Any]] | None = None,
        init_cfg: Any = None,
    ) -> None:
        """Check the tasks and build their losses.

        Args:
            tasks: Per task a dictionary with ``out_channels`` (needed for
                classes only), ``loss``, the config of one loss or a list of
                them (that of the task's row if left out, none if None),
                ``initial_bias`` of the last layer (0 if left out), and
                ``max_value`` where the logits are squashed (see
                :class:`TaskOutput`). Their order is the order of the
                outputs.
            auxiliary_tasks: Further tasks of the same form, for heads with
                deep supervision. The head learns them at its intermediate
                maps and does not predict them. Only training needs their
                labels.
            init_cfg: mmengine's initialisation config.

        Raises:
            ValueError: If there are too few tasks, a task is unknown, is
                both main and auxiliary, or its channels are missing or
                contradict the task, or if a loss does not fit its task.
        """
        super().__init__(init_cfg=init_cfg)
        self.outputs: dict[str, TaskOutput] = read_tasks(tasks)
        self.auxiliary_outputs: dict[str, TaskOutput] = (
            read_tasks(auxiliary_tasks, name='auxiliary_tasks')
            if auxiliary_tasks
            else {}
        )
        twice = [task for task in self.auxiliary_outputs if task in tasks]
        if twice:
            raise ValueError(
                f'auxiliary_tasks names {twice}, which are among tasks: leave '
                'them out, tasks are supervised at every scale anyway'
            )
        if len(self.supervised_tasks) < self.LEAST_TASKS:
            raise ValueError(
                f'{type(self).__name__} needs {self.LEAST_TASKS} tasks, found '
                f'{list(self.supervised_tasks)}: add a task, or an auxiliary '
                'one, or use PerTaskHeads'
            )
        self._offsets: dict[str, float] = {}
        if not self.STARTS_AT_BIAS:
            self.outputs = self._take_biases(self.outputs)
            self.auxiliary_outputs = self._take_biases(self.auxiliary_outputs)
        self.losses = nn.ModuleDict(
            {
                name: nn.ModuleList(
                    build_in_scope(MODELS, dict(cfg)) for cfg in output.losses
                )
                for name, output in self._every_output.items()
            }
        )
        for task, output in self._every_output.items():
            place = 'tasks' if task in self.outputs else 'auxiliary_tasks'
            _bind_losses(f'{place}.{task}', output, self.losses[task])

    @property
    def tasks(self) -> tuple[str, ...]:
        """Task names in the order of the config."""
        return tuple(self.outputs)

    @property
    def supervised_tasks(self) -> tuple[str, ...]:
        """All tasks that have losses: the main ones, then auxiliary ones."""
        return tuple(self._every_output)

    @property
    def _every_output(self) -> dict[str, TaskOutput]:
        return self.outputs | self.auxiliary_outputs

    @abstractmethod
    def forward(self, inputs: Any) -> TaskMaps:
        """Compute the logits of every task.

        Args:
            inputs: What the neck gives: a pyramid of (B, C_i, h_i, w_i), or
                ``{task: (B, C, h, w)}``.

        Returns:
            ``{task: (B, K, h, w)}`` in the order of the config.
        """

    def forward_with_auxiliary(
        self, inputs: Any
    ) -> tuple[TaskMaps, dict[str, TaskMaps]]:
        """Compute the logits, and intermediate ones to be supervised too.

        Args:
            inputs: As in :meth:`forward`.

        Returns:
            The logits, and ``{name: {task: (B, K, h, w)}}`` of main and
            auxiliary tasks, empty for heads without deep supervision.
        """
        return self(inputs), {}  # pyrefly: ignore[not-callable]

    def loss(
        self, inputs: Any, data_samples: Sequence[MultiTaskDataSample]
    ) -> TaskLosses:
        """Compute the unweighted losses of every task.

        Logits are resized (bilinear, align_corners=False) to the labels. A
        sample with ``loss_weight`` in its metainfo, a number or numbers by
        task (:class:`mmmtl.datasets.JointDataset`), counts as often in the
        gradients; the values of the losses are those without weights.

        Args:
            inputs: As in :meth:`forward`.
            data_samples: Samples with labels at the size of the network's
                input. A sample may lack any task: it then counts as without
                label, and a batch without any gives a zero loss.

        Returns:
            ``{task: {name: scalar}}``; the losses of an auxiliary map are
            called ``'<auxiliary name>.<loss name>'``. Models other than
            :class:`MultiTaskSegmentor` flatten them for mmengine with
            :func:`mmmtl.models.losses.flatten_losses`.

        Raises:
            ValueError: If a task has no loss.
        """
        logits, auxiliary = self.forward_with_auxiliary(inputs)
        size = _label_size(data_samples)
        losses: TaskLosses = {}
        for task in self.supervised_tasks:
            maps = {
                f'{name}.': found[task]
                for name, found in auxiliary.items()
                if task in found
            }
            if task in logits:
                maps = {'': logits[task]} | maps
            # A batch without any label still needs a (zero) loss of every
            # task, at whatever size, so that all ranks get all gradients.
            any_map = next(iter(maps.values()))
            label = stack_labels(
                data_samples,
                task,
                size or tuple(any_map.shape[-2:]),
                any_map.device,
            )
            weights = [_loss_weight(s, task) for s in data_samples]
            losses[task] = {
                prefix + name: value
                for prefix, found in maps.items()
                for name, value in self._map_losses(
                    task, weigh_gradient(found, weights), label
                ).items()
            }
        return losses

    def predict(self, inputs: Any, size: tuple[int, int]) -> TaskMaps:
        """Compute the logits at the size of the network's input.

        Args:
            inputs: As in :meth:`forward`.
            size: ``(H, W)`` of the input image.

        Returns:
            ``{task: (B, K, H, W)}``.
        """
        found: TaskMaps = self(inputs)  # pyrefly: ignore[not-callable]
        return {
            task: resize_bilinear(self._start(task, logits), size)
            for task, logits in found.items()
        }

    def _take_biases(
        self, outputs: Mapping[str, TaskOutput]
    ) -> dict[str, TaskOutput]:
        """Remember where the tasks start, and return outputs without it."""
        self._offsets |= {
            task: output.initial_bias
            for task, output in outputs.items()
            if output.initial_bias
        }
        return {
            task: dataclasses.replace(output, initial_bias=0.0)
            for task, output in outputs.items()
        }

    def _start(self, task: str, logits: Tensor) -> Tensor:
        if task not in self._offsets:
            return logits
        return logits + self._offsets[task]

    def _map_losses(
        self, task: str, logits: Tensor, label: Tensor
    ) -> dict[str, Tensor]:
        """Return the losses of one map by their names."""
        if not self.losses[task]:
            raise ValueError(
                f'task {task!r} has no loss: add '
                f'tasks={{{task!r}: dict(loss=dict(type=...))}} to the head'
            )
        logits = resize_bilinear(
            self._start(task, logits), tuple(label.shape[-2:])
        )
        values = self._every_output[task].to_values(logits)
        return {
            loss.loss_name: loss(values, label) for loss in self.losses[task]
        }


def _bind_losses(
    place: str, output: TaskOutput, losses: Iterable[nn.Module]
) -> None:
    """Tell losses the task's settings; refuse those that would be wrong.

    Losses of other packages do not say what they need.
    """
    row = get_task(output.task)
    names: set[str] = set()
    for loss in losses:
        if loss.loss_name in names:
            raise ValueError(
                f'{place}.loss: two losses are called {loss.loss_name!r} and '
                'one would replace the other: give one a loss_name'
            )
        if not is_loss(loss.loss_name):
            raise ValueError(
                f'{place}.loss: {type(loss).__name__} has the loss_name '
                f'{loss.loss_name!r}: put "loss" into it, otherwise it is '
                'logged and not learned from'
            )
        names.add(loss.loss_name)
        if not isinstance(loss, BaseTaskLoss):
            continue
        name = type(loss).__name__
        if not isinstance(row.kind, loss.kind):
            raise ValueError(
                f'{place}.loss: {name} is for tasks of kind '
                f'{loss.kind.__name__}, this one is '
                f'{type(row.kind).__name__}: leave the key out for '
                f'{row.loss["type"]}'
            )
        loss.settings = row.kind
        if loss.channels and output.channels not in loss.channels:
            raise ValueError(
                f'{place}.loss: {name} needs logits of '
                f'{" or ".join(map(str, loss.channels))} channels, but the '
                f'task has {output.channels}: correct loss or out_channels'
            )
        if loss.needs_max_value and output.max_value is None:
            raise ValueError(
                f'{place}.max_value=None, but its loss {name} takes '
                'logarithms of the predictions: give the largest value in '
                f'the unit of the labels, such as {place}.max_value=10.0'
            )


def _loss_weight(sample: MultiTaskDataSample, task: str) -> float:
    weight = sample.metainfo.get('loss_weight', 1.0)
    return weight.get(task, 1.0) if isinstance(weight, Mapping) else weight


def _label_size(
    samples: Sequence[MultiTaskDataSample],
) -> tuple[int, ...] | None:
    for sample in samples:
        for task in TASKS:
            if sample.has_gt(task):
                return tuple(sample.get_gt(task).shape[-2:])
    return None
