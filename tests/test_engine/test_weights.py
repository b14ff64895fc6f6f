"""Downloads that are kept, and pretrained weights however they are named."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModule, PretrainedInit
from mmengine.runner import CheckpointLoader
from torch import nn

from mmmtl.engine.checkpoint import SpoiledCheckpointError
from mmmtl.engine.weights import (
    check_pretrained_fit,
    fetch_checkpoint,
    hash_of,
    name_initialisers,
    open_door,
    pretrained_sources,
    read_weights,
)
from mmmtl.errors import UserError
from tests.file_server import FileServer, serve_files


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where PyTorch keeps downloads."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    return tmp_path / 'hub' / 'checkpoints'


@pytest.fixture
def server(cache: Path) -> Iterator[FileServer]:
    with serve_files() as running:
        yield running


def file_of(value: float) -> bytes:
    """Return a checkpoint of one tensor."""
    buffer = io.BytesIO()
    torch.save({'a': torch.full((64,), value)}, buffer)
    return buffer.getvalue()


def value_of(source: str) -> float:
    return read_weights(source)['a'][0].item()


def kept(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.rglob('*') if path.is_file())


def test_files_of_one_name_are_kept_apart(server: FileServer) -> None:
    first = server.add('/demt/iter_40000.pth', file_of(1))
    second = server.add('/mult/iter_40000.pth', file_of(2))
    third = server.add('/mult/iter_40000.pth?version=3', file_of(3))
    for _ in range(2):
        assert [value_of(url) for url in (first, second, third)] == [1, 2, 3]
    assert set(server.asked.values()) == {1}


def test_hash_is_kept_beside_and_returned(
    server: FileServer, cache: Path
) -> None:
    url = server.add('/a.pth', file_of(1))
    assert hash_of(url) is None
    read_weights(url)
    want = hashlib.sha256(file_of(1)).hexdigest()
    assert hash_of(url) == want
    note = fetch_checkpoint(url).with_name('a.pth.sha256')
    assert note.read_text() == f'{want}  a.pth\n'  # as sha256sum reads it


def test_a_download_shows_how_far_it_is(
    server: FileServer, capsys: pytest.CaptureFixture
) -> None:
    url = server.add('/a.pth', file_of(1))
    fetch_checkpoint(url)
    shown = capsys.readouterr().err
    assert shown.startswith('a.pth ')
    size = f'{len(file_of(1)) / 1000:.1f}'
    assert f'{size}/{size} kB' in shown
    fetch_checkpoint(url)
    assert capsys.readouterr().err == ''


@pytest.mark.parametrize('what', ['bit', 'end', 'note', 'no note'])
def test_download_that_changed_on_the_disk_is_fetched_again(
    what: str, server: FileServer, cache: Path
) -> None:
    url = server.add('/a.pth', file_of(1))
    path = fetch_checkpoint(url)
    note = path.with_name('a.pth.sha256')
    if what == 'bit':
        flip(path, len(file_of(1)) * 4)
    elif what == 'end':
        path.write_bytes(path.read_bytes()[:-9])
    elif what == 'note':
        note.write_text('')
    else:
        note.unlink()
    assert value_of(url) == value_of(url) == 1
    assert server.asked['/a.pth'] == 2
    assert path.read_bytes() == file_of(1)
    assert kept(cache) == ['a.pth', 'a.pth.sha256']


def flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


@pytest.mark.parametrize(
    ('name', 'content', 'cut', 'words'),
    [
        ('a.pth', file_of(1), 9, r'it ended after \d+ of \d+ bytes'),
        ('a.pth', b'<html>log in first</html>', 0, r'a\.pth cannot be read'),
        ('a-01234567.pth', file_of(1), 0, 'with the 01234567 in its name'),
    ],
    ids=['short', 'page', 'hash'],
)
def test_what_is_not_whole_is_not_kept(
    name: str,
    content: bytes,
    cut: int,
    words: str,
    server: FileServer,
    cache: Path,
) -> None:
    url, server.cut = server.add(f'/{name}', content), cut
    with pytest.raises(UserError, match=words) as refused:
        fetch_checkpoint(url)
    assert f'cannot download {url}, nothing is kept' in str(refused.value)
    assert kept(cache) == []


def test_a_hash_in_the_name_is_compared_and_a_date_is_none(
    server: FileServer,
) -> None:
    digits = hashlib.sha256(file_of(1)).hexdigest()[:8]
    assert value_of(server.add(f'/a-{digits}.pth', file_of(1))) == 1
    assert value_of(server.add('/a-20220317.pth', file_of(2))) == 2


def test_other_projects_downloads_are_taken_by_their_hash_alone(
    server: FileServer, cache: Path
) -> None:
    cache.mkdir(parents=True)
    digits = hashlib.sha256(file_of(1)).hexdigest()[:8]
    for name in (f'a-{digits}.pth', 'a.pth', 'a-01234567.pth'):
        (cache / name).write_bytes(file_of(1))
    assert value_of(server.add(f'/a-{digits}.pth', b'')) == 1
    assert value_of(server.add('/a.pth', file_of(2))) == 2
    with pytest.raises(UserError, match='cannot download'):
        fetch_checkpoint(server.add('/a-01234567.pth', file_of(2)))
    assert list(server.asked) == ['/a.pth', '/a-01234567.pth']


def test_downloads_at_once_do_not_spoil_one_another(
    server: FileServer, cache: Path
) -> None:
    url = server.add('/a.pth', file_of(1))
    server.barrier = threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(fetch_checkpoint, [url] * 4))
    assert server.asked['/a.pth'] == 4
    assert paths.pop().read_bytes() == file_of(1)
    assert kept(cache) == ['a.pth', 'a.pth.sha256']


class Part(BaseModule):
    """A network whose norm may have an initialiser of its own."""

    def __init__(self, init_cfg: object = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.conv = nn.Conv2d(1, 2, 1)
        self.norm = nn.BatchNorm2d(2)


class Whole(BaseModule):
    """Builds its backbone under another name than the config's."""

    def __init__(self, init_cfg: object) -> None:
        super().__init__()
        self.stem = Part(init_cfg)


