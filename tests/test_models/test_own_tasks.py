"""Models with tasks and kinds that are not among the nine."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.model import BaseModule
from mmengine.structures import PixelData
from torch import Tensor, nn

from mmmtl.models.decode_heads import BaseMultiTaskHead
from mmmtl.models.losses import BaseTaskLoss
from mmmtl.models.mult import SharedAttentionHead
from mmmtl.models.segmentors import MultiTaskSegmentor, MultiTaskTTAModel
from mmmtl.registry import MODELS
from mmmtl.structures import MultiTaskDataSample, stack_labels
from mmmtl.tasks import Kind, Primary, register_kind, register_task
from tests.own_tasks import own_table
from tests.tiny import METHODS, SIZE

TASKS = ('cracks', 'rust', 'materials', 'semseg', 'height')
CLASSES = {'materials': 4, 'semseg': 3}


@pytest.fixture(autouse=True)
def _own_tasks() -> Iterator[None]:
    """Two masks, two class maps and heights of 20 m, give or take 5."""
    with own_table():
        register_task('cracks', kind='binary')
        register_task('rust', kind='binary', loss=dict(type='BinaryDiceLoss'))
        register_task('materials', kind='classes')
        register_task('height', kind='scalar', unit='m', mean=20.0, spread=5.0)
        yield


def outputs() -> dict[str, Any]:
    return {
        task: dict(out_channels=CLASSES[task]) if task in CLASSES else {}
        for task in TASKS
    }


def sample(size: tuple[int, int] = SIZE, **meta: Any) -> MultiTaskDataSample:
    found = MultiTaskDataSample(metainfo=meta)
    found.set_gt('cracks', torch.randint(2, (1, *size)))
    found.set_gt('rust', torch.randint(2, (1, *size)))
    found.set_gt('materials', torch.randint(4, (1, *size)))
    found.set_gt('semseg', torch.randint(3, (1, *size)))
    found.set_gt('height', 20 + 5 * torch.randn(1, *size))
    return found


def test_fields_are_known_once_the_task_is() -> None:
    found = MultiTaskDataSample()
    found.set_gt('cracks', torch.zeros(1, 2, 3).long())
    assert found.keys() == ['gt_cracks']
    with pytest.raises(TypeError, match='pred_cracks must be torch'):
        found.pred_cracks = PixelData(data=torch.zeros(1, 2, 3).long())
    with pytest.raises(AttributeError, match="no field 'gt_dents'"):
        found.gt_dents = PixelData(data=torch.zeros(1, 2, 3))
    register_task('dents', kind='scalar')
    found.gt_dents = PixelData(data=torch.zeros(1, 2, 3))
    missing = stack_labels(
        [found], 'height', (2, 3), device=torch.device('cpu')
    )
    assert missing.isnan().all()


@pytest.mark.parametrize('method', METHODS.values(), ids=METHODS)
def test_several_tasks_of_a_kind_train_and_predict(method: Any) -> None:
    """With the losses of their rows, in every method."""
    config = method(['semseg', 'depth'])
    config['decode_head']['tasks'] = outputs()
    if 'tasks' in config.get('neck', {}):
        config['neck']['tasks'] = list(TASKS)
    model = MODELS.build(config)
    # Of two sizes: labels are padded, each with its own "no label".
    batch = dict(
        inputs=[
            torch.randint(256, (3, *size), dtype=torch.uint8)
            for size in (SIZE, (29, 37))
        ],
        data_samples=[sample(SIZE), sample((29, 37))],
    )
    data = model.data_preprocessor(batch, True)
    assert data['data_samples'][1].get_gt('rust')[0, 31, 39] == 255
    assert data['data_samples'][1].get_gt('height')[0, 31, 39].isnan()
    losses = model.loss(**data)
    assert [name for name in losses if 'scale_' not in name] == [
        'cracks.loss_bce',
        'rust.loss_dice',
        'materials.loss_ce',
        'semseg.loss_ce',
        'height.loss_l1',
    ]
    assert all(torch.isfinite(loss) for loss in losses.values())
    sum(losses.values()).backward()
    for task in TASKS:
        grads = [
            parameter.grad
            for name, parameter in model.decode_head.named_parameters()
            if f'.{task}.' in name
        ]
        assert grads
        assert all(grad is not None for grad in grads), task
    for found in model.eval().predict(data['inputs']):
        assert found.get_pred('cracks').min() >= 0
        assert found.get_pred('materials').dtype == torch.int64
        # The last layer starts at the mean, far from 0.
        assert found.get_pred('height').mean().item() == pytest.approx(20, 0.5)


def test_mult_finds_its_reference_by_kind() -> None:
    """Normals before depth before others, by whatever names."""
    register_task('lidar', kind='depth')
    register_task('facing', kind='normals')
    found = [
        SharedAttentionHead(
            tasks={task: outputs().get(task, {}) for task in tasks},
            in_channels=[32, 64],
        )
        for tasks in (
            ('cracks', 'lidar', 'facing'),
            ('cracks', 'lidar', 'depth'),
            ('height', 'semseg'),
        )
    ]
    references = [head.reference_task for head in found]
    assert references == ['facing', 'lidar', 'height']
    levels = [torch.randn(1, 32, 8, 8), torch.randn(1, 64, 4, 4)]
    maps = found[0](levels)
    assert list(maps) == ['cracks', 'lidar', 'facing']
    assert maps['facing'].shape == (1, 3, 8, 8)


class OneLayerHead(BaseMultiTaskHead):
    """A head from outside: one convolution for all tasks, split after it."""

    def __init__(
        self,
        *,
        tasks: Mapping[str, Mapping[str, Any]],
        auxiliary_tasks: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(tasks=tasks, auxiliary_tasks=auxiliary_tasks)
        self.widths = [output.channels for output in self.outputs.values()]
        self.conv = nn.Conv2d(3, sum(self.widths), 1)
        # As one does who knows of it; the base class leaves 0 here.
        biases = [output.initial_bias for output in self.outputs.values()]
        self.known = max(biases)

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        parts = self.conv(inputs).split(self.widths, dim=1)
        return dict(zip(self.tasks, parts, strict=True))

    def forward_with_auxiliary(
        self, inputs: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
        early = {task: inputs[:, :1] for task in self.auxiliary_outputs}
        return self.forward(inputs), {'early': early} if early else {}


def test_a_head_of_one_s_own_starts_at_the_bias() -> None:
    tasks = dict(materials=dict(out_channels=4), depth=dict())
    plain = OneLayerHead(tasks=tasks)
    biased = OneLayerHead(tasks=tasks | dict(depth=dict(initial_bias=3.0)))
    biased.load_state_dict(plain.state_dict())  # of the same parameters
    assert biased.known == 0
    inputs = torch.rand(1, 3, 4, 5)
    one, two = (head.predict(inputs, (8, 10)) for head in (plain, biased))
    torch.testing.assert_close(two['depth'], one['depth'] + 3)
    assert torch.equal(one['materials'], two['materials'])
    label = MultiTaskDataSample()
    label.set_gt('depth', one['depth'].detach()[0].clamp(min=0.1) + 9)
    before, after = (
        head.loss(inputs, [label])['depth']['loss_l1']
        for head in (plain, biased)
    )
    torch.testing.assert_close(after, before - 3)


def test_an_auxiliary_map_starts_at_the_bias_too() -> None:
    head = OneLayerHead(
        tasks=dict(cracks=dict()),
        auxiliary_tasks=dict(depth=dict(initial_bias=2.0)),
    )
    label = MultiTaskDataSample()
    label.set_gt('depth', torch.full((1, 4, 5), 2.5))
    losses = head.loss(torch.zeros(1, 3, 4, 5), [label])
    assert losses['depth']['early.loss_l1'] == 0.5


def test_values_of_a_scalar_task_are_mean_and_spreads() -> None:
    """20 + 5 * 0.6 = 23 metres; a loss of (23 - 20) / 5 of a spread."""
    head = OneLayerHead(tasks=dict(height=dict()))
    nn.init.zeros_(head.conv.weight)
    nn.init.constant_(head.conv.bias, 0.6)
    logits = head.predict(torch.zeros(1, 3, 2, 2), (2, 2))['height']
    torch.testing.assert_close(logits, torch.full((1, 1, 2, 2), 0.6))
    torch.testing.assert_close(
        head.outputs['height'].to_values(logits),
        torch.full((1, 1, 2, 2), 23.0),
    )
    label = MultiTaskDataSample()
    label.set_gt('height', torch.full((1, 2, 2), 20.0))
    loss = head.loss(torch.zeros(1, 3, 2, 2), [label])['height']['loss_l1']
    assert loss.item() == pytest.approx(0.6)


def test_a_largest_value_takes_the_place_of_mean_and_spread() -> None:
    """40 sigmoid(0) = 20."""
    head = OneLayerHead(tasks=dict(height=dict(max_value=40.0)))
    values = head.outputs['height'].to_values(torch.zeros(1, 1, 1, 1))
    assert values.item() == 20


def test_a_loss_of_another_kind_is_refused() -> None:
    with pytest.raises(
        ValueError,
        match=r'^tasks.cracks.loss: SegCrossEntropyLoss is for tasks of kind '
        r'Classes, this one is Binary: leave .* BinaryCrossEntropyLoss$',
    ):
        OneLayerHead(
            tasks=dict(cracks=dict(loss=dict(type='SegCrossEntropyLoss')))
        )


def test_a_loss_that_would_only_be_logged_is_refused() -> None:
    @MODELS.register_module()
    class Nameless(nn.Module):
        loss_name = 'difference'

    words = (
        r"^tasks.cracks.loss: Nameless has the loss_name 'difference': put "
        '"loss" into it'
    )
    with pytest.raises(ValueError, match=words):
        OneLayerHead(tasks=dict(cracks=dict(loss=dict(type='Nameless'))))
    MODELS.module_dict.pop('Nameless')


class AngleLoss(BaseTaskLoss):
    """One minus the cosine between the bins' direction and the angle."""

    def __init__(self) -> None:
        super().__init__(loss_name='loss_cosine')

    def compute(self, logits: Tensor, label: Tensor, valid: Tensor) -> Tensor:
        found = self.settings.activate(logits)
        want = torch.cat([label.cos(), label.sin()], dim=1)
        error = 1 - (found * want).sum(1, keepdim=True)
        return error.masked_fill(~valid, 0).sum() / valid.sum().clamp(min=1)


