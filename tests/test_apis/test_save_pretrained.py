"""From a checkpoint to a folder that others open by name, and back."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config

from mmmtl import zoo
from mmmtl.apis import (
    CardFacts,
    MultiTaskInferencer,
    from_pretrained,
    init_model,
    push_to_hub,
    save_pretrained,
)
from mmmtl.engine.checkpoint import file_hash, read_checkpoint
from mmmtl.errors import UserError
from tests.full_disk import full_disk
from tests.tiny import demt

IMAGE = np.random.default_rng(0).integers(256, size=(96, 128, 3), dtype='u1')


@pytest.fixture
def config() -> Config:
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale=(64, 48), keep_ratio=True),
        dict(type='LoadMultiTaskAnnotations'),
        dict(type='PackMultiTaskInputs'),
    ]
    dataset = dict(
        type='NYUDv2Dataset',
        data_root='absent',
        split='val',
        tasks=['semseg', 'depth', 'normals', 'edge'],
        metainfo=dict(classes=list('abcde'), palette=[[9, 9, 9]] * 5),
        pipeline=pipeline,
    )
    model = demt()
    model['backbone']['init_cfg'] = dict(
        type='Pretrained', checkpoint='absent.pth'
    )
    return Config(
        dict(
            default_scope='mmmtl',
            model=model,
            train_dataloader=dict(dataset=dataset),
            test_dataloader=dict(dataset=dataset),
        )
    )


@pytest.fixture
def trained(config: Config, tmp_path: Path) -> MultiTaskInferencer:
    """The model, from a checkpoint."""
    torch.manual_seed(1)
    state = init_model(config).state_dict()
    # A variance that half precision cannot hold.
    name = next(k for k in state if k.endswith('running_var'))
    state[name] += 1e5
    path = tmp_path / 'trained.pth'
    torch.save(dict(state_dict=state, optimizer=dict(state=1)), path)
    return MultiTaskInferencer(config, path, device='cpu')


def test_a_saved_model_is_the_same_bit_by_bit(
    trained: MultiTaskInferencer, tmp_path: Path
) -> None:
    folder = save_pretrained(trained, tmp_path / 'saved')
    files = {path.name for path in folder.iterdir()}
    assert files == {'config.json', 'model.safetensors', 'README.md'}
    again = from_pretrained(folder, device='cpu')
    state, saved = trained.model.state_dict(), again.model.state_dict()
    assert list(state) == list(saved)
    for name, tensor in state.items():
        assert tensor.dtype == saved[name].dtype
        assert torch.equal(tensor, saved[name]), name
    want, found = trained(IMAGE), again(IMAGE)
    assert list(want) == list(found) == ['semseg', 'depth', 'normals', 'edge']
    for task, values in want.items():
        np.testing.assert_array_equal(values, found[task])
    assert list(again.model.dataset_meta['classes']) == list('abcde')
    # A second time, from what was read.
    twice = save_pretrained(again.model, tmp_path / 'twice')
    first, second = (
        (path / 'config.json').read_text() for path in (folder, twice)
    )
    assert first == second
    # Not the bytes: safetensors orders its header by chance.
    first, second = (
        read_checkpoint(path / 'model.safetensors') for path in (folder, twice)
    )
    assert first['meta'] == second['meta']
    for name, tensor in first['state_dict'].items():
        assert torch.equal(tensor, second['state_dict'][name]), name


def test_half_of_the_size_predicts_nearly_the_same_by_its_name(
    trained: MultiTaskInferencer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Kernels are halved; variances of norms are not."""
    from safetensors.torch import load_file

    folder = save_pretrained(trained, tmp_path / 'zoo/tiny', half=True)
    file = folder / 'model.safetensors'
    assert (
        file.stat().st_size < 0.7 * trained.model.weights_file.stat().st_size
    )
    assert file.stat().st_mode & 0o777 == 0o644
    state = load_file(file)
    assert all(t.isfinite().all() for t in state.values())
    kinds = {t.dtype for n, t in state.items() if n.endswith('running_var')}
    assert kinds == {torch.float32}
    assert {t.dtype for t in state.values() if t.ndim == 4} == {torch.float16}
    monkeypatch.setattr(zoo, '__file__', str(tmp_path / 'zoo/__init__.py'))
    want, found = trained(IMAGE), from_pretrained('tiny', device='cpu')(IMAGE)
    assert np.allclose(found['depth'], want['depth'], atol=2e-2)
    assert np.allclose(found['normals'], want['normals'], atol=2e-2)
    assert (found['semseg'] == want['semseg']).mean() > 0.98


