"""From a trained model to one file, and a runner that needs no PyTorch.

``export.py``
    The flow: build, trace, write, check, keep.
``exportable.py``, ``picture_steps.py``, ``plain_layers.py``
    What is exported: the model with its preprocessing inside, without
    operators that need a compiler.
``formats.py``, ``quantise.py``
    The files, and how each is opened again.
``gate.py``, ``metrics.py``
    What a file is compared with, and by how much it may differ.
``onnx_inferencer.py``
    Runs a file with numpy and onnxruntime. It imports nothing of mmmtl, and
    what is imported here must need no PyTorch either.
"""

from mmmtl.deploy.onnx_inferencer import OnnxInferencer

__all__ = ['OnnxInferencer']
