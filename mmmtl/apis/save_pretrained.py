"""From a model to a folder, and a hub repository, that others open by name."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from mmmtl.apis.model_card import GENERATED, CardFacts, write_card
from mmmtl.apis.multi_task_inferencer import MultiTaskInferencer
from mmmtl.engine.checkpoint import CONTENT_HASH, content_hash, file_hash
from mmmtl.engine.hub import HUB, import_hub, on_hub, split_name
from mmmtl.engine.plain_config import FORMAT, for_prediction, to_json
from mmmtl.errors import UserError
from mmmtl.io.folders import new_file
from mmmtl.io.json_file import write_json
from mmmtl.tasks import get_task
from mmmtl.version import __version__
from mmmtl.zoo import CARD_FILE, CONFIG_FILE, WEIGHTS_FILE

SavedModel = nn.Module | MultiTaskInferencer


def save_pretrained(
    model: SavedModel,
    folder: str | Path,
    *,
    half: bool = False,
    facts: CardFacts | None = None,
) -> Path:
    """Write what others need to predict with a model.

    ``config.json`` has the network, the pipeline, and for other readers the
    table of tasks and the preprocessing; ``model.safetensors`` the weights,
    with names and colours of the classes; ``README.md`` is a model card. A
    card that a person has written stays.

    Args:
        model: What :func:`from_pretrained`, :func:`open_model` or
            :func:`init_model` has returned.
        folder: Folder to write into; made if needed.
        half: Kernels in half precision; norms and biases stay. Otherwise
            the weights are those of the model, bit by bit.
        facts: What the card cannot know from the model.

    Returns:
        The folder.

    Raises:
        UserError: The model has no config, its config holds an object that
            JSON has not, or the figures are of other weights.
    """
    network = model.model if isinstance(model, MultiTaskInferencer) else model
    if not hasattr(network, 'cfg'):
        raise UserError(
            f'{type(network).__name__} does not say its config (cfg): open '
            'it with mmmtl.open_model, and save that'
        )
    save = _import_save()
    content = describe_model(network)
    facts = facts or CardFacts()
    facts.check_weights(_hash_of(network))
    folder = Path(folder).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    # Both are complete before the first takes the place of an older one.
    with new_file(folder / WEIGHTS_FILE) as partial:
        tensors, meta = _weights_of(network, half=half)
        # safetensors' own writer has an error of its own for a full disk.
        partial.write_bytes(save(tensors, meta))
        write_json(folder / CONFIG_FILE, content)
    card = folder / CARD_FILE
    if not card.is_file() or GENERATED in card.read_text('utf-8'):
        write_card(card, network, content, facts, half=half)
    return folder


def push_to_hub(
    model: SavedModel | str | Path,
    name: str,
    *,
    private: bool = False,
    half: bool = False,
    facts: CardFacts | None = None,
    message: str = 'Add a model of mmmtl',
) -> str:
    """Put a model on the Hugging Face hub.

    You must be logged in there (``hf auth login``).

    Args:
        model: What :func:`save_pretrained` takes, or a folder that it has
            written.
        name: ``user/model``; made if it is not there.
        private: Make a new one visible to you only.
        half: See :func:`save_pretrained`; not of a folder.
        facts: The same.
        message: What the commit says.

    Returns:
        The URL of the commit.

    Raises:
        UserError: As :func:`save_pretrained`; or huggingface_hub is not
            installed, or the hub refuses; or ``half`` or ``facts`` come with
            a folder.
    """
    if isinstance(model, (str, Path)) and (half or facts is not None):
        raise UserError(
            f'{model} is pushed as it is: give half and facts to '
            'save_pretrained, which writes it'
        )
    hub = import_hub()
    repository, revision = split_name(name.removeprefix(HUB))
    with tempfile.TemporaryDirectory() as temporary:
        folder = (
            Path(model).expanduser()
            if isinstance(model, (str, Path))
            else save_pretrained(
                model,
                Path(temporary, repository.rpartition('/')[2]),
                half=half,
                facts=facts,
            )
        )
        for file in (CONFIG_FILE, WEIGHTS_FILE):
            if not (folder / file).is_file():
                raise UserError(
                    f'{folder} has no {file}: write it with save_pretrained'
                )

        def upload() -> Any:
            api = hub.HfApi()
            api.create_repo(repository, private=private, exist_ok=True)
            return api.upload_folder(
                repo_id=repository,
                folder_path=folder,
                revision=revision,
                commit_message=message,
                allow_patterns=[CONFIG_FILE, WEIGHTS_FILE, CARD_FILE],
            )

        commit = on_hub(upload, f'push {repository} to the hub')
    return str(commit)


def describe_model(model: nn.Module) -> dict[str, Any]:
    """Return the content of ``config.json``.

    Args:
        model: With ``cfg`` and ``dataset_meta``.
    """
    config = to_json(for_prediction(model.cfg.to_dict()))
    steps = config['model'].get('data_preprocessor') or {}
    return dict(
        library=f'mmmtl {__version__}',
        format=FORMAT,
        tasks=describe_tasks(model),
        preprocessing=dict(
            channels='RGB' if steps.get('bgr_to_rgb') else 'BGR',
            mean=steps.get('mean'),
            std=steps.get('std'),
            steps=config['test_pipeline'],
        ),
        config=config,
    )


def describe_tasks(model: nn.Module) -> dict[str, dict[str, Any]]:
    """Return per task what its map holds, for people and other programs.

    Args:
        model: With ``dataset_meta``.
    """
    meta = model.dataset_meta or {}
    tasks = {}
    for task in model.tasks:
        row = get_task(task)
        tasks[task] = dict(
            kind=row.kind_name,
            unit=row.kind.unit,
            components=row.kind.components,
            type=str(row.kind.pred_dtype).removeprefix('torch.'),
            classes=meta.get(row.classes_key),
            palette=meta.get(row.palette_key),
        )
    return tasks


def _import_save() -> Callable[..., bytes]:
    try:
        from safetensors.torch import save
    except ImportError as error:
        raise UserError(
            'saving a model needs safetensors, which is not installed: '
            "pip install 'mmmtl[hub]'"
        ) from error
    return save


def _weights_of(
    model: nn.Module, *, half: bool
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors, and what safetensors keeps beside them."""
    # Copies: tensors that share memory are refused.
    state = {
        name: (_half(tensor) if half else tensor).cpu().clone().contiguous()
        for name, tensor in model.state_dict().items()
    }
    meta = json.dumps(dict(dataset_meta=_plain_meta(model.dataset_meta)))
    hashed = {CONTENT_HASH: content_hash(state, meta)}
    return state, {'format': 'pt', 'meta': meta, **hashed}


def _half(tensor: Tensor) -> Tensor:
    """Halve matrices and kernels; variances of norms span too wide a range."""
    wide = tensor.is_floating_point() and tensor.ndim > 1
    return tensor.half() if wide else tensor


def _plain_meta(meta: Mapping[str, Any] | None) -> dict[str, Any]:
    return {k: value for k, value in (meta or {}).items() if value is not None}


def _hash_of(model: nn.Module) -> str | None:
    path = getattr(model, 'weights_file', None)
    return file_hash(path) if path and path.is_file() else None