def test_the_config_says_all_to_others_and_asks_for_no_other_weights(
    trained: MultiTaskInferencer, tmp_path: Path
) -> None:
    folder = save_pretrained(trained, tmp_path / 'saved')
    content = json.loads((folder / 'config.json').read_text())
    assert content['format'] == 1
    assert content['config']['model']['backbone']['init_cfg'] is None
    assert 'absent' not in json.dumps(content)
    assert content['tasks']['depth'] == dict(
        kind='depth',
        unit='metre along the optical axis',
        components=1,
        type='float32',
        classes=None,
        palette=None,
    )
    assert content['tasks']['semseg']['classes'] == list('abcde')
    steps = content['preprocessing']
    assert steps['channels'] == 'RGB'
    assert steps['mean'] == [123.675, 116.28, 103.53]
    # JSON has no tuples, and mmcv takes no list here.
    assert steps['steps'][1]['scale'] == {'__tuple__': [64, 48]}
    again = from_pretrained(folder, device='cpu')
    assert again.model.cfg.test_pipeline[1].scale == (64, 48)


def test_tasks_of_ones_own_travel_along(tmp_path: Path) -> None:
    row = dict(
        kind='binary',
        loss=dict(type='BalancedEdgeLoss', pos_weight=0.9),
        metric=dict(type='SaliencyMetric'),
        primary='maxF',
    )
    model = demt(tasks=['depth'])
    model['neck']['tasks'].insert(0, 'saved_cracks')
    tasks = {'saved_cracks': {}, **model['decode_head']['tasks']}
    model['decode_head']['tasks'] = tasks
    config = Config(
        dict(
            model=model,
            new_tasks=dict(saved_cracks=row),
            test_pipeline=[
                dict(type='LoadImageFromFile'),
                dict(type='PackMultiTaskInputs'),
            ],
        )
    )
    network = init_model(config)
    folder = save_pretrained(network, tmp_path / 'saved')
    content = json.loads((folder / 'config.json').read_text())
    assert content['config']['new_tasks'] == dict(saved_cracks=row)
    assert content['tasks']['saved_cracks']['unit'] == 'probability'
    again = from_pretrained(folder, device='cpu')
    assert list(again(IMAGE)) == ['saved_cracks', 'depth']


def results_of(weights: Path, folder: Path) -> Path:
    path = folder / 'metrics.json'
    text = (
        "model = dict(type='MultiTaskSegmentor', test_cfg=dict(mode='slide'))"
        "\ntest_dataloader = dict(dataset=dict(type='NYUDv2Dataset', "
        "split='val'))\n"
        "test_evaluator = dict(metrics=[dict(type='BoundaryMetric', "
        'max_dist=0.011)])\n'
    )
    content = dict(
        metrics={'depth/rmse': 0.51234, 'edge/odsF': None},
        config=dict(file='/home/me/configs/demt_swin-t_nyud.py', text=text),
        checkpoint=dict(path=str(weights), sha256=file_hash(weights)),
        versions=dict(torch='2.13.0'),
    )
    path.write_text(json.dumps(content))
    return path


def test_the_card_says_where_its_figures_are_from(
    trained: MultiTaskInferencer, tmp_path: Path
) -> None:
    facts = CardFacts(
        results=results_of(trained.model.weights_file, tmp_path),
        data_licence='for research only',
        licence='apache-2.0',
    )
    folder = save_pretrained(trained, tmp_path / 'saved', facts=facts)
    text = (folder / 'README.md').read_text()
    front = yaml.safe_load(text.split('---\n')[1])
    assert front['library_name'] == 'mmmtl'
    assert front['license'] == 'apache-2.0'
    assert front['pipeline_tag'] == 'image-segmentation'
    assert {'semseg', 'depth', 'normals', 'edge'} <= set(front['tags'])
    for line in (
        '| depth | depth | metre along the optical axis | - |',
        '| semseg | classes | class id | a, b, c, d, e |',
        '| training data | NYUDv2Dataset |',
        '| licence of the data | for research only |',
        '| depth/rmse | 0.5123 |',
        '| edge/odsF | none |',
        '- data: NYUDv2Dataset, split val',
        '- inference: slide image, MultiTaskSegmentor',
        '- BoundaryMetric(max_dist=0.011)',
    ):
        assert f'{line}\n' in text, line
    assert '`mmmtl test demt_swin-t_nyud model.safetensors --out ' in text
    assert '/home/me' not in text


def test_figures_of_other_weights_are_refused(
    trained: MultiTaskInferencer, tmp_path: Path
) -> None:
    other = tmp_path / 'other.pth'
    other.write_bytes(b'other')
    facts = CardFacts(results=results_of(other, tmp_path))
    with pytest.raises(UserError, match='are of weights with the SHA-256'):
        save_pretrained(trained, tmp_path / 'saved', facts=facts)
    assert not (tmp_path / 'saved').exists()


def test_a_card_that_a_person_wrote_stays(
    trained: MultiTaskInferencer, tmp_path: Path
) -> None:
    folder = save_pretrained(trained, tmp_path / 'saved')
    card = folder / 'README.md'
    assert '| training data | NYUDv2Dataset |' in card.read_text()
    save_pretrained(trained, folder, facts=CardFacts(data='my rooms'))
    assert '| training data | my rooms |' in card.read_text()
    card.write_text('# Mine\n')
    save_pretrained(trained, folder)
    assert card.read_text() == '# Mine\n'


