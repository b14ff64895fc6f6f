"""What is drawn for a sample follows from the seed and its place."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Sampler

from mmmtl.datasets import sample_stream
from mmmtl.datasets.sample_stream import (
    PlacedIndex,
    SeededDataset,
    all_passes,
    drawing_at,
    one_pass,
    seed_draws,
    stream_config,
)


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), torch.rand(()).item()


class Draws(Dataset):
    """Samples are their index and what was drawn; remembers what was read."""

    metainfo = {'classes': ('a',)}

    def __init__(self, length: int = 7) -> None:
        self.length = length
        self.read: list[int] = []

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple:
        assert type(index) is int
        self.read.append(index)
        return index, *draw()

    def full_init(self) -> None:
        """Do nothing, as mmengine's wrappers expect of their parts."""


class Pairs(Sampler):
    """A batch sampler that puts even with even, odd with odd."""

    def __init__(self, sampler: Sampler, batch_size: int) -> None:
        self.sampler, self.batch_size = sampler, batch_size

    def __iter__(self) -> Iterator[list[int]]:
        waiting: dict[int, list[int]] = {0: [], 1: []}
        for index in self.sampler:
            group = waiting[index % 2]
            group.append(index)
            if len(group) == self.batch_size:
                yield group[:]
                group.clear()

    def __len__(self) -> int:
        return 3


def loader(sampler: str = 'DefaultSampler', **changes: Any) -> DataLoader:
    config = dict(
        batch_size=2,
        num_workers=0,
        dataset=Draws(),
        sampler=dict(type=sampler, shuffle=True),
        collate_fn=list,
    )
    return Runner.build_dataloader(
        stream_config({**config, **changes}), seed=3
    )


def take(batches: Iterator, count: int) -> list:
    return [next(batches) for _ in range(count)]


def test_a_place_draws_the_same_whatever_came_before() -> None:
    seed_draws(1, 5)
    first = draw()
    draw()
    with drawing_at(1, 5):
        assert draw() == first
    seen = {first}
    for seed, *place in ((1, 6), (2, 5), (1, 5, 0), (1, 0, 5)):
        seed_draws(seed, *place)
        seen.add(draw())
    assert len(seen) == 5


def test_drawing_elsewhere_leaves_the_process_untouched() -> None:
    seed_draws(0)
    expected = [draw(), draw()]
    seed_draws(0)
    first = draw()
    with drawing_at(4, 4):
        draw()
    assert [first, draw()] == expected


@pytest.mark.parametrize('sampler', ['DefaultSampler', 'InfiniteSampler'])
def test_skipped_batches_leave_the_rest_as_it_is(sampler: str) -> None:
    """7 samples in batches of 2: a pass has 4 batches, or no end."""
    whole = take(all_passes(loader(sampler), 3, 0), 12)
    for done in (1, 4, 9):
        resumed = loader(sampler)
        rest = take(all_passes(resumed, 3, done), 12 - done)
        assert rest == whole[done:]
        read = [sample[0] for batch in rest for sample in batch]
        assert resumed.dataset.read == read
    # Another pass draws anew.
    samples = [sample for batch in whole for sample in batch]
    assert len(set(samples)) == len(samples)


def test_number_of_workers_changes_nothing() -> None:
    alone = list(one_pass(loader(), 3, 2, 1))
    for options in (
        dict(num_workers=1),
        dict(num_workers=2, persistent_workers=True),
    ):
        several = loader(**options)
        for _ in range(2):
            assert list(one_pass(several, 3, 2, 1)) == alone


def test_batch_sampler_of_others_goes_on_where_it_was() -> None:
    pairs = dict(batch_sampler=dict(type=Pairs))
    whole = list(one_pass(loader(**pairs), 3, 0, 0))
    assert len(whole) > 1
    assert all((a[0] - b[0]) % 2 == 0 for a, b in whole)
    assert list(one_pass(loader(**pairs), 3, 0, 1)) == whole[1:]


def test_number_of_processes_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two processes draw for their samples what one draws for all."""
    alone = take(all_passes(loader('InfiniteSampler'), 3, 0), 4)
    dealt: list[list] = []
    for rank in range(2):

        def info(rank: int = rank) -> tuple[int, int]:
            return rank, 2

        for module in ('mmengine.dataset.sampler', sample_stream.__name__):
            monkeypatch.setattr(f'{module}.get_dist_info', info)
        shared = loader('InfiniteSampler', batch_size=1)
        dealt.append(take(all_passes(shared, 3, 0), 4))
    pairs = zip(*dealt, strict=True)
    assert [one + other for one, other in pairs] == alone


def test_sets_within_sets_draw_at_their_place() -> None:
    parts = ConcatDataset([Draws(3), Draws(4)])
    single = SeededDataset(Draws(7))
    joint = SeededDataset(parts)
    for index in (1, 5):
        placed = PlacedIndex(index, (3, 0, 2))
        assert joint[placed][1:] == single[placed][1:]
    assert joint.datasets is parts.datasets


def test_the_rest_of_a_data_set_shows_through() -> None:
    inner = Draws()
    wrapped = SeededDataset(inner)
    wrapped.length = 5
    assert (len(wrapped), inner.length) == (5, 5)
    assert wrapped.metainfo is inner.metainfo
    assert not hasattr(wrapped, 'nothing')
    copied = pickle.loads(pickle.dumps(wrapped))
    placed = pickle.loads(pickle.dumps(PlacedIndex(4, (3, 0, 2))))
    assert copied[placed] == wrapped[placed]
    assert copied.length == 5
