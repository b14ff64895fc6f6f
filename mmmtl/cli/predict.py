"""``mmmtl predict``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
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
    show: bool = False,
    max_frames: int | None = None,
    stabilise: float = 0.0,
    tile: tuple[int, ...] | None = None,
    tile_overlap: int | None = None,
    point_cloud: bool = False,
    intrinsics: tuple[float, float, float, float] | None = None,
    fov: float | None = None,
    far: float | None = None,
    resume: bool = False,
    trust_remote_code: bool = False,
    cfg_options: tuple[str, ...] = (),
) -> int:
    """Predict every task of a model on pictures and videos.

    Args:
        model: Name of a model that comes with the package (`mmmtl models`
            lists them); hf-hub:USER/MODEL; a weights file; or a folder: of a
            training, or as mmmtl.save_pretrained writes it.
        images: Pictures, URLs of pictures, folders of pictures, or quoted
            patterns such as 'photos/**/*.jpg'; video files; camera:0.
        out_dir: Folder of the pages, one per picture; those of a video become
            a video.
        gallery: One page for all pictures, .html: it shows the values under
            the mouse, and needs no other file.
        config: Config of the weights, a file or a name; what lies beside
            them if left out.
        device: For instance cpu or cuda:0; a GPU if any, if left out.
        tasks: Show these of the model's tasks only.
        save_maps: Write the maps too, class ids as .png, others as .npy.
        batch_size: Pictures, or tiles, per forward pass; 1 if left out.
        show: Open a window; its key q ends a video.
        max_frames: Frames of a video to predict; all if left out.
        stabilise: Steady the maps of a video by past frames, 0 (off) to
            below 1; 0.7 is a good start.
        tile: Predict larger pictures tile by tile, in bounded memory: side
            of a tile in pixels, or its height and width.
        tile_overlap: Pixels over which tiles blend; an eighth of a tile if
            left out.
        point_cloud: Write a coloured point cloud (.ply) per picture, too.
        intrinsics: Its camera: fx fy cx cy, pixels of the pictures.
        fov: Its camera: horizontal field of view, degrees; 60 is assumed if
            both are left out.
        far: Points farther than so many metres are left out of it.
        resume: Leave out pictures that an interrupted run has finished; a
            folder that comes from other weights or options is refused.
        trust_remote_code: Run what a config beside the weights asks for.
        cfg_options: Changes to the config as KEY=VALUE.

    Returns:
        1 if a picture could not be read, else 0.
    """
    from mmmtl.apis import open_model, predict_video
    from mmmtl.apis.pictures import collect_pictures, unique_names
    from mmmtl.apis.video import part_videos
    from mmmtl.engine.config import parse_options
    from mmmtl.engine.distributed import launched_device, launched_share
    from mmmtl.errors import UserError, printable
    from mmmtl.geometry.point_cloud import Lens
    from mmmtl.io.folders import check_out, check_out_dir
    from mmmtl.io.screen import check_screen

    # All that can be refused is, before a model is opened.
    if not images:
        raise UserError('predict: name a picture, or a folder of pictures')
    if out_dir is None and gallery is None:
        raise UserError('predict: give --out-dir, --gallery, or both')
    if out_dir is not None:
        check_out_dir('--out-dir', out_dir)
    videos, pictures = part_videos(images)
    collect_pictures(pictures)
    if out_dir is None and (videos or point_cloud or resume or save_maps):
        raise UserError(
            'predict: videos, point clouds, maps and what is to be resumed '
            'need a folder: give --out-dir'
        )
    if gallery is not None:
        check_out('--gallery', gallery, '.html')
    if show:
        check_screen('--show')
    _refuse_idle('a video', videos, stabilise=stabilise, max_frames=max_frames)
    _refuse_idle('pictures', pictures, gallery=gallery, resume=resume)
    _refuse_idle('--tile', tile, tile_overlap=tile_overlap)
    _refuse_idle(
        '--point-cloud', point_cloud, intrinsics=intrinsics, fov=fov, far=far
    )
    lens = Lens(intrinsics, fov)
    if point_cloud:
        print(f'point clouds: {lens}')
    inferencer = open_model(
        model,
        config=config,
        device=launched_device() if device is None else device,
        cfg_options=parse_options(cfg_options),
        trust_remote_code=trust_remote_code,
    )
    share = launched_share()
    options = dict(
        batch_size=batch_size,
        save_maps=save_maps,
        show=show,
        tasks=tasks,
        tile=tile,
        tile_overlap=tile_overlap,
        point_cloud=lens if point_cloud else None,
        far=far,
    )
    broken: list[str] = []
    results: Iterable[object] = ()
    if pictures:
        results = inferencer.stream(
            pictures,
            out_dir=out_dir,
            gallery=gallery,
            resume=resume,
            share=share,
            on_broken=lambda error: broken.append(str(error)),
            **options,
        )
    stems = [Path(source.replace(':', '_')).stem for source in videos]
    named = list(zip(videos, unique_names(stems), strict=True))
    for source, name in named[share[0] :: share[1]]:
        assert out_dir is not None
        frames = predict_video(
            inferencer,
            source,
            name=name,
            out_dir=out_dir,
            max_frames=max_frames,
            stabilise=stabilise,
            **options,
        )
        print(f'{frames} frame(s) written to {out_dir / name}.mp4')
    if not pictures:
        return 0
    count = sum(1 for _ in results)
    who = '' if share[1] == 1 else f'process {share[0]}: '
    if out_dir is not None:
        print(f'{who}{count} page(s) written to {out_dir}')
    if gallery is not None:
        print(f'{count} picture(s) in {gallery}: open it in a browser')
    for line in broken:
        print(f'{who}{printable(line)}', file=sys.stderr)
    # torchrun would end the other processes of the run.
    return 1 if broken and share[1] == 1 else 0


def _refuse_idle(needed: str, found: object, **options: object) -> None:
    """Refuse options that would change nothing, each by its name.

    Args:
        needed: What they are for.
        found: That; they are idle if it is empty, or not given.
        options: Their values; what is not given is false.
    """
    given = [name for name, value in options.items() if value]
    if given and not found:
        from mmmtl.errors import UserError

        names = ', '.join(f'--{name.replace("_", "-")}' for name in given)
        raise UserError(f'predict: {names} without {needed} does nothing')
