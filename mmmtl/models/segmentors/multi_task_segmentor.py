"""The model: backbone, neck, one head for all tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmengine.model import Sequential
from mmseg.models.segmentors import BaseSegmentor
from torch import Tensor, nn

from mmmtl.models.backbones.feature_cache import FeatureCache
from mmmtl.models.backbones.lora import add_lora, reset_lora
from mmmtl.models.backbones.plain_names import accept_plain_names
from mmmtl.models.decode_heads.base_multi_task_head import TaskMaps
from mmmtl.models.losses.by_task import flatten_losses, losses_by_task
from mmmtl.models.postprocess import check_finite, undo_augmentation
from mmmtl.models.segmentors.inference_modes import (
    check_test_cfg,
    slide_windows,
)
from mmmtl.registry import MODELS, build_in_scope
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import Kind, get_task

Config = Mapping[str, Any]


@MODELS.register_module()
class MultiTaskSegmentor(BaseSegmentor):
    """One image in, one map per task out.

    The three modes of mmengine: ``loss`` gives weighted losses by name,
    ``predict`` gives data samples with predictions in real units at the
    original size, ``tensor`` gives ``{task: (B, K, H, W)}`` raw logits at
    the size of the input (what export, profilers and parity checks use).
    """

    def __init__(
        self,
        *,
        backbone: Config,
        decode_head: Config,
        neck: Config | Sequence[Config] | None = None,
        loss_weighting: Config | None = None,
        test_cfg: Config | None = None,
        data_preprocessor: Config | nn.Module | None = None,
        frozen_backbone: bool = False,
        lora: Config | None = None,
        init_cfg: Any = None,
    ) -> None:
        """Build the parts.

        Args:
            backbone: Any backbone of mmseg or mmpretrain that returns a
                pyramid.
            decode_head: A :class:`BaseMultiTaskHead`.
            neck: Between backbone and head; several are run in turn.
            loss_weighting: How the losses of the tasks are combined. None is
                :class:`FixedWeighting` with the ``weight`` beside each loss
                in the head's ``tasks``.
            test_cfg: ``dict(mode='whole')``, or ``dict(mode='slide',
                crop_size=(h, w), stride=(dy, dx))``. ``class_resize`` beside
                it says how maps of classes go back to the original size:
                ``'bilinear'`` resizes the logits, ``'nearest'`` the classes
                that were chosen at the size of the network's input.
            data_preprocessor: :class:`MultiTaskDataPreprocessor`.
            frozen_backbone: The backbone is used as it is: it gets no
                gradient and stays in evaluation mode, so that neither its
                weights nor its statistics change in training.
            lora: Adapters for the backbone, which is otherwise frozen:
                arguments of peft's ``LoraConfig``, such as ``dict(r=8,
                lora_alpha=16, target_modules=['qkv'])``.
            init_cfg: mmengine's initialisation config.

        Raises:
            ValueError: If ``test_cfg`` is not one of the two forms, a task
                has no weight, neck and head have other tasks, or the
                adapters would be frozen, too.
        """
        if isinstance(data_preprocessor, Mapping):
            data_preprocessor = build_in_scope(MODELS, data_preprocessor)
        super().__init__(
            data_preprocessor=data_preprocessor, init_cfg=init_cfg
        )
        self.backbone = build_in_scope(MODELS, backbone)
        self.neck = _build_neck(neck) if neck else None
        self.decode_head = build_in_scope(MODELS, decode_head)
        self._check_neck()
        head = self.decode_head
        outputs = head.outputs | head.auxiliary_outputs
        weights = {task: output.weight for task, output in outputs.items()}
        weighting = loss_weighting or dict(type='FixedWeighting')
        self.loss_weighting = build_in_scope(
            MODELS, {'tasks': weights, **weighting}
        )
        self.loss_weighting.check(weights)
        self.test_cfg = check_test_cfg(test_cfg)
        accept_plain_names(self.backbone)
        self.frozen_backbone = frozen_backbone
        self.has_lora = lora is not None
        self.feature_cache: FeatureCache | None = None
        self._limit_training(lora)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Task names in the order of the config."""
        return self.decode_head.tasks

    def init_weights(self) -> None:
        """Initialise all parts; adapters last, whatever ``init_cfg`` did."""
        starts = not self.is_init
        super().init_weights()
        if self.has_lora and starts:
            reset_lora(self.backbone)

    def train(self, mode: bool = True) -> MultiTaskSegmentor:
        """Set the mode of all parts but a frozen backbone."""
        super().train(mode)
        if self.frozen_backbone:
            self.backbone.eval()
        return self

    def get_layer_depth(self, name: str) -> tuple[int, int]:
        """Return the depth of a parameter, and how many depths there are.

        mmpretrain's ``LearningRateDecayOptimWrapperConstructor`` asks for
        it; its ViT, Swin, ConvNeXt and ResNet know the answer.
        """
        return self.backbone.get_layer_depth(name, 'backbone.')

    def extract_feat(self, inputs: Tensor) -> Any:
        """Return what the head reads, from ``(B, 3, H, W)`` images."""
        features = self._backbone_features(inputs)
        return features if self.neck is None else self.neck(features)

    def _backbone_features(self, inputs: Tensor) -> Sequence[Tensor]:
        if not self.frozen_backbone:
            return self.backbone(inputs)
        if self.feature_cache is not None and self.training:
            return self.feature_cache(self.backbone, inputs)
        # As kept ones are: other strides round otherwise in a convolution.
        return tuple(level.contiguous() for level in self.backbone(inputs))

    def encode_decode(
        self,
        inputs: Tensor,
        batch_data_samples: Sequence[MultiTaskDataSample] | None = None,
    ) -> TaskMaps:
        """Return ``{task: (B, K, H, W)}`` logits of one forward pass."""
        del batch_data_samples  # in mmseg's signature; nothing here needs it
        size = tuple(inputs.shape[-2:])
        return self.decode_head.predict(self.extract_feat(inputs), size)

    def test_logits(self, inputs: Tensor) -> TaskMaps:
        """Return ``{task: (B, K, H, W)}`` logits as ``test_cfg`` says."""
        if self.test_cfg['mode'] == 'whole':
            return self.encode_decode(inputs)
        return slide_windows(
            self.encode_decode,
            inputs,
            self.test_cfg['crop_size'],
            self.test_cfg['stride'],
        )

    def _forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[MultiTaskDataSample] | None = None,
    ) -> TaskMaps:
        return self.encode_decode(inputs, data_samples)

    def loss(
        self, inputs: Tensor, data_samples: Sequence[MultiTaskDataSample]
    ) -> dict[str, Tensor]:
        """Compute the weighted losses; the training loss is their sum.

        Args:
            inputs: ``(B, 3, H, W)`` normalised images.
            data_samples: Samples with padded labels.

        Returns:
            ``{'<task>.<loss name>': scalar}``, and diagnostics, which have
            no "loss" in their names.
        """
        losses = self.decode_head.loss(self.extract_feat(inputs), data_samples)
        return flatten_losses(self.loss_weighting(losses))

    def parse_losses(
        self, losses: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Add the losses up for mmengine, and keep the tasks' sums.

        A loss that is not finite gets NaN for its gradient. The gradient of
        |x - inf| is 1: such a step would be taken, and with several processes
        the others would not hear of it. The factor is exactly 1 otherwise.

        Args:
            losses: What :meth:`loss` returns.

        Returns:
            The total to go backward from, and all values to log. The total's
            attribute ``by_task`` is ``{task: scalar}``: mmengine hands its
            optimizer wrapper this one tensor, and
            :class:`mmmtl.engine.optim.AggregationOptimWrapper` wants the
            gradient of each task.
        """
        total, log_vars = super().parse_losses(losses)
        factor = 1 + 0 * total.detach()
        by_task = losses_by_task(losses)
        total = total * factor
        total.by_task = {task: loss * factor for task, loss in by_task.items()}
        return total, log_vars

    def predict(
        self,
        inputs: Tensor,
        data_samples: Sequence[MultiTaskDataSample] | None = None,
    ) -> list[MultiTaskDataSample]:
        """Predict every task at the original size, in real units.

        Args:
            inputs: ``(B, 3, H, W)`` normalised images.
            data_samples: Samples whose metainfo says what was done to each
                image; None if nothing was.

        Returns:
            The samples (new ones if none were given) with predictions.
        """
        samples = self._samples_for(inputs, data_samples)
        maps = self._original(inputs, samples, lambda kind: kind.decode)
        for sample, predictions in zip(samples, maps, strict=True):
            for task, prediction in predictions.items():
                sample.set_pred(task, prediction)
        return samples

    def predict_soft(
        self,
        inputs: Tensor,
        data_samples: Sequence[MultiTaskDataSample] | None = None,
    ) -> list[TaskMaps]:
        """Predict values that may be averaged over several views.

        Args:
            inputs: ``(B, 3, H, W)`` normalised images.
            data_samples: As in :meth:`predict`.

        Returns:
            Per sample ``{task: (C, H0, W0)}``: class probabilities instead
            of ids, else as in :meth:`predict`.
        """
        samples = self._samples_for(inputs, data_samples)
        return self._original(inputs, samples, lambda kind: kind.activate)

    def _limit_training(self, lora: Config | None) -> None:
        if self.frozen_backbone:
            if lora is not None:
                raise ValueError(
                    f'frozen_backbone=True and lora={dict(lora)}: adapters '
                    'would never learn; give one of the two'
                )
            self.backbone.requires_grad_(False)
        if lora is not None:
            add_lora(self.backbone, lora)

    def _original(
        self,
        inputs: Tensor,
        samples: Sequence[MultiTaskDataSample],
        then: Callable[[Kind], Callable[[Tensor], Tensor]],
    ) -> list[TaskMaps]:
        batch = self.test_logits(inputs)
        check_finite(batch, samples)
        # Before the zoom is undone, which multiplies metres, not logits.
        values = {
            task: self.decode_head.outputs[task].to_values(logits)
            for task, logits in batch.items()
        }
        return [
            {
                task: undo_augmentation(
                    task,
                    maps[index],
                    sample.metainfo,
                    class_resize=self.test_cfg['class_resize'],
                    then=then(get_task(task).kind),
                )
                for task, maps in values.items()
            }
            for index, sample in enumerate(samples)
        ]

    def _check_neck(self) -> None:
        """Refuse a neck that works for tasks which the head does not read."""
        necks = self.neck if isinstance(self.neck, nn.Sequential) else ()
        for neck in necks or (self.neck,):
            given = getattr(neck, 'tasks', None)
            if given is not None and set(given) != set(self.tasks):
                raise ValueError(
                    f'neck.tasks={list(given)}, but the head has '
                    f'{list(self.tasks)}: give the neck the same tasks'
                )

    @staticmethod
    def _samples_for(
        inputs: Tensor, samples: Sequence[MultiTaskDataSample] | None
    ) -> list[MultiTaskDataSample]:
        if samples is None:
            return [MultiTaskDataSample() for _ in inputs]
        return list(samples)


def _build_neck(neck: Config | Sequence[Config]) -> nn.Module:
    if isinstance(neck, Mapping):
        return build_in_scope(MODELS, neck)
    return Sequential(*(build_in_scope(MODELS, part) for part in neck))
