"""From a name to the files of a model; nothing of others' runs on the way."""

from __future__ import annotations

import json
import pickle
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmmtl import zoo
from mmmtl.apis import (
    MultiTaskInferencer,
    from_pretrained,
    init_model,
    open_model,
    save_pretrained,
)
from mmmtl.engine.named_models import (
    NamedModel,
    find_model,
    find_weights,
    names_weights,
)
from mmmtl.engine.plain_config import check_is_data, for_prediction
from mmmtl.engine.prepare import weights_source
from mmmtl.errors import UserError
from mmmtl.registry import MODELS, build_in_scope
from tests.tiny import demt

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]
IMAGE = np.random.default_rng(0).integers(256, size=(32, 40, 3), dtype='u1')


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A folder of `save_pretrained`, with weights of their own."""
    torch.manual_seed(3)
    config = Config(dict(model=demt(), test_pipeline=PIPELINE))
    return save_pretrained(init_model(config), tmp_path / 'saved')


@pytest.fixture
def change(saved: Path) -> Callable[..., Path]:
    """Return `change(**parts)`, which writes them into the config."""

    def write(**parts: Any) -> Path:
        path = saved / 'config.json'
        content = json.loads(path.read_text())
        content['config'].update(parts)
        path.write_text(json.dumps(content))
        return saved

    return write


class FakeHub:
    """A folder in the place of the hub."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked: list[tuple] = []

    def snapshot_download(
        self, name: str, *, revision: str | None, allow_patterns: list[str]
    ) -> str:
        self.asked.append((name, revision, allow_patterns))
        if not (self.root / name).is_dir():
            raise OSError(f'404 for {name}\nand more')
        return str(self.root / name)