def test_the_card_names_all_necks(config: Config, tmp_path: Path) -> None:
    config.model.neck = [config.model.neck]
    folder = save_pretrained(init_model(config), tmp_path / 'saved')
    network = 'SwinTransformer, DeformableMixer, TaskQueryHead; '
    assert f'| network | {network}' in (folder / 'README.md').read_text()


@pytest.mark.parametrize('half', [False, True])
def test_a_flipped_bit_is_found(
    half: bool, trained: MultiTaskInferencer, tmp_path: Path
) -> None:
    folder = save_pretrained(trained, tmp_path / 'saved', half=half)
    path = folder / 'model.safetensors'
    content = path.read_bytes()
    places = [int(share * len(content)) for share in (0.4, 0.7, 0.999)]
    for place in [content.index(b'dataset_meta') + 40, *places]:
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(UserError, match='is not what was saved'):
            from_pretrained(folder, device='cpu')
    path.write_bytes(content)
    from_pretrained(folder, device='cpu')


def test_a_flipped_bit_of_the_shipped_weights_is_found(
    tmp_path: Path,
) -> None:
    [model] = zoo.shipped_models().values()
    shutil.copytree(model.weights.parent, tmp_path / 'copy')
    path = tmp_path / 'copy/model.safetensors'
    read_checkpoint(path)
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match='its SHA-256 is not'):
        read_checkpoint(path)


def test_what_cannot_be_saved_is_said(
    trained: MultiTaskInferencer, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r'Linear does not say its config'):
        save_pretrained(torch.nn.Linear(1, 1), tmp_path / 'saved')
    trained.model.cfg.model.test_cfg = dict(mode='whole', chooser=print)
    with pytest.raises(UserError, match='which cannot be saved as JSON'):
        save_pretrained(trained, tmp_path / 'saved')
    assert not (tmp_path / 'saved').exists()


def test_a_failure_leaves_the_files_of_before(
    trained: MultiTaskInferencer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = save_pretrained(trained, tmp_path / 'saved')
    before = {path: path.read_bytes() for path in folder.iterdir()}
    trained.model.cfg.model.test_cfg = dict(mode='slide')
    with full_disk(20_000), pytest.raises(OSError, match='too large'):
        save_pretrained(trained, folder)
    monkeypatch.setitem(sys.modules, 'safetensors.torch', None)
    for place in (folder, tmp_path / 'none'):
        with pytest.raises(UserError, match='needs safetensors'):
            save_pretrained(trained, place)
    assert {p: p.read_bytes() for p in folder.iterdir()} == before
    assert not (tmp_path / 'none').exists()


def test_a_folder_is_pushed_as_it_is(tmp_path: Path) -> None:
    for options in (dict(half=True), dict(facts=CardFacts())):
        with pytest.raises(UserError, match='is pushed as it is: give half'):
            push_to_hub(tmp_path, 'me/x', **options)


class FakeApi:
    """What `push_to_hub` asks of huggingface_hub."""

    calls: list[tuple]

    def create_repo(self, name: str, **options: Any) -> None:
        self.calls.append(('create', name, options))

    def upload_folder(self, **options: Any) -> str:
        folder = Path(options.pop('folder_path'))
        files = sorted(path.name for path in folder.iterdir())
        self.calls.append(('upload', folder.name, files, options))
        return 'https://hub/me/tiny/commit/1'


@pytest.mark.parametrize('is_folder', [False, True])
def test_a_model_is_pushed_to_the_hub(
    trained: MultiTaskInferencer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_folder: bool,
) -> None:
    monkeypatch.setattr(FakeApi, 'calls', [], raising=False)
    monkeypatch.setattr('huggingface_hub.HfApi', FakeApi)
    given: Any = trained
    if is_folder:
        given = save_pretrained(trained, tmp_path / 'tiny')
    url = push_to_hub(given, 'hf-hub:me/tiny', private=True)
    assert url == 'https://hub/me/tiny/commit/1'
    create, (_, folder, files, options) = FakeApi.calls
    assert create == ('create', 'me/tiny', dict(private=True, exist_ok=True))
    assert folder == 'tiny'
    assert files == ['README.md', 'config.json', 'model.safetensors']
    assert options['repo_id'] == 'me/tiny'
    assert sorted(options['allow_patterns']) == files


def test_what_the_hub_refuses_is_one_line(
    trained: MultiTaskInferencer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Refusing(FakeApi):
        calls = []

        def create_repo(self, name: str, **options: Any) -> None:
            raise ConnectionError('no\nroute')

    monkeypatch.setattr('huggingface_hub.HfApi', Refusing)
    with pytest.raises(UserError, match=r'^cannot push me/x to the hub: no$'):
        push_to_hub(trained, 'me/x')
    with pytest.raises(UserError, match=r'write hf-hub:USER/MODEL'):
        push_to_hub(trained, 'x')
    with pytest.raises(UserError, match=r'empty has no config\.json'):
        push_to_hub(tmp_path / 'empty', 'me/x')
    monkeypatch.setitem(__import__('sys').modules, 'huggingface_hub', None)
    with pytest.raises(UserError, match=r'pip install .mmmtl\[hub\]'):
        push_to_hub(trained, 'me/x')
