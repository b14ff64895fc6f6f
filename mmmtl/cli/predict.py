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
    show: bool = False,
    max_frames: int | None = None,
    tile: tuple[int, ...] | None = None,
    tile_overlap: int | None = None,
    resume: bool = False,
    trust_remote_code: bool = False,
    cfg_options: tuple[str, ...] = (),
) -> None:
    """Predict every task of a model on pictures and videos.

    Args:
        model: Name of a model that comes with the package (`mmmtl models`
            lists them); hf-hub:USER/MODEL; a weights file; or a folder: of a
            training, or as mmmtl.save_pretrained writes it.
        images: Pictures, URLs of pictures, folders of pictures, or quoted
            patterns such as 'photos/**/*.jpg'; video files; camera:0.
        out_dir: Folder of the pages; those of a video become a video.
        config: Config of the weights, a file or a name; what lies beside
            them if left out.
        device: For instance cpu or cuda:0; a GPU if any, if left out.
        tasks: Show these of the model's tasks only.
        save_maps: Write the maps too, class ids as .png, others as .npy.
        batch_size: Pictures, or tiles, per forward pass; 1 if left out.
        show: Open a window; its key q ends a video.
        max_frames: Frames of a video to predict; all if left out.
        tile: Predict larger pictures tile by tile, in bounded memory: side
            of a tile in pixels, or its height and width.
        tile_overlap: Pixels over which tiles blend; an eighth of a tile if
            left out.
        resume: Leave out pictures that an interrupted run has finished; a
            folder that comes from other weights or options is refused.
        trust_remote_code: Run what a config beside the weights asks for.
        cfg_options: Changes to the config as KEY=VALUE.
    """
    from mmmtl.apis import open_model, predict_video
    from mmmtl.apis.pictures import unique_names
    from mmmtl.engine.config import parse_options
    from mmmtl.engine.distributed import launched_device, launched_share
    from mmmtl.errors import UserError
    from mmmtl.io.folders import check_out_dir
    from mmmtl.io.video import is_video

    if not images:
        raise UserError('predict: name a picture, or a folder of pictures')
    check_out_dir('--out-dir', out_dir)
    inferencer = open_model(
        model,
        config=config,
        device=device or launched_device(),
        cfg_options=parse_options(cfg_options),
        trust_remote_code=trust_remote_code,
    )
    share = launched_share()
    videos = [source for source in images if is_video(source)]
    names = unique_names(
        [Path(source.replace(':', '_')).stem for source in videos]
    )
    for source, name in list(zip(videos, names, strict=True))[
        share[0] :: share[1]
    ]:
        frames = predict_video(
            inferencer,
            source,
            out_dir=out_dir,
            name=name,
            batch_size=batch_size,
            tasks=tasks,
            save_maps=save_maps,
            show=show,
            max_frames=max_frames,
            tile=tile,
            tile_overlap=tile_overlap,
        )
        print(f'{frames} frame(s) written to {out_dir / name}.mp4')
    pictures = [source for source in images if not is_video(source)]
    if not pictures:
        return
    count = 0
    for _ in inferencer.stream(
        pictures,
        batch_size=batch_size,
        out_dir=out_dir,
        save_maps=save_maps,
        show=show,
        tasks=tasks,
        tile=tile,
        tile_overlap=tile_overlap,
        resume=resume,
        share=share,
    ):
        count += 1
    who = '' if share[1] == 1 else f'process {share[0]}: '
    print(f'{who}{count} page(s) written to {out_dir}')
