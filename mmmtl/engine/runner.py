"""mmengine's runner, with all weights through one door."""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import master_only
from mmengine.hooks import CheckpointHook, EarlyStoppingHook, Hook
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner, load_state_dict
from mmengine.runner.base_loop import BaseLoop
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from mmmtl.engine.changed_options import check_meaning, check_options
from mmmtl.engine.checkpoint import (
    ForeignCheckpointError,
    UnsafeCheckpointError,
    bare_model,
    check_task_order,
    check_values,
    compare,
    load_weights,
    state_dict_of,
)
from mmmtl.engine.config_tasks import complete_tasks
from mmmtl.engine.distributed import together, world_size
from mmmtl.engine.fully_sharded import FullyShardedModel, gathered
from mmmtl.engine.hooks import SafeCheckpointHook
from mmmtl.engine.hooks.loss_weighting_hook import LossWeightingHook
from mmmtl.engine.run_state import RunState
from mmmtl.engine.stopping import shield
from mmmtl.engine.train_loops import resumable
from mmmtl.engine.weights import (
    hash_of,
    name_initialisers,
    open_door,
    read_ahead,
    read_start_files,
    read_weights,
)
from mmmtl.engine.work_dir import settle_resume
from mmmtl.errors import UserError
from mmmtl.io.folders import new_file
from mmmtl.models.backbones.plain_names import as_named_in
from mmmtl.models.weighting import LossWeighting
from mmmtl.registry import HOOKS, MODEL_WRAPPERS, RUNNERS

#: What every training has beside mmengine's default hooks.
OUR_HOOKS = {
    'divergence': 'mmmtl.DivergenceHook',
    'labelled_tasks': 'mmmtl.LabelledTasksHook',
}


def build_runner(
    config: Config, notes: Iterable[str] = (), *, trains: bool = True
) -> Runner:
    """Build the runner of a config: ours, unless it names another.

    Everything that the run starts from is read first, so that nothing is
    written for a run whose weights cannot be had.

    Args:
        config: Another ``runner_type`` loads weights in its own way.
        notes: Lines to log.
        trains: Whether the run needs pretrained weights; an evaluation
            replaces them.
    """
    if 'runner_type' in config:
        notes = [*notes, *settle_resume(config)]
        runner = RUNNERS.build(config)
    else:
        open_door()
        read_start_files(config, pretrained=trains)
        runner = MultiTaskRunner.from_cfg(config)
    for note in notes:
        runner.logger.info(note)
    return runner