@pytest.fixture
def hub(saved: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    """A hub that has the saved model as `me/tiny`."""
    hub = FakeHub(saved.parent / 'hub')
    (hub.root / 'me').mkdir(parents=True)
    saved.rename(hub.root / 'me/tiny')
    saved.symlink_to(hub.root / 'me/tiny')
    monkeypatch.setattr(
        'huggingface_hub.snapshot_download', hub.snapshot_download
    )
    return hub


def same(one: MultiTaskInferencer, other: MultiTaskInferencer) -> bool:
    pairs = zip(one(IMAGE).items(), other(IMAGE).items(), strict=True)
    return all(a == b and (x == y).all() for (a, x), (b, y) in pairs)


def test_the_hub_gives_two_files_of_one_commit(hub: FakeHub) -> None:
    found = from_pretrained('hf-hub:me/tiny@v1', device='cpu')
    files = ['config.json', 'model.safetensors']
    assert hub.asked == [('me/tiny', 'v1', files)]
    assert same(found, from_pretrained('saved', device='cpu'))


def test_every_door_takes_the_same_names(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    want = from_pretrained('hf-hub:me/tiny', device='cpu')
    for name in ('hf-hub:me/tiny', 'saved', Path('saved')):
        assert names_weights(name)
        assert same(MultiTaskInferencer(name, device='cpu'), want)
        assert same(open_model(name, device='cpu'), want)
        file = weights_source(name)
        assert Path(file).samefile('saved/model.safetensors')
    options = {'model.decode_head.tasks.depth.weight': 2.0}
    found = open_model('saved', device='cpu', cfg_options=options)
    assert found.model.cfg.model.decode_head.tasks.depth.weight == 2.0
    # With a config of yours, the name stands for the weights.
    assert same(
        open_model('hf-hub:me/tiny', config=_own_config(), device='cpu'), want
    )
    # A checkpoint and a config stay what they were.
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    assert not names_weights('demt_swin-t_nyud')
    assert weights_source('iter_1.pth') == 'iter_1.pth'


def _own_config() -> Path:
    path = Path('own/own.py')
    path.parent.mkdir()
    path.write_text(f'model = {demt()!r}\ntest_pipeline = {PIPELINE!r}\n')
    return path


def test_a_name_of_the_metafiles_has_their_weights(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / 'site' / 'mmmtl'
    method = package / '.mim/configs/tiny'
    method.mkdir(parents=True)
    _own_config().rename(method / 'tiny_rooms.py')
    (method / 'untrained.py').write_text('model = dict()\n')
    weights = saved / 'model.safetensors'
    (method / 'metafile.yml').write_text(
        f'Models:\n- Name: tiny_rooms\n  Weights: {weights}\n'
        '- Name: untrained\n'
    )
    want = from_pretrained(saved, device='cpu')
    monkeypatch.setattr(zoo, '__file__', str(package / 'zoo/__init__.py'))
    assert same(from_pretrained('tiny_rooms', device='cpu'), want)
    assert find_weights('tiny_rooms') == str(weights)
    with pytest.raises(UserError, match='comes without weights; train it'):
        from_pretrained('untrained')


@pytest.mark.parametrize(
    ('name', 'text'),
    [
        ('hf-hub:me/none', r'download me/none from the hub: 404 for me/none$'),
        ('hf-hub:../../../etc', 'write hf-hub:USER/MODEL'),
        ('hf-hub:me/..', 'write hf-hub:USER/MODEL'),
        ('hf-hub:me/tiny@../../x', 'write hf-hub:USER/MODEL'),
        ('hf-hub:/etc/passwd', 'write hf-hub:USER/MODEL'),
        ('hf-hub:me/tiny/config.json', 'write hf-hub:USER/MODEL'),
        ('../rooms-lite0', 'no such file, and no model of this name'),
    ],
)
def test_names_that_are_none(hub: FakeHub, name: str, text: str) -> None:
    with pytest.raises(UserError, match=text):
        from_pretrained(name)


PAYLOADS: dict[str, dict[str, Any]] = {
    'a class of any package': dict(
        model=dict(type='subprocess.Popen', args=['touch', 'payload'])
    ),
    'in a step': dict(
        test_pipeline=[
            *PIPELINE,
            dict(type='subprocess.Popen', args=['touch', 'payload']),
        ]
    ),
    'below a known one': dict(
        model=demt(norm_cfg=dict(type='evil.Norm', requires_grad=True))
    ),
    'a module of that name': dict(model=dict(type='evil')),
    'another scope': dict(model=dict(type='evil.Norm')),
    'the scope of a dict': dict(
        model=demt(loss=dict(type='DepthL1Loss', _scope_='evil'))
    ),
    'a data set': dict(
        test_dataloader=dict(dataset=dict(type='evil.Norm', metainfo={}))
    ),
    'custom imports': dict(custom_imports=dict(imports=['evil'])),
    'a base': dict(_base_='evil.py'),
    'a substitution': dict(model=dict(type='{{ evil }}')),
    'a text that Python could evaluate': dict(
        model=dict(type="__import__('evil').Norm")
    ),
    'what VPD calls': dict(model=dict(type='VPD', x=dict(target='evil.Norm'))),
    'a network from a hub': dict(
        model=demt()
        | dict(
            backbone=dict(
                type='mmpretrain.TIMMBackbone', model_name='hf-hub:evil/evil'
            )
        )
    ),
    'a language model': dict(
        model=dict(type='mmpretrain.Flamingo', trust_remote_code=True)
    ),
    'weights of classes by URL': dict(
        model=dict(
            type='mmseg.CrossEntropyLoss',
            class_weight=' URL:http://127.0.0.1:9/evil.pkl',
        )
    ),
    'weights of classes in a file': dict(
        model=dict(type='mmseg.CrossEntropyLoss', class_weight='evil.pkl')
    ),
    'a file named by its format': dict(
        model=dict(type='mmseg.CrossEntropyLoss', class_weight='pkl')
    ),
    'a storage that imports': dict(
        test_pipeline=[
            dict(
                type='LoadImageFromFile',
                backend_args=dict(backend='memcached', sys_path='importable'),
            ),
            *PIPELINE[1:],
        ]
    ),
    'an older storage that imports': dict(
        test_pipeline=[
            dict(
                type='LoadImageFromFile',
                file_client_args=dict(backend='memcached', sys_path='x'),
            ),
            *PIPELINE[1:],
        ]
    ),
    'a picture that is a pickle': dict(
        test_pipeline=[
            dict(
                type='mmseg.LoadBiomedicalImageFromFile',
                decode_backend='pickle',
            ),
            *PIPELINE[1:],
        ]
    ),
    'a module of adapters': dict(
        model=demt()
        | dict(lora=dict(r=2, megatron_config={'x': 1}, megatron_core='evil'))
    ),
    'a path in a tuple': dict(
        model=demt(extra={'__tuple__': ['word', ['srv/evil']]})
    ),
    'a network behind a space': dict(
        model=demt()
        | dict(
            backbone=dict(
                type='mmpretrain.TIMMBackbone', model_name=' hf-hub:evil/evil'
            )
        )
    ),
}


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that writes a file when it is imported; and that file."""
    payload = tmp_path / 'payload'
    folder = tmp_path / 'importable'
    folder.mkdir()
    code = f'open({str(payload)!r}, "w").close()\nclass Norm: ...\n'
    (folder / 'evil.py').write_text(code)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, 'evil', raising=False)
    return payload


@pytest.mark.parametrize('what', PAYLOADS)
def test_a_config_runs_no_code(
    change: Callable, evil: Path, hub: FakeHub, what: str
) -> None:
    change(**PAYLOADS[what])
    for name in ('saved', 'hf-hub:me/tiny'):
        for door in (from_pretrained, MultiTaskInferencer, find_model):
            with pytest.raises(UserError, match='asks for code or files'):
                door(name)
    assert not evil.exists()


def test_names_of_classes_are_read_from_no_file(
    saved: Path, change: Callable
) -> None:
    Path('names').write_text('secret\n')
    model = from_pretrained(saved, device='cpu').model
    # Weights that say no names leave them to the config.
    from safetensors.torch import save_file

    state = {k: v.contiguous() for k, v in model.state_dict().items()}
    save_file(state, saved / 'model.safetensors')
    for kind in ('mmseg.ADE20KDataset', 'NYUDv2Dataset'):
        meta = dict(classes='names', palette=[[1, 2, 3]])
        dataset = dict(type=kind, metainfo=meta)
        change(test_dataloader=dict(dataset=dataset))
        found = from_pretrained(saved, device='cpu').model.dataset_meta
        assert 'secret' not in found['classes']
        assert found['palette'] == [[1, 2, 3]]


def test_mmengine_reads_no_pickle_while_a_model_is_built() -> None:
    Path('evil.pkl').write_bytes(pickle.dumps([1.0]))
    loss = dict(type='mmseg.CrossEntropyLoss', class_weight='evil.pkl')
    read = Config(dict(model=loss), cfg_text='{}', filename='config.json')
    with (
        pytest.raises(UserError, match='Unsupported format: pkl'),
        NamedModel(read, 'x').opening(),
    ):
        build_in_scope(MODELS, loss)
    # One's own may be one.
    with NamedModel(Config(dict(model=loss)), 'x').opening():
        assert build_in_scope(MODELS, loss).class_weight == [1.0]


def test_words_that_nothing_opens_pass() -> None:
    config = dict(
        model=dict(arch='regnetx_3.2gf', lora=dict(target_modules='b.*qkv')),
        new_tasks=dict(speed=dict(kind='scalar', unit='m/s')),
        test_dataloader=dict(dataset=dict(metainfo=dict(classes=['tv/vcr']))),
    )
    check_is_data(config, 'x')
    with pytest.raises(UserError, match='asks for code'):
        check_is_data(dict(model=dict(arch='../x')), 'x')


def test_weights_in_tuples_are_left_out() -> None:
    part = dict(type='x', checkpoint='srv/a.pth')
    config = dict(model=dict(parts=(part, dict(type='Pretrained'))))
    found = for_prediction(config)['model']
    assert found == dict(parts=(dict(type='x', checkpoint=None),))


@pytest.mark.parametrize(
    ('parts', 'reason'),
    [
        (dict(model=demt() | dict(decode_head=None)), 'decode_head is None'),
        (dict(model=[]), 'list'),
        (dict(model={}), 'must contain the key'),
        (dict(model=dict(type='MultiTaskSegmentor')), 'missing 2 required'),
        (dict(test_pipeline=5), 'test_pipeline is 5'),
        (dict(test_pipeline=[5]), r'test_pipeline\.0 is 5'),
        (dict(test_dataloader=[1]), 'list'),
        (dict(test_dataloader=dict(dataset=dict(metainfo=[1]))), 'sequence'),
        (dict(new_tasks=dict(a=dict(kind='binary', b=1))), 'no setting'),
    ],
)
def test_a_config_of_no_model_is_one_line_that_names_it(
    saved: Path, change: Callable, parts: dict, reason: str
) -> None:
    change(**parts)
    for door in (from_pretrained, init_model):
        with pytest.raises(UserError, match=reason) as caught:
            door(saved)
        assert str(saved / 'config.json') in str(caught.value)


def test_a_model_saved_into_a_work_folder_hides_no_training(
    saved: Path,
) -> None:
    (saved / 'last_checkpoint').write_text('iter_2.pth')
    with pytest.raises(UserError, match=r'both model\.safetensors.*and last_'):
        find_weights(saved)
    # Each by its name, with its own config.
    assert find_model(saved / 'model.safetensors').config.model
    (saved / 'iter_2.pth').touch()
    (saved / 'own.py').write_text(f'model = {demt()!r}\nnothing = open()\n')
    with pytest.raises(UserError, match=r'own\.py asks for code'):
        find_model(saved / 'iter_2.pth')


def test_the_payloads_would_run_if_they_were_trusted(
    change: Callable, evil: Path
) -> None:
    change(**PAYLOADS['custom imports'])
    from_pretrained('saved', device='cpu', trust_remote_code=True)
    assert evil.exists()
    evil.unlink()
    change(custom_imports=None, **PAYLOADS['a class of any package'])
    with pytest.raises(Exception, match=r'.'):  # a process is no model
        from_pretrained('saved', device='cpu', trust_remote_code=True)
    for _ in range(100):
        if evil.exists():
            break
        time.sleep(0.05)
    assert evil.exists()


PYTHON = {
    'code': 'open("payload", "w").close()\nmodel = dict()\n',
    'a call': 'model = dict(type=open("payload", "w"))\n',
    'a call as dict': 'dict = print\nmodel = dict(open("payload", "w"))\n',
    'a base': '_base_ = "evil.py"\nmodel = dict()\n',
    'a lazy config': 'from evil import Norm\nmodel = dict(type=Norm)\n',
    'modules': 'custom_imports = dict(imports=["evil"])\nmodel = dict()\n',
    'a substitution': 'model = {{ fileBasename }}\n',
    'unpacking': 'model = dict(**open("payload", "w"))\n',
    'a comprehension': 'model = [open("payload", "w") for x in [1]]\n',
}


@pytest.mark.parametrize('what', PYTHON)
def test_python_beside_weights_is_read_as_data(
    saved: Path, evil: Path, hub: FakeHub, what: str
) -> None:
    (saved / 'config.json').unlink()
    (saved / 'config.py').write_text(PYTHON[what])
    for name in (saved, 'hf-hub:me/tiny', saved / 'model.safetensors'):
        with pytest.raises(UserError, match='asks for code or files'):
            open_model(name)
    assert not evil.exists()


def test_python_that_is_trusted_runs_with_what_lies_beside(
    saved: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    want = from_pretrained(saved, device='cpu')
    (saved / 'config.json').unlink()
    monkeypatch.setattr('sys.path', [*sys.path])
    (saved / 'trial_module.py').write_text('ran = True\n')
    (saved / 'config.py').write_text(
        'custom_imports = dict(imports=["trial_module"])\n'
        f'model = {demt()!r}\ntest_pipeline = {PIPELINE!r}\n'
    )
    name = 'hf-hub:me/tiny'
    assert same(
        from_pretrained(name, device='cpu', trust_remote_code=True), want
    )
    assert sys.modules['trial_module'].ran
    assert hub.asked[-1][2] == ['config.json', 'model.safetensors', '*.py']


def test_what_the_runner_dumps_is_read_as_data(
    saved: Path, tmp_path: Path
) -> None:
    folder = tmp_path / 'work'
    folder.mkdir()
    config = Config(
        dict(
            model=demt(tasks=['depth', 'semseg']),
            completed_tasks=['depth', 'semseg'],
            test_dataloader=dict(
                dataset=dict(
                    type='NYUDv2Dataset',
                    metainfo=dict(classes=list('abcde')),
                    pipeline=PIPELINE,
                )
            ),
            optim_wrapper=dict(
                paramwise_cfg=dict(custom_keys={'.norm': dict(decay_mult=0.0)})
            ),
            limit=float('inf'),
        )
    )
    config.dump(str(folder / 'own.py'))
    state = init_model(config).state_dict()
    torch.save(dict(state_dict=state), folder / 'iter_2.pth')
    (folder / 'last_checkpoint').write_text('elsewhere/iter_2.pth')
    for name in (folder, folder / 'iter_2.pth'):
        found = open_model(name, device='cpu')
        assert list(found(IMAGE)) == ['depth', 'semseg']
        assert found.model.dataset_meta['classes'] == list('abcde')


def test_a_config_of_another_library_is_said(saved: Path) -> None:
    for text, reason in (
        ('{"model_type": "bert"}', 'holds no config.model'),
        ('{"config": {"model": {}}, "format": 2}', 'install a newer mmmtl'),
        ('{"config": {"model": {}', 'cannot be read'),
        ('[' * 100_000, 'cannot be read'),
    ):
        (saved / 'config.json').write_text(text)
        with pytest.raises(UserError, match=reason):
            from_pretrained(saved)


def test_weights_that_are_no_safetensors_are_refused(
    saved: Path, evil: Path
) -> None:
    class Payload:
        def __reduce__(self) -> tuple:
            return open, (str(evil), 'w')

    torch.save(dict(state_dict=Payload()), saved / 'model.safetensors')
    with pytest.raises(UserError, match=r'model\.safetensors cannot be read'):
        from_pretrained(saved, device='cpu')
    torch.save(dict(state_dict=Payload()), saved / 'old.pth')
    with pytest.raises(UserError, match='contains code'):
        open_model(saved / 'old.pth', device='cpu')
    assert not evil.exists()