@dataclass(frozen=True)
class Angle(Kind):
    """Directions in the picture, in radians, from scores of bins.

    Four logits are scores of 0, 90, 180 and 270 degrees, counted clockwise
    as y points down. Averaged are unit vectors; the prediction is an angle.
    """

    no_label = math.nan
    loss = {'type': AngleLoss}
    metric = {'type': 'none'}
    primary = Primary('error', lower_is_better=True)
    painter = 'grey'
    unit = 'radian'

    def valid(self, label: Any) -> Any:
        return label == label

    def flip(self, values: Any, direction: str, *, axis: int) -> Any:
        assert values.shape[axis] < 4, 'a flip of scores means nothing'
        if values.shape[axis] == 1:  # angles
            turned = math.pi - values if direction == 'horizontal' else -values
            return torch.remainder(turned, 2 * math.pi)
        signs = (-1.0, 1.0) if direction == 'horizontal' else (1.0, -1.0)
        return values * torch.tensor(signs).view(2, 1, 1)

    def zoom(self, values: Any, factor: float) -> Any:
        return values

    def out_channels(self, num_classes: int | None) -> tuple[int, ...]:
        return (4,)

    def activate(self, logits: Tensor) -> Tensor:
        share = logits.softmax(dim=-3)
        right, down, left, up = share.unbind(-3)
        return torch.stack([right - left, down - up], dim=-3)

    def finalize(self, soft: Tensor) -> Tensor:
        x, y = soft.unbind(-3)
        angle = torch.atan2(y, x).unsqueeze(-3)
        return torch.remainder(angle, 2 * math.pi)

    def statistics(self, values: Tensor) -> Tensor:
        return values.double().sum(1)

    def best_constant(self, statistics: Tensor) -> Tensor:
        return statistics.float()

    def read(self, stored: np.ndarray) -> np.ndarray:
        return stored


