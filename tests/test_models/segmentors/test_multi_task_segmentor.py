from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmmtl.errors import NonFiniteError
from mmmtl.models.layers.scoped_attention import SCOPES
from mmmtl.models.segmentors import MultiTaskSegmentor
from mmmtl.registry import MODELS, build_in_scope
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import get_task
from tests.test_models.segmentors.fakes import GAINS, fake_model
from tests.tiny import (
    NYUD,
    PASCAL,
    SIZE,
    demt,
    head_tasks,
    random_batch,
    random_sample,
    sca,
)

WEIGHTS = dict(semseg=1.0, depth=2.0, normals=10.0, edge=50.0)


def build(cfg: dict[str, Any] | None = None, **changes: Any) -> Any:
    model = build_in_scope(MODELS, (cfg or demt()) | changes)
    model.init_weights()
    return model


def weighted(**weights: float) -> dict[str, Any]:
    weights = WEIGHTS | weights
    return dict(loss_weighting=dict(type='FixedWeighting', weights=weights))


def gradients(model: Any, batch: dict[str, Any]) -> dict[str, Tensor]:
    model.zero_grad()
    data = model.data_preprocessor(batch, True)
    total, _ = model.parse_losses(model(**data, mode='loss'))
    total.backward()
    return {name: p.grad for name, p in model.named_parameters()}


def test_loss_is_the_weighted_sum() -> None:
    plain, model = build(), build(**weighted())
    model.load_state_dict(plain.state_dict())
    batch = random_batch()
    data = plain.data_preprocessor(batch, True)
    raw = plain(**data, mode='loss')
    losses = model(**data, mode='loss')
    assert list(losses) == [
        'semseg.loss_ce',
        'depth.loss_l1',
        'normals.loss_l1',
        'edge.loss_balanced',
    ]
    for name, value in losses.items():
        want = raw[name] * WEIGHTS[name.partition('.')[0]]
        assert torch.allclose(value, want), name
    total, log = model.parse_losses(losses)
    assert torch.allclose(total, sum(losses.values()))
    assert torch.allclose(log['loss'], total)


def test_deep_supervision_is_weighted_by_its_task() -> None:
    """The keys that mmengine logs, and that their sum is the total."""
    tasks = ('depth', 'normals')
    cfg = sca(tasks, auxiliary_tasks=head_tasks(['edge']))
    plain, model = build(cfg), build(cfg, **weighted(edge=50.0))
    model.load_state_dict(plain.state_dict())
    image = torch.randn(2, 3, *SIZE)
    samples = [random_sample((*tasks, 'edge'), SIZE) for _ in range(2)]
    # No stochastic depth: both see the same.
    raw = plain.eval().loss(image, samples)
    losses = model.eval().loss(image, samples)
    scales = [f'scale_{k}.' for k in range(4)]
    assert list(losses) == [
        *(f'depth.{scale}loss_l1' for scale in ['', *scales]),
        *(f'normals.{scale}loss_l1' for scale in ['', *scales]),
        *(f'edge.{scale}loss_balanced' for scale in scales),
    ]
    for name, value in losses.items():
        want = raw[name] * WEIGHTS[name.partition('.')[0]]
        assert torch.allclose(value, want), name
    total, _ = model.parse_losses(losses)
    assert torch.allclose(total, sum(losses.values()))


def test_weights_stand_beside_the_losses() -> None:
    """Those of auxiliary tasks too; without one it is 1."""
    tasks = ('depth', 'normals')
    cfg = sca(tasks, auxiliary_tasks=head_tasks(['edge']))
    samples = [random_sample((*tasks, 'edge'), SIZE) for _ in range(2)]
    inputs = torch.randn(2, 3, *SIZE)
    plain = build(cfg).eval()
    cfg['decode_head']['tasks']['depth']['weight'] = 2
    cfg['decode_head']['auxiliary_tasks']['edge']['weight'] = 50.0
    model = build(cfg).eval()
    model.load_state_dict(plain.state_dict())
    raw, found = (m.loss(inputs, samples) for m in (plain, model))
    assert raw.keys() == found.keys()
    weights = dict(depth=2, normals=1, edge=50)
    for name, value in found.items():
        want = raw[name] * weights[name.partition('.')[0]]
        assert torch.allclose(value, want), name


