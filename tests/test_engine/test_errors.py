"""Which errors are shown in one line, and how."""

from __future__ import annotations

import pytest
from mmengine.config import Config
from torch._utils import ExceptionWrapper

from mmmtl.engine.errors import user_errors
from mmmtl.errors import UserError
from mmmtl.registry import MODELS
from mmmtl.tasks import get_task


def raise_foreign() -> None:
    raise ValueError('a defect somewhere')


def test_user_error_is_one_line_and_code_2(
    capsys: pytest.CaptureFixture,
) -> None:
    with pytest.raises(SystemExit) as stop, user_errors():
        raise UserError('the fix is x')
    assert stop.value.code == 2
    assert capsys.readouterr().err == 'error: the fix is x\n'


def test_value_error_of_a_check_of_ours_is_one_line(
    capsys: pytest.CaptureFixture,
) -> None:
    with pytest.raises(SystemExit), user_errors():
        get_task('dept')
    err = capsys.readouterr().err
    assert "'depth'" in err
    assert err.count('\n') == 1


def test_value_error_of_others_keeps_its_traceback() -> None:
    with pytest.raises(ValueError, match='a defect'), user_errors():
        raise_foreign()


def test_error_of_a_loader_worker_loses_the_packed_traceback(
    capsys: pytest.CaptureFixture,
) -> None:
    """A data loader packs its worker's traceback into the message."""
    try:
        get_task('dept')
    except ValueError:
        packed = ExceptionWrapper(where='in DataLoader worker process 0')
    with pytest.raises(SystemExit), user_errors():
        packed.reraise()
    err = capsys.readouterr().err
    assert err.startswith('error: ')
    assert 'Traceback' not in err
    assert "'depth'" in err
    assert err.count('\n') == 1


def test_foreign_error_of_a_loader_worker_is_not_hidden() -> None:
    try:
        raise_foreign()
    except ValueError:
        packed = ExceptionWrapper(where='in DataLoader worker process 0')
    with pytest.raises(ValueError, match='Original Traceback'), user_errors():
        packed.reraise()


def test_environment_variable_shows_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('MMMTL_TRACEBACK', '1')
    with pytest.raises(UserError), user_errors():
        raise UserError('x')


def test_rank_is_named_among_several(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv('WORLD_SIZE', '2')
    monkeypatch.setenv('RANK', '1')
    with pytest.raises(SystemExit), user_errors():
        raise UserError('x')
    assert capsys.readouterr().err == 'error (rank 1): x\n'


class Leaf:
    def __init__(self, *, width: int, index: int) -> None:
        self.width = get_task('dept') if width < 0 else width


class Stack:
    """Adds an argument to what it builds."""

    def __init__(self, layers: list, index: int = 0) -> None:
        for index, layer in enumerate(layers):
            MODELS.build(dict(layer, index=index))


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, kind in {'Leaf': Leaf, 'Stack': Stack}.items():
        monkeypatch.setitem(MODELS.module_dict, name, kind)


@pytest.mark.usefixtures('toys')
@pytest.mark.parametrize(
    ('part', 'line'),
    [
        (
            dict(type='Leaf', wide=3, width=1),
            'config: model.layers.1 (Leaf): TypeError: Leaf.__init__() got an '
            "unexpected keyword argument 'wide'",
        ),
        (
            dict(type='Laef'),
            'config: model.layers.1 (Laef): KeyError: Laef is not in the ',
        ),
        (dict(width=3), 'config: model.layers.1 (no type): KeyError: '),
        # A check of ours says all there is to say.
        (
            dict(type='Leaf', width=-1),
            'config: model.layers.1 (Leaf): unknown task ',
        ),
    ],
)
def test_what_fails_to_build_names_its_place(
    part: dict, line: str, capsys: pytest.CaptureFixture
) -> None:
    layers = [dict(type='Stack', layers=[]), part]
    if part.get('type') == 'Leaf':
        layers.append(dict(type='Leaf', width=1))
    config = Config(dict(model=dict(type='Stack', layers=layers)))
    with pytest.raises(SystemExit) as stop, user_errors():
        MODELS.build(config.model)
    assert stop.value.code == 2
    err = capsys.readouterr().err
    assert err.startswith(f'error: {line}')
    assert err.count('\n') == 1


@pytest.mark.parametrize('several', [True, False])
@pytest.mark.parametrize(
    'text', ['Connection closed by peer', 'Timed out waiting 20000ms for recv']
)
def test_loss_of_another_process_is_one_line(
    text: str,
    several: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setenv('WORLD_SIZE', '2' if several else '1')
    monkeypatch.setenv('RANK', '0')
    error = RuntimeError(f'[gloo/pair.cc:537] {text}. Hint')
    kind = SystemExit if several else RuntimeError
    with pytest.raises(kind), user_errors():
        raise error
    said = 'error (rank 0): another process of this run has ended'
    assert (said in capsys.readouterr().err) == several