AngleLoss.kind = Angle  # the class names its loss, which comes first


class Image(BaseModule):
    """The image itself is what the head reads."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs


class BinsHead(BaseMultiTaskHead):
    """Scores say the image's channels, and 0 for what is left over."""

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        scores = torch.cat([inputs, torch.zeros_like(inputs[:, :1])], dim=1)
        return {task: scores for task in self.tasks}


def angle_model() -> MultiTaskSegmentor:
    register_kind('angle')(Angle)
    register_task('grain', kind='angle')
    return MultiTaskSegmentor(
        backbone=dict(type=Image),
        decode_head=dict(type=BinsHead, tasks=dict(grain=dict())),
        data_preprocessor=dict(type='MultiTaskDataPreprocessor'),
    ).eval()


def scores() -> Tensor:
    """A pixel of each direction but up, in a row."""
    return 60 * torch.eye(3).view(1, 3, 1, 3)


def view(**metainfo: Any) -> MultiTaskDataSample:
    return MultiTaskDataSample(metainfo=dict(ori_shape=(1, 3), **metainfo))


def test_a_kind_from_outside_decodes_its_own_way() -> None:
    model = angle_model()
    (found,) = model.predict(scores(), [view()])
    want = torch.tensor([0, math.pi / 2, math.pi])
    torch.testing.assert_close(found.get_pred('grain')[0, 0], want)
    # What a mirrored image says, mirrored: right and left change places,
    # as pixels and as answers.
    mirrored = view(flip=True, flip_direction='horizontal')
    (found,) = model.predict(scores(), [mirrored])
    torch.testing.assert_close(found.get_pred('grain')[0, 0], want)
    upside_down = view(flip=True, flip_direction='vertical')
    (found,) = model.predict(scores(), [upside_down])
    want[1] = 3 * math.pi / 2
    torch.testing.assert_close(found.get_pred('grain')[0, 0], want)


