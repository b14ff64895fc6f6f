"""``mmmtl export``, which ``tools/deployment/export.py`` is, too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from mmengine.config import Config


def export(
    model: str,
    weights: str | None = None,
    /,
    *,
    out: Path,
    format: Literal['onnx', 'torch-export', 'torchscript'] = 'onnx',
    size: tuple[int, int] | None = None,
    images: tuple[str, ...] = (),
    samples: int = 0,
    int8: bool = False,
    cfg_options: tuple[str, ...] = (),
    trust_remote_code: bool = False,
) -> None:
    """Export a model as one file, checked against the model before it is kept.

    A picture in, all tasks in real units out. numpy and onnxruntime run the
    ONNX file: `mmmtl.deploy.OnnxInferencer`.

    Args:
        model: Config file, or the name of one. Without weights: what `mmmtl
            predict` takes, such as rooms-lite0 or the folder of a training.
        weights: Checkpoint of that config, a file, a URL or the folder of a
            training; none for random weights, for trials.
        out: The file to write.
        format: onnx, torch-export or torchscript; onnx if left out.
        size: Height and width of the pictures; any, where model and test
            pipeline allow it, or that of the samples, if left out.
        images: Pictures or folders that the file is checked on, and
            calibrated with; rendered rooms if left out.
        samples: Compare the metrics on so many of the config's test data,
            too; the file has to take their sizes.
        int8: Eight bits, calibrated on the --images, two or more (onnx only).
        cfg_options: Changes to the config as KEY=VALUE.
        trust_remote_code: Run what a config beside the weights asks for.
    """
    from mmmtl.deploy.export import export_model, report
    from mmmtl.engine.config import parse_options
    from mmmtl.engine.named_models import find_model, names_weights
    from mmmtl.errors import UserError
    from mmmtl.io.folders import check_out
    from mmmtl.zoo import ready_configs

    check_out('--out', out)
    config: str | Path | Config = model
    found: str | Path | None = None if weights == 'none' else weights
    if weights == 'none' and names_weights(model):
        raise UserError(
            f'export: {model} has weights: leave none out, or name the file '
            'of its config for random ones'
        )
    if weights is None:
        if model.endswith('.py') or model in ready_configs():
            raise UserError(
                f'export: {model} is a config: name its weights, too, or '
                'none for random ones'
            )
        config, found = find_model(model, trust_remote_code=trust_remote_code)
    exported = export_model(
        config,
        found,
        out,
        format=format,
        size=size,
        images=list(images) or None,
        samples=samples,
        int8=int8,
        cfg_options=parse_options(cfg_options),
        trust_remote_code=trust_remote_code,
    )
    print(report(exported))