@RUNNERS.register_module()
class MultiTaskRunner(Runner):
    """Loads weights safely, once, and completely or not at all.

    mmengine's runner loads what fits and logs the rest. Here a ``load_from``
    that is not of this model is refused. ``load_from_strict = False`` in the
    config accepts a file of which only a part fits (another number of
    classes, say) when a training starts; it is ignored when one is resumed.

    Other projects' tools use this runner with ``runner_type =
    'mmmtl.MultiTaskRunner'`` in a config.
    """

    @classmethod
    def from_cfg(cls, cfg: Config) -> MultiTaskRunner:
        """Read the checkpoint that the run starts from, then build it.

        In this order nothing is written for a checkpoint that cannot be used.
        Tools of other projects have not added the config's tasks to the table.
        """
        open_door()
        complete_tasks(cfg)
        name_initialisers(cfg)
        notes = settle_resume(cfg)
        if cfg.get('load_from'):
            path = cfg['load_from']
            checkpoint = read_ahead(path)
            if cfg.get('resume'):
                check_resumable(checkpoint, path)
                notes += check_options(cfg, checkpoint, path)
        runner = super().from_cfg(cfg)
        for note in notes:
            runner.logger.info(note)
        return runner

    def build_logger(self, *args: Any, **options: Any) -> MMLogger:
        """Build mmengine's, which says once that there is no room for it.

        Args:
            args: mmengine's.
            options: mmengine's.
        """
        logger = super().build_logger(*args, **options)
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                complain = functools.partial(_complain_once, handler, [])
                handler.handleError = complain
        return logger

    def register_hook(
        self, hook: Hook | dict, priority: str | int | None = None
    ) -> None:
        """Register a hook; ours where mmengine's checkpoint hook is named.

        Early stopping looks at a validation before checkpoints are saved, so
        that they hold what it has seen; mmengine's looks last.
        """
        if isinstance(hook, dict):
            kind = hook.get('type')
            kind = HOOKS.get(kind) if isinstance(kind, str) else kind
            if kind is CheckpointHook:
                hook = {**hook, 'type': SafeCheckpointHook}
            if kind is EarlyStoppingHook:
                hook = {'priority': 'LOW', **hook}
        super().register_hook(hook, priority)

    def save_checkpoint(self, *args: Any, **options: Any) -> None:
        """Save as mmengine does, with what is accumulated.

        All processes call it: in the middle of an accumulation they hand
        their gradients over, and their parts of what is sharded.
        """
        state = getattr(self.train_loop, 'state', None)
        with gathered(self.model):
            if isinstance(state, RunState):
                state.collect_gradients(self)
            self._save_whole(*args, **options)

    @master_only
    def _save_whole(
        self,
        out_dir: str,
        filename: str,
        *args: Any,
        meta: dict | None = None,
        **options: Any,
    ) -> None:
        """Save a checkpoint, which is there whole or not at all.

        PyTorch's format is a zip, whose checksums tell a damaged file when
        it is read; it needs no other.

        Args:
            out_dir: Its folder.
            filename: Its name.
            args: mmengine's.
            meta: Values for ``meta`` of the checkpoint; the number of
                processes is added.
            options: mmengine's.

        Raises:
            UserError: The file cannot be written.
        """
        meta = {**(meta or {}), 'processes': world_size()}
        if '://' in str(out_dir):  # a server stores a file whole
            super().save_checkpoint(
                out_dir, filename, *args, meta=meta, **options
            )
            return
        path = Path(out_dir, filename)
        try:
            with new_file(path) as partial:
                super().save_checkpoint(
                    out_dir, partial.name, *args, meta=meta, **options
                )
                # On the disk before its name is, should the power fail.
                with partial.open('rb') as file:
                    os.fsync(file.fileno())
        except OSError as error:
            raise UserError(
                f'checkpoint {path} cannot be written ({error.strerror}); '
                'what was saved before is intact: make room or mend the '
                'folder, then go on with --resume'
            ) from error

    def load_or_resume(self) -> None:
        """Load weights if any are named, then write the config."""
        super().load_or_resume()
        self._write_config()

    def dump_config(self) -> None:
        """Write nothing yet; mmengine calls this when the runner is built.

        A run that is refused after that must not change the config in the
        work folder: weights may lie beside it that are read by it. See
        :meth:`load_or_resume`.
        """

    @property
    def _is_training(self) -> bool:
        # mmengine builds the loop before it loads weights.
        return isinstance(self._train_loop, BaseLoop)

    @master_only
    def _write_config(self) -> None:
        """Write the config, whole or not at all.

        The work folder has that of the training, by which its weights are
        read. An evaluation's, perhaps with `--tta`, lies with its log.
        """
        folder = self.work_dir if self._is_training else self.log_dir
        name = Path(self.cfg.filename or f'{self.timestamp}.py').name
        with new_file(Path(folder, name)) as partial:
            self.cfg.dump(partial)

    def wrap_model(
        self, model_wrapper_cfg: dict[str, Any] | None, model: nn.Module
    ) -> nn.Module:
        """Find the wrapper in our scope too, where mmengine does not look."""
        wrapper = model_wrapper_cfg or {}
        kind = wrapper.get('type')
        if kind in MODEL_WRAPPERS.module_dict:
            model_wrapper_cfg = {**wrapper, 'type': f'mmmtl.{kind}'}
        return super().wrap_model(model_wrapper_cfg, model)

    def build_optim_wrapper(
        self, optim_wrapper: Mapping[str, Any] | OptimWrapper
    ) -> OptimWrapper | OptimWrapperDict:
        """Build mmengine's, and leave out what has no gradient.

        mmengine hands an optimizer all parameters, frozen ones as well. A
        model that is to be sharded must be so before the optimizer is built.
        """
        is_shared = isinstance(self.model, FullyShardedModel)
        if is_shared:
            self.model.shard()
        built = super().build_optim_wrapper(optim_wrapper)
        several = isinstance(built, OptimWrapperDict)
        for wrapper in built.values() if several else [built]:
            leave_out_frozen(wrapper.optimizer)
            if is_shared:
                self.model.adopt(wrapper.optimizer)
        return built

    def register_hooks(
        self,
        default_hooks: dict[str, Any] | None = None,
        custom_hooks: list[Any] | None = None,
    ) -> None:
        """Add the hook that the model's loss weighting works through."""
        super().register_hooks(default_hooks, custom_hooks)
        for module in self.model.modules():
            if isinstance(module, LossWeighting):
                self.register_hook(LossWeightingHook(module))

    def register_default_hooks(
        self, hooks: Mapping[str, Any] | None = None
    ) -> None:
        """Add :data:`OUR_HOOKS` to mmengine's default hooks.

        Args:
            hooks: ``default_hooks`` of the config. ``divergence=None``, say,
                leaves one of ours out, ``divergence=dict(max_skipped=3)``
                changes it.
        """
        hooks = dict(hooks or {})
        for name, kind in OUR_HOOKS.items():
            own = hooks.pop(name, {})
            if own is not None:
                is_config = isinstance(own, Mapping)
                hooks[name] = {'type': kind, **own} if is_config else own
        super().register_default_hooks(hooks)

    def load_checkpoint(
        self,
        filename: str,
        map_location: object = 'cpu',
        strict: bool | None = None,
    ) -> dict[str, Any]:
        """Load a checkpoint's weights into the model.

        Args:
            filename: Path or URL.
            map_location: Unused: weights are read onto the CPU and copied
                to where the model is.
            strict: False loads the part that fits; None asks the config.

        Returns:
            The whole checkpoint.

        Raises:
            ForeignCheckpointError: The weights are not of this model.
        """
        del map_location
        if strict is None:
            partial = not self.cfg.get('load_from_strict', True)
            strict = self._resume or not partial
        with together():
            checkpoint = read_weights(filename)
            if not self._is_training:
                check_meaning(self.model, checkpoint, filename)
            if self._resume:
                check_resumable(checkpoint, filename)
                # A moving average takes this dict, and gives the weights.
                average = state_dict_of(checkpoint, filename)
                check_values(self.model, average, filename)
            self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
            if strict:
                self._load_all(checkpoint, filename)
            else:
                self._load_part(checkpoint, filename)
        self._has_loaded = True
        self.logger.info(
            f'Load checkpoint from {filename} (SHA-256 {hash_of(filename)})'
        )
        return checkpoint

    def build_train_loop(self, loop: BaseLoop | Mapping) -> BaseLoop:
        """Build mmengine's loops so that they can be resumed exactly."""
        return super().build_train_loop(
            resumable(loop, self._train_dataloader)
        )

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader | Mapping,
        seed: int | None = None,
        diff_rank_seed: bool = False,
    ) -> DataLoader:
        """Build a loader whose processes outlive a signal."""
        loader = Runner.build_dataloader(dataloader, seed, diff_rank_seed)
        loader.worker_init_fn = shield(loader.worker_init_fn)
        return loader

    def _load_all(self, checkpoint: Mapping[str, Any], path: str) -> None:
        try:
            load_weights(self.model, checkpoint, path)
        except ForeignCheckpointError as error:
            if self._resume:
                raise
            raise ForeignCheckpointError(
                f'{error}, or load the part that fits: --cfg-options '
                'load_from_strict=False'
            ) from error

    def _load_part(self, checkpoint: Mapping[str, Any], path: str) -> None:
        state = as_named_in(
            bare_model(self.model), state_dict_of(checkpoint, path)
        )
        # A part of the weights would be of the wrong tasks, whatever fits.
        check_task_order(self.model, state, path)
        found = compare(self.model, state)
        if not found.matching:
            raise ForeignCheckpointError(
                f'checkpoint {path}: {found.describe()}'
            )
        check_values(self.model, state, path)
        self.logger.warning(f'load_from: a part of {path}: {found.describe()}')
        part = {name: state[name] for name in found.matching}
        load_state_dict(bare_model(self.model), part, logger=self.logger)