def test_doubling_a_weight_doubles_its_gradient_on_the_backbone() -> None:
    """With all other weights zero the gradient is that task's alone."""
    none = dict.fromkeys(NYUD, 0.0)
    once = build(**weighted(**none | dict(normals=3.0)))
    twice = build(**weighted(**none | dict(normals=6.0)))
    twice.load_state_dict(once.state_dict())
    batch = random_batch()
    first, second = gradients(once, batch), gradients(twice, batch)
    assert first['backbone.norm0.weight'].abs().max() > 0
    for name, grad in first.items():
        assert torch.allclose(second[name], 2 * grad, atol=1e-7), name


@pytest.mark.parametrize('scope', SCOPES)
def test_every_parameter_has_a_gradient(scope: str) -> None:
    found = gradients(
        build(demt(PASCAL, attn_scope=scope)), random_batch(PASCAL)
    )
    assert [name for name, grad in found.items() if grad is None] == []


@pytest.mark.parametrize('scope', SCOPES)
def test_permuting_the_tasks_permutes_the_outputs(scope: str) -> None:
    model = build(demt(NYUD, attn_scope=scope)).eval()
    other = build(demt(NYUD[::-1], attn_scope=scope)).eval()
    other.load_state_dict(model.state_dict())
    image = torch.randn(2, 3, *SIZE)
    ours, theirs = model(image), other(image)
    assert tuple(ours) == model.tasks == NYUD
    assert tuple(theirs) == other.tasks == NYUD[::-1]
    for task in NYUD:
        assert torch.allclose(ours[task], theirs[task], atol=1e-5), task


@torch.no_grad()
def test_squashed_depth_is_in_metres_and_follows_the_zoom() -> None:
    """The zoom multiplies the metres; tensor mode gives the bare logits."""
    cfg = demt()
    cfg['decode_head']['tasks']['depth']['max_value'] = 10.0
    model = build(cfg).eval()
    image = torch.randn(1, 3, *SIZE)
    logits = model(image, mode='tensor')['depth']
    metres = 10 * logits.sigmoid()
    for zoom in (1.0, 2.0):
        sample = MultiTaskDataSample(metainfo=dict(zoom=zoom, ori_shape=SIZE))
        for found in (
            model(image, [sample], mode='predict')[0].get_pred('depth'),
            model.predict_soft(image, [sample])[0]['depth'],
        ):
            assert torch.allclose(found, zoom * metres[0]), zoom


@torch.no_grad()
def test_tensor_mode_is_what_predict_decodes() -> None:
    model = build().eval()
    image = torch.randn(2, 3, *SIZE)
    logits = model(image, mode='tensor')
    channels = {task: maps.shape[1] for task, maps in logits.items()}
    assert channels == dict(semseg=5, depth=1, normals=3, edge=1)
    samples = model(image, mode='predict')
    assert len(samples) == 2
    for index, sample in enumerate(samples):
        for task in NYUD:
            assert logits[task].shape[2:] == SIZE
            want = get_task(task).kind.decode(logits[task][index])
            assert torch.equal(sample.get_pred(task), want), task


@torch.no_grad()
def test_tensor_mode_resizes_the_head_s_maps_bilinearly() -> None:
    model = build().eval()
    image = torch.randn(1, 3, 30, 37)  # no multiple of the strides
    maps = model.decode_head(model.extract_feat(image))
    for task, logits in model(image).items():
        want = F.interpolate(
            maps[task], (30, 37), mode='bilinear', align_corners=False
        )
        assert torch.equal(logits, want), task


@torch.no_grad()
def test_soft_predictions_are_the_activated_logits() -> None:
    model = build().eval()
    image = torch.randn(2, 3, *SIZE)
    logits = model(image)
    for index, maps in enumerate(model.predict_soft(image)):
        assert tuple(maps) == NYUD
        for task in NYUD:
            want = get_task(task).kind.activate(logits[task][index])
            assert torch.equal(maps[task], want), task


