"""``mmmtl predict``."""

from __future__ import annotations

from pathlib import Path


def predict(
    model: str,
    /,
    *images: str,
    out_dir: Path | None = None,
    gallery: Path | None = None,
    config: str | None = None,
    device: str | None = None,
    tasks: tuple[str, ...] | None = None,
    save_maps: bool = False,
    batch_size: int = 1,
    trust_remote_code: bool = False,
    cfg_options: tuple[str, ...] = (),
) -> None:
    """Predict every task of a model on pictures.

    Args:
        model: Name of a model that comes with the package (`mmmtl models`
            lists them); hf-hub:USER/MODEL; a weights file; or a folder: of a
            training, or as mmmtl.save_pretrained writes it.
        images: Pictures, URLs of pictures, or folders of pictures.
        out_dir: Folder of the pages, one per picture.
        gallery: One page for all pictures, .html: it shows the values under
            the mouse, and needs no other file.
        config: Config of the weights, a file or a name; what lies beside
            them if left out.
        device: For instance cpu or cuda:0; a GPU if any, if left out.
        tasks: Show these of the model's tasks only.
        save_maps: Write the maps too, class ids as .png, others as .npy.
        batch_size: Pictures per forward pass; 1 if left out.
        trust_remote_code: Run what a config beside the weights asks for.
        cfg_options: Changes to the config as KEY=VALUE.
    """
    from mmmtl.apis import open_model
    from mmmtl.engine.config import parse_options
    from mmmtl.errors import UserError
    from mmmtl.io.folders import check_out, check_out_dir

    if not images:
        raise UserError('predict: name a picture, or a folder of pictures')
    if out_dir is None and gallery is None:
        raise UserError('predict: give --out-dir, --gallery, or both')
    if out_dir is not None:
        check_out_dir('--out-dir', out_dir)
    if gallery is not None:
        check_out('--gallery', gallery, '.html')
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
        gallery=gallery,
        save_maps=save_maps,
        tasks=tasks,
    ):
        count += 1
    if out_dir is not None:
        print(f'{count} page(s) written to {out_dir}')
    if gallery is not None:
        print(f'{count} picture(s) in {gallery}: open it in a browser')
