"""Where a config's data sets read."""

from __future__ import annotations

import pytest
from mmengine.config import Config

from mmmtl.engine.config import load_config
from mmmtl.engine.prepare import set_data_root
from mmmtl.errors import UserError

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def test_all_data_sets_move() -> None:
    config = load_config('demt_swin-t_nyud')
    set_data_root(config, '/data/mine')
    roots = [config[loader].dataset.data_root for loader in LOADERS]
    assert roots == ['/data/mine'] * 3


def test_what_lies_below_moves_along() -> None:
    dataset = dict(
        data_root='data/doom',
        split_root='data/doom/splits',
        metainfo=dict(classes='data/doom/classes.txt'),
        other='data/doomed',
    )
    config = Config(dict(train_dataloader=dict(dataset=dataset)))
    set_data_root(config, 'new')
    assert config.train_dataloader.dataset.to_dict() == dict(
        data_root='new',
        split_root='new/splits',
        metainfo=dict(classes='new/classes.txt'),
        other='data/doomed',
    )


@pytest.mark.parametrize(
    ('roots', 'text'),
    [([], 'reads no data_root'), (['a', 'b'], 'reads a and b, not one')],
)
def test_not_one_folder(roots: list[str], text: str) -> None:
    parts = [dict(data_root=root) for root in roots]
    loader = dict(dataset=dict(datasets=parts))
    with pytest.raises(UserError, match=text):
        set_data_root(Config(dict(train_dataloader=loader)), 'new')