def test_predictions_come_back_at_the_original_size() -> None:
    """The picture sits in padding and is mirrored; the answers are not."""
    image = torch.randint(256, (3, 9, 12), dtype=torch.uint8)
    want = fake_model().test_step(
        dict(
            inputs=[image],
            data_samples=[
                MultiTaskDataSample(metainfo=dict(ori_shape=(9, 12)))
            ],
        )
    )[0]
    seen = F.pad(image.flip(-1), (2, 3, 0, 1), value=7)
    sample = MultiTaskDataSample(
        metainfo=dict(
            ori_shape=(9, 12),
            padding_size=(2, 3, 0, 1),
            flip=True,
            flip_direction='horizontal',
        )
    )
    # A larger image in the batch: the preprocessor pads the first one more.
    other = torch.zeros(3, 12, 20, dtype=torch.uint8)
    batch = dict(
        inputs=[seen, other], data_samples=[sample, MultiTaskDataSample()]
    )
    found, _ = fake_model().test_step(batch)
    for task in NYUD:
        assert found.get_pred(task).shape[-2:] == (9, 12)
        # At the picture's edge the fake's gradients see the padding.
        inside = (..., slice(1, -1), slice(1, -1))
        assert torch.allclose(
            found.get_pred(task)[inside],
            want.get_pred(task)[inside],
            atol=1e-6,
        ), task


def test_predict_keeps_labels_and_metainfo() -> None:
    batch = random_batch()
    labels = batch['data_samples'][0].get_gt('depth').clone()
    batch['data_samples'][0].set_metainfo(dict(sample_id='0042'))
    found = build().eval().test_step(batch)[0]
    assert torch.equal(found.get_gt('depth'), labels)
    assert found.metainfo['sample_id'] == '0042'
    assert all(found.has_pred(task) for task in NYUD)


@torch.no_grad()
def test_one_window_equals_the_whole_image() -> None:
    whole = build().eval()
    slide = build(
        test_cfg=dict(mode='slide', crop_size=SIZE, stride=(8, 8))
    ).eval()
    slide.load_state_dict(whole.state_dict())
    image = torch.randn(2, 3, *SIZE)
    pairs = zip(whole.predict(image), slide.predict(image), strict=True)
    for one, two in pairs:
        for task in NYUD:
            # Vectors are normalised in another memory layout.
            mine, theirs = one.get_pred(task), two.get_pred(task)
            assert torch.allclose(mine, theirs, rtol=0, atol=1e-6), task


@torch.no_grad()
def test_windows_are_averaged_before_decoding() -> None:
    """Mean of logits, then argmax: of probabilities or ids it may differ."""
    model = build(
        test_cfg=dict(mode='slide', crop_size=(32, 32), stride=(32, 8))
    ).eval()
    image = torch.randn(1, 3, 32, 40)
    left, right = model(image[..., :32]), model(image[..., 8:])
    found = model.predict_soft(image)[0]
    for task in NYUD:
        total = F.pad(left[task], (0, 8)) + F.pad(right[task], (8, 0))
        total[..., 8:32] /= 2
        want = get_task(task).kind.activate(total[0])
        assert torch.allclose(found[task], want, atol=1e-6), task


def test_training_moves_the_weights() -> None:
    model = build(**weighted())
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    gradients(model, random_batch())
    optimizer.step()
    # The interaction's query and key rows stay, by construction.
    still = [
        name
        for name, parameter in model.named_parameters()
        if torch.equal(parameter, before[name])
    ]
    assert still == []


