"""``mmmtl predict``."""

from __future__ import annotations

from pathlib import Path


def predict(
    model: str,
    /,
    *images: str,
    out_dir: Path,
    config: str | None = None,
    device: str | None = None,
    tasks: tuple[str, ...] | None = None,
    save_maps: bool = False,
    batch_size: int = 1,
    tile: tuple[int, ...] | None = None,
    tile_overlap: int | None = None,
    trust_remote_code: bool = False,
    cfg_options: tuple[str, ...] = (),
) -> None:
    """Predict every task of a model on pictures.

    Args:
        model: Name of a model that comes with the package (`mmmtl models`
            lists them); hf-hub:USER/MODEL; a weights file; or a folder: of a
            training, or as mmmtl.save_pretrained writes it.
        images: Pictures, URLs of pictures, or folders of pictures.
        out_dir: Folder of the pages.
        config: Config of the weights, a file or a name; what lies beside
            them if left out.
        device: For instance cpu or cuda:0; a GPU if any, if left out.
        tasks: Show these of the model's tasks only.
        save_maps: Write the maps too, class ids as .png, others as .npy.
        batch_size: Pictures, or tiles, per forward pass; 1 if left out.
        tile: Predict larger pictures tile by tile, in bounded memory: side
            of a tile in pixels, or its height and width.
        tile_overlap: Pixels over which tiles blend; an eighth of a tile if
            left out.
        trust_remote_code: Run what a config beside the weights asks for.
        cfg_options: Changes to the config as KEY=VALUE.
    """
    from mmmtl.apis import open_model
    from mmmtl.engine.config import parse_options
    from mmmtl.errors import UserError
    from mmmtl.io.folders import check_out_dir

    if not images:
        raise UserError('predict: name a picture, or a folder of pictures')
    check_out_dir('--out-dir', out_dir)
    inferencer = open_model(
        model,
        config=config,
        device=device,
        cfg_options=parse_options(cfg_options),
        trust_remote_code=trust_remote_code,
    )
    count = 0
    for _ in inferencer.stream(
        list(images),
        batch_size=batch_size,
        out_dir=out_dir,
        save_maps=save_maps,
        tasks=tasks,
        tile=tile,
        tile_overlap=tile_overlap,
    ):
        count += 1
    print(f'{count} page(s) written to {out_dir}')
