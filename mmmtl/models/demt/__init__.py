"""DeMT: a deformable mixer per task, then queries across the tasks.

Paper: "DeMT: Deformable Mixer Transformer for Multi-Task Learning of Dense
Prediction", Xu et al., AAAI 2023.
Code: yangyangxu0/DeMT at b638e14. Licence: not checked; none of its code is
used, all is written anew from the equations.

Faithful:
    * All levels at the size of the finest, one linear projection and
      LayerNorm shared by the tasks, then one mixer per task.
    * The order in a mixer: 1x1 convolution, GELU, BatchNorm, and a residual
      around deformable convolution, GELU, BatchNorm (normalised after the
      activation).
    * The deformable convolution has a 1x1 kernel and one offset per channel.
      The offsets follow from absolute pixel indices and start at tens of
      pixels (:class:`~mmmtl.models.demt.deformable_mixer.AbsoluteOffsets`).
    * No residual and no norm before the interaction of the tasks; the
      queries' result is added to the task's own feature.
    * No spatial attention in the default scope: the released model attends
      over the tasks at one pixel.
    * The output block is 3x3 convolution, BatchNorm, ReLU, 1x1 convolution;
      the weights of the last one start at N(0, 0.01), everything else at
      PyTorch's defaults.

Departs:
    * ``attn_scope`` makes explicit what the released code does by feeding
      batch-first tensors to an attention that is not batch-first
      (:mod:`mmmtl.models.layers.scoped_attention`).
    * Levels are projected before they are resized, and consecutive linear
      maps are folded (same results).
    * The fixed offset pattern that released checkpoints carry and never use
      does not exist here, nor does the backward hook meant to lower the
      learning rate of the offsets, which has no effect in the released code.
    * For ablations, mixers, interaction and queries can be left out. Without
      the interaction the queries read the mixers' features; without the
      queries a task adds its own token of the interaction; without both the
      mixers' features go to the output blocks. The released code has no such
      switches; what takes the place of a missing part is our choice.
"""

from mmmtl.models.demt.deformable_mixer import DeformableMixer
from mmmtl.models.demt.task_query_head import TaskQueryHead

__all__ = ['DeformableMixer', 'TaskQueryHead']