@pytest.mark.parametrize(
    ('changes', 'error', 'message'),
    [
        (
            dict(
                loss_weighting=dict(
                    type='FixedWeighting', weights=dict(semseg=1.0, edge=1.0)
                )
            ),
            ValueError,
            r"no weight for \['depth', 'normals'\]",
        ),
        (dict(test_cfg=dict(mode='tile')), ValueError, "mode='tile'"),
        (dict(auxiliary_head=dict()), TypeError, 'auxiliary_head'),
    ],
)
def test_settings_are_checked(
    changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        build(**changes)


def test_a_head_for_other_channels_than_its_neck_gives_stops() -> None:
    """The last commit of SCA-MTL's released code has this mistake."""
    cfg = sca(in_channels=[8, 16, 32, 64])
    with pytest.raises(RuntimeError, match='channels'):
        build(cfg)(torch.zeros(1, 3, *SIZE))
    cfg['neck']['concat'] = False
    build(cfg)(torch.zeros(1, 3, *SIZE))


def test_auxiliary_tasks_need_a_weight_too() -> None:
    cfg = sca(('depth', 'normals'), auxiliary_tasks=head_tasks(['edge']))
    weights = dict(depth=1.0, normals=2.0)
    cfg['loss_weighting'] = dict(type='FixedWeighting', weights=weights)
    with pytest.raises(ValueError, match=r"no weight for \['edge'\]"):
        build(cfg)
    weights['edge'] = 3.0
    model = build(cfg)
    assert model.tasks == ('depth', 'normals')
    losses = model.loss(
        torch.randn(2, 3, *SIZE),
        [random_sample(('depth', 'edge'), SIZE) for _ in range(2)],
    )
    assert losses['edge.scale_3.loss_balanced'] > 0
    assert 'edge.loss_balanced' not in losses


def test_neck_and_head_of_other_tasks_are_named() -> None:
    cfg = demt()
    for tasks in (NYUD[:2], (*NYUD, 'saliency')):
        cfg['neck']['tasks'] = list(tasks)
        with pytest.raises(ValueError, match='give the neck the same tasks'):
            build(cfg)
    cfg['neck']['tasks'] = list(NYUD[::-1])
    build(cfg)


def test_a_model_without_neck() -> None:
    model: MultiTaskSegmentor = fake_model()
    image = torch.randn(1, 3, 4, 5)
    assert model.neck is None
    assert torch.equal(model(image)['semseg'], image * GAINS)


def test_test_cfg_says_how_classes_are_resized() -> None:
    """Of two pixels and two classes: 0 0 1 1, or by the mean of logits."""
    image = torch.zeros(1, 3, 1, 2)
    image[0, 0, 0, 0], image[0, 1, 0, 1] = 1.0, 9.0
    found = {}
    for resize in ('bilinear', 'nearest'):
        model = fake_model(test_cfg=dict(class_resize=resize))
        sample = MultiTaskDataSample(metainfo=dict(ori_shape=(1, 4)))
        (sample,) = model(image, [sample], mode='predict')
        (soft,) = model.predict_soft(image, [sample])
        found[resize] = sample.get_pred('semseg')[0, 0].tolist()
        assert soft['semseg'].argmax(0)[0].tolist() == found[resize]
    # A quarter of the way, 0.25 * 9 is more than 0.75 * 1.
    assert found == dict(bilinear=[0, 1, 1, 1], nearest=[0, 0, 1, 1])


@pytest.mark.parametrize('value', [math.nan, math.inf])
@pytest.mark.parametrize('way', ['predict', 'predict_soft'])
def test_no_id_is_made_of_what_is_no_number(value: float, way: str) -> None:
    """The argmax of NaN is class 0."""
    image = torch.rand(2, 3, 8, 8)
    samples = [
        MultiTaskDataSample(metainfo=dict(sample_id=name)) for name in 'ab'
    ]
    # The last channel is read by classes and edges alone.
    image[1, 2, 3, 3] = value
    with pytest.raises(
        NonFiniteError,
        match='the prediction of semseg, edge is NaN or infinite for b:',
    ):
        getattr(fake_model(), way)(image, samples)
    for cfg in (None, dict(mode='slide', crop_size=(4, 4), stride=(4, 4))):
        with pytest.raises(NonFiniteError, match='infinite for number 1:'):
            getattr(fake_model(test_cfg=cfg), way)(image)