def test_a_kind_from_outside_is_averaged_its_own_way() -> None:
    """Views of 0, and of 90 degrees, have the mean of 45 degrees."""
    model = MultiTaskTTAModel(module=angle_model())
    inputs = 60 * torch.eye(3)
    still, down = inputs[:, :1, None], inputs[:, 1:2, None]
    batch = dict(
        inputs=[[still], [down]],
        data_samples=[
            [MultiTaskDataSample(metainfo=dict(ori_shape=(1, 1)))]
            for _ in range(2)
        ],
    )
    (found,) = model.test_step(batch)
    assert found.get_pred('grain').item() == pytest.approx(math.pi / 4)


def test_a_kind_from_outside_has_its_own_loss() -> None:
    """Right, where down is labelled: 1 - cos 90 degrees = 1."""
    head = angle_model().decode_head
    label = MultiTaskDataSample()
    label.set_gt('grain', torch.tensor([[[math.pi / 2, 0, math.nan]]]))
    right = torch.tensor([60.0, 0, 0]).view(1, 3, 1, 1).expand(1, 3, 1, 3)
    loss = head.loss(right, [label])['grain']['loss_cosine']
    assert loss.item() == pytest.approx(0.5)


def test_names_whose_fields_are_taken() -> None:
    with pytest.raises(ValueError, match="gt_sem_seg is a field of task 'sem"):
        register_task('sem_seg', kind='classes')


def test_a_spread_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match='spread=0'):
        register_task('tilt', kind='scalar', spread=0)
