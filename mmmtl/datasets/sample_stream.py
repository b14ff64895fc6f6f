"""What is drawn at random follows from the seed and the place alone.

PyTorch's loader processes each draw from a state of their own, which starts
anew with every run. So the same sample would be cropped and flipped otherwise
with another number of processes, and after every resume. Here every sample
knows its place in the stream of samples, and all that is drawn for it, by
transforms of whatever library, starts from (seed, place). Nothing of it needs
to be saved.

Convention:
    A place is ``(pass, position)``: how often the data set was gone through
    before, and the number of the sample within this pass, counted over all
    processes of a run. An endless sampler has one pass only. Not covered are
    generators that a transform keeps for itself.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_dist_info
from mmengine.registry import DATA_SAMPLERS, DATASETS
from torch.utils.data import DataLoader, Dataset, Sampler


def seed_draws(seed: int, *place: int, devices: bool = True) -> None:
    """Let Python, numpy and PyTorch draw what belongs to a place.

    Args:
        seed: Of the run.
        place: Numbers that say where in the run this is; another place, or
            another count of numbers, gives independent draws.
        devices: Whether accelerators start anew as well.
    """
    words = np.random.SeedSequence(seed, spawn_key=place).generate_state(8)
    numbers = words.view(np.uint64)
    np.random.seed(words[:4])
    random.seed(int(numbers[2]))
    start = (
        torch.manual_seed if devices else torch.default_generator.manual_seed
    )
    start(int(numbers[3]))


@contextmanager
def drawing_at(seed: int, *place: int) -> Iterator[None]:
    """Draw what belongs to a place, then go on as if nothing had been drawn.

    Args:
        seed: Of the run.
        place: As in :func:`seed_draws`.
    """
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    seed_draws(seed, *place, devices=False)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])


class PlacedIndex(int):
    """The index of a sample that knows its place in the stream."""

    place: tuple[int, ...]

    def __new__(cls, index: int, place: tuple[int, ...]) -> PlacedIndex:
        """Make one.

        Args:
            index: In the data set.
            place: The seed, then the place.
        """
        placed = super().__new__(cls, index)
        placed.place = place
        return placed

    # pyrefly: ignore[bad-override]  # `int` declares its own arguments
    def __getnewargs__(self) -> tuple[int, tuple[int, ...]]:
        """Return what a loader process makes it from."""
        return int(self), self.place


class SampleStream(Sampler):
    """A sampler that can start anywhere and says the place of each sample.

    The order is the inner sampler's, which is built anew for every pass: it
    may depend on the seed and on ``set_epoch``, and on nothing else.
    """

    def __init__(
        self, dataset: Dataset, *, sampler: Mapping, seed: int | None
    ) -> None:
        """Build the sampler.

        Args:
            dataset: What it samples.
            sampler: Its config.
            seed: Of the run.
        """
        self.dataset = dataset
        self._config = sampler
        self.seek(seed or 0)
        self._sampler: Any = self._build()

    def seek(self, seed: int, number: int = 0, skip: int = 0) -> None:
        """Say where the next pass begins.

        Args:
            seed: Of the run; the same in all its processes.
            number: Of the pass.
            skip: So many samples of it are left out in this process.
        """
        self.seed, self._number, self._skip = seed, number, skip

    def is_endless(self) -> bool:
        """Tell whether the sampler gives more samples than its length."""
        more = islice(self._build(), len(self), None)
        return next(more, None) is not None

    def __iter__(self) -> Iterator[PlacedIndex]:
        """Go through the samples of a pass."""
        sampler, seed, number = self._build(), self.seed, self._number
        if hasattr(sampler, 'set_epoch'):
            sampler.set_epoch(number)
        rank, world = get_dist_info()
        for step, index in islice(enumerate(sampler), self._skip, None):
            yield PlacedIndex(index, (seed, number, step * world + rank))

    def __len__(self) -> int:
        """Return the inner sampler's length."""
        return len(self._sampler)

    def _build(self) -> Sampler:
        return DATA_SAMPLERS.build(
            dict(self._config),
            default_args=dict(dataset=self.dataset, seed=self.seed),
        )


class SeededDataset(Dataset):
    """A data set, each sample of which is drawn at its place.

    All else is the inner data set's: its attributes are read and set through
    this one.
    """

    def __init__(self, dataset: Mapping | Dataset) -> None:
        """Build the data set.

        Args:
            dataset: Its config, or itself.
        """
        if isinstance(dataset, Mapping):
            dataset = DATASETS.build(dataset)
        self.__dict__['dataset'] = dataset

    def __getitem__(self, index: int) -> Any:
        """Return a sample; a plain index draws as it comes."""
        if not isinstance(index, PlacedIndex):
            return self.dataset[index]
        with drawing_at(*index.place):
            return self.dataset[int(index)]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.dataset)

    def __getattr__(self, name: str) -> Any:
        """Read an attribute of the inner data set."""
        return getattr(self.__dict__['dataset'], name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute of the inner data set."""
        setattr(self.dataset, name, value)

    def __reduce__(self) -> tuple:
        """Return what a loader process makes it from."""
        return type(self), (self.dataset,)


def stream_config(dataloader: Mapping) -> dict[str, Any]:
    """Return a loader's config whose samples know their places.

    Args:
        dataloader: A config with ``dataset`` and ``sampler``.
    """
    return {
        **dataloader,
        'dataset': dict(type=SeededDataset, dataset=dataloader['dataset']),
        'sampler': dict(type=SampleStream, sampler=dataloader['sampler']),
    }


def stream_of(loader: DataLoader) -> SampleStream:
    """Return the stream of a loader that was built by such a config."""
    own = isinstance(loader.sampler, SampleStream)
    place: Any = loader if own else loader.batch_sampler
    return place.sampler


def one_pass(
    loader: DataLoader, seed: int, number: int, done: int
) -> Iterator[Any]:
    """Yield the batches of one pass.

    Args:
        loader: See :func:`stream_config`.
        seed: Of the run.
        number: Of the pass.
        done: So many batches are left out. Nothing of them is loaded, unless
            the config names a ``batch_sampler`` of its own, which alone
            knows what they consist of.
    """
    skip = done * (loader.batch_size or 0)
    stream_of(loader).seek(seed, number, skip)
    yield from islice(loader, 0 if skip else done, None)


def all_passes(loader: DataLoader, seed: int, done: int) -> Iterator[Any]:
    """Yield batches for ever.

    Args:
        loader: See :func:`stream_config`.
        seed: Of the run.
        done: So many batches are left out.
    """
    number = 0
    if not stream_of(loader).is_endless():
        number, done = divmod(done, len(loader))
    while True:
        yield from one_pass(loader, seed, number, done)
        number, done = number + 1, 0
