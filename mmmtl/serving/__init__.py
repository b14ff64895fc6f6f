"""A page on which a model predicts the photographs that are dropped on it."""

from mmmtl.dependency_check import check_dependencies

check_dependencies()

from mmmtl.serving.service import PictureService, Refusal

__all__ = ['PictureService', 'Refusal']
