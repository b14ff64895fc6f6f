"""Pictures of labels and predictions."""

from mmmtl.dependency_check import check_dependencies

check_dependencies()

from mmmtl.visualization.gallery import Gallery, new_gallery
from mmmtl.visualization.multi_task_visualizer import (
    MultiTaskVisualizer,
    write_picture,
)
from mmmtl.visualization.painters import (
    PAINTERS,
    Painter,
    display_range,
    paint,
    register_painter,
)
from mmmtl.visualization.palettes import (
    default_palette,
    human_parts_palette,
)
from mmmtl.visualization.picture_grid import Cell, draw_grid
from mmmtl.visualization.query_page import cells_of_queries, paint_attention
from mmmtl.visualization.sample_page import cells_of_sample

__all__ = [
    'PAINTERS',
    'Cell',
    'Gallery',
    'MultiTaskVisualizer',
    'Painter',
    'cells_of_queries',
    'cells_of_sample',
    'default_palette',
    'display_range',
    'draw_grid',
    'human_parts_palette',
    'new_gallery',
    'paint',
    'paint_attention',
    'register_painter',
    'write_picture',
]