def init_config(init_cfg: object) -> Config:
    return Config(dict(model=dict(backbone=dict(init_cfg=init_cfg))))


@pytest.mark.parametrize(
    'kind',
    [
        'Pretrained',
        'mmengine.Pretrained',
        'mmseg.Pretrained',
        'mmmtl.Pretrained',
        'mmengine.model.PretrainedInit',
        PretrainedInit,
    ],
)
@pytest.mark.parametrize('place', ['alone', 'list', 'override'])
def test_pretrained_weights_are_found_however_they_are_spelled(
    kind: object, place: str, tmp_path: Path
) -> None:
    open_door()
    path = str(tmp_path / 'a.pth')
    found = dict(type=kind, checkpoint=path)
    other = dict(type='Constant', layer='Conv2d', val=1)
    init_cfg = {
        'alone': found,
        'list': [other, found],
        'override': dict(other, override=dict(found, name='norm')),
    }[place]
    config = init_config(init_cfg)
    name_initialisers(config)
    [(key, source, _)] = pretrained_sources(config)
    end = '.override' if place == 'override' else ''
    assert (key, source) == (f'model.backbone.init_cfg{end}', path)
    model = Whole(config.model.backbone.init_cfg)
    torch.save({'stem.weight': torch.ones(3)}, path)
    with pytest.raises(UserError, match='another network: 0 tensors') as bad:
        check_pretrained_fit(config, model)
    assert f'--cfg-options {key}=None' in str(bad.value)
    right = Part().norm if place == 'override' else Part()
    torch.save({k: v + 7 for k, v in right.state_dict().items()}, path)
    check_pretrained_fit(config, model)
    model.init_weights()
    assert model.stem.norm.weight.tolist() == [8, 8]  # 1 of a new norm + 7


@pytest.mark.parametrize('kind', ['Pretraned', 'PretrainedInit', 'a.Constant'])
def test_initialiser_that_does_not_exist_is_refused(kind: str) -> None:
    config = init_config([dict(type=kind, checkpoint='a.pth')])
    with pytest.raises(
        UserError, match=rf"backbone\.init_cfg: .* of type '{kind}'"
    ):
        name_initialisers(config)


def test_other_initialisers_stay_as_they_are() -> None:
    init_cfg = [
        dict(type='TruncNormal', std=0.02, override=dict(name='conv')),
        dict(type='Constant', val=1, layer='Conv2d'),
    ]
    config = init_config(init_cfg)
    name_initialisers(config)
    assert config.model.backbone.init_cfg == init_cfg
    assert not list(pretrained_sources(config))


def test_the_part_that_mmsegs_vit_takes_is_looked_at(tmp_path: Path) -> None:
    """Its ``Pretrained_Part`` is in no registry, and loads what fits."""
    path = tmp_path / 'a.pth'
    config = init_config(dict(type='Pretrained_Part', checkpoint=str(path)))
    name_initialisers(config)
    found = ('model.backbone.init_cfg', str(path), 'image_encoder')
    assert list(pretrained_sources(config)) == [found]
    model = Whole(config.model.backbone.init_cfg)
    torch.save(Part().state_dict(), path)
    with pytest.raises(UserError, match='another network: 0 tensors'):
        check_pretrained_fit(config, model)
    state = Part().state_dict().items()
    torch.save({f'image_encoder.{name}': v for name, v in state}, path)
    check_pretrained_fit(config, model)


def test_weights_of_a_type_that_would_be_cast_are_refused(
    tmp_path: Path,
) -> None:
    """Mmengine casts what has the right shape, or leaves it random."""
    config = init_config(
        dict(type='Pretrained', checkpoint=str(tmp_path / 'a.pth'))
    )
    state = dict(Part().state_dict())
    state['conv.weight'] = state['conv.weight'].to(torch.int8)
    torch.save(state, tmp_path / 'a.pth')
    model = Whole(config.model.backbone.init_cfg)
    with pytest.raises(
        SpoiledCheckpointError, match=r'conv\.weight is int8, not float'
    ):
        check_pretrained_fit(config, model)


def test_mmengine_notes_the_hash_in_its_log(
    server: FileServer, capfd: pytest.CaptureFixture
) -> None:
    open_door()
    url = server.add('/a.pth', file_of(1))
    CheckpointLoader.load_checkpoint(url)
    digits = hashlib.sha256(file_of(1)).hexdigest()
    assert f'weights {url} (SHA-256 {digits})' in capfd.readouterr().out
