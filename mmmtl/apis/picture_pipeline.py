"""The test pipeline of a config without its labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mmmtl.apis.init_model import test_dataset_of
from mmmtl.apis.picture_inputs import Picture, read_picture
from mmmtl.registry import TRANSFORMS, build_in_scope


class PicturePipeline:
    """From a picture to what the model takes, as in an evaluation."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Build the transforms.

        Args:
            config: Its ``test_dataloader.dataset.pipeline`` is taken, or its
                ``test_pipeline`` where it has no test data.

        Raises:
            ValueError: If there is no pipeline, or none that loads and packs
                an image.
        """
        steps = test_dataset_of(config).get('pipeline')
        steps = steps or config.get('test_pipeline')
        if not steps:
            raise ValueError(
                'the config has no test_dataloader.dataset.pipeline and no '
                'test_pipeline: which transforms does a picture need?'
            )
        loaders = [step for step in steps if _is(step, 'LoadImageFromFile')]
        # Whatever else is loaded is a label, which a picture has not.
        others = [step for step in steps if not _is(step, 'Load')]
        if len(loaders) != 1 or not others:
            raise ValueError(
                'the test pipeline must have one LoadImageFromFile and a '
                'PackMultiTaskInputs, found '
                f'{[str(step.get("type")) for step in steps]}'
            )
        self._load: Callable = build_in_scope(TRANSFORMS, loaders[0])
        self._steps = [build_in_scope(TRANSFORMS, step) for step in others]

    def __call__(self, picture: Picture) -> dict[str, Any]:
        """Read and transform a picture.

        Args:
            picture: The picture.

        Returns:
            ``inputs`` (3, H, W), ``data_samples``, and ``image``, the
            (H, W, 3) uint8 BGR pixels as they were read.
        """
        image = read_picture(picture, self._load)
        results: dict[str, Any] = dict(
            img_path=str(picture.path or picture.name),
            sample_id=picture.name,
            img=image.copy(),
            img_shape=image.shape[:2],
            ori_shape=image.shape[:2],
        )
        for step in self._steps:
            results = step(results)
        return dict(results, image=image)


def _is(step: Mapping[str, Any], name: str) -> bool:
    kind = step.get('type')
    kind = kind if isinstance(kind, str) else getattr(kind, '__name__', '')
    return kind.split('.')[-1].startswith(name)