def _complain_once(
    handler: logging.FileHandler,
    said: list[str],
    record: logging.LogRecord,
) -> None:
    """Say in a line, once, what would be a traceback for each line of a log.

    The next record is tried again; what waits in the buffer comes with it.
    """
    error = sys.exc_info()[1]
    if not isinstance(error, OSError):
        type(handler).handleError(handler, record)
    elif not said:
        said.append(handler.baseFilename)
        print(
            f'warning: {handler.baseFilename} cannot be written '
            f'({error.strerror}): lines of the log will be missing',
            file=sys.stderr,
        )


def leave_out_frozen(optimizer: Optimizer) -> None:
    """Take parameters without gradient out of an optimizer."""
    for group in optimizer.param_groups:
        group['params'] = [p for p in group['params'] if p.requires_grad]
    optimizer.param_groups = [g for g in optimizer.param_groups if g['params']]


def check_resumable(checkpoint: Mapping[str, Any], path: str) -> None:
    """Refuse to resume from a checkpoint that holds no training.

    Args:
        checkpoint: Content of the file.
        path: The file, for the error text.
    """
    start = f'start from its weights: --cfg-options load_from={path}'
    if 'iter' not in checkpoint.get('meta', ()) or not isinstance(
        checkpoint.get('optimizer'), dict
    ):
        raise UserError(
            f'--resume: {path} holds weights but no state of a training; '
            f'{start}'
        )
    if 'config' in checkpoint['meta']:
        # mmengine writes `meta.cfg`, but executes `meta.config` on resuming.
        raise UnsafeCheckpointError(
            f'--resume: {path} brings a program (meta.config) that would be '
            f'run; refused. If you trust its weights, {start}'
        )
