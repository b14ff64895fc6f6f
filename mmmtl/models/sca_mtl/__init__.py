"""SCA-MTL: attention across tasks, then across scales.

Paper: "Sequential Cross Attention Based Multi-task Learning", Kim et al.,
ICIP 2022.
Code: kimsunkyung/SCA_MTL at 8214866, CC BY-NC 4.0; none of its code is used,
all is written anew from the equations. Parts of it come from ATRC
(Bruggemann et al., ICCV 2021: the linear attention), MTI-Net (Vandenhende et
al., ECCV 2020: task features, propagation) and Swin Transformer (Liu et al.,
ICCV 2021: window attention).

From the coarsest scale to the finest: task features with an initial
prediction that is supervised too, attention across tasks (CTAM), and
propagation of its result to the next finer scale (FPMA). Then, per task,
attention across scales and aggregation (CSAM).

Faithful:
    * Neck (:mod:`.window_self_attention`): per level two attention-only
      window blocks ``x + DropPath(A(LN(x)))``, plain then shifted by half a
      window, 6 heads, windows of 7, stochastic depth rising from 0 to 0.2,
      between a 1x1 convolution with LayerNorm and a last LayerNorm. The
      result is concatenated before the level itself, without a convolution
      behind. Maps are padded with 0 after the norm; the padding takes part
      as keys.
    * Attention between two maps (:mod:`.cross_attention`): query and key are
      two 1x1 convolutions each, the value is one; all with BatchNorm and
      without bias. No heads, no positions, no scaling, no output projection,
      no residual. Softplus of query and key in the place of a softmax of
      their products, and a normaliser of at least 1e-12. The convolutions
      start Xavier-uniform.
    * CTAM (:mod:`.cross_task_attention`): a block of its own for every
      ordered pair of tasks. One residual block (momentum 0.01 of its
      BatchNorms, as in HRNet) fuses the answers of all targets:
      ``ctam_fusion='shared'``. Which channels belong to which source depends
      on the target then; the published figure shows a convolution and does
      not say whose. ``'per_task'`` gives every target a block of its own, in
      which a channel always means the same task. The last source comes first
      in the concatenation.
    * FPMA (:mod:`.feature_propagation`): one un-shifted window-attention
      block over all tasks' channels gives a mask, a residual block shrinks
      what it lets through to one shared feature, and each task weighs that
      by squeeze and excitation. ``fpma_view='channel_major'``: the tasks'
      channels are concatenated task after task, but the softmax "over the
      tasks" views them as (C, T), so it runs over T neighbouring channels
      instead. MTI-Net has it so, and the published weights need it.
      ``'task_major'`` views them as (T, C), which is what the published
      figure shows.
    * CSAM (:mod:`.cross_scale_attention`): a coarser map is brought to the
      target's channels by a 1x1 convolution with BatchNorm and keeps its
      size, which is what makes it cheap. One attention block per target
      scale, shared by its sources. Every pair reads the features that came
      in; the coarsest scale attends to nothing.
    * Aggregation: per level and coarser level the pair (own feature,
      answer), all resized (bilinear) to the finest level and concatenated
      with the coarsest feature; 1x1 convolution with bias to the same width,
      ``sum_k 2 C_k (K - 1 - k) + C_(K-1)``, BatchNorm, ReLU, 1x1
      convolution. With HRNet18 the width is the released 1080.
    * The concatenations follow the order of the tasks. The authors' order is
      semseg, human_parts, saliency, normals, edge, depth. Ours is kept with
      the weights, and weights of another order are refused
      (:mod:`.task_order`).

Departs:
    * Any pyramid of two levels or more at any size; maps are resized to the
      size of the next level, where the released code doubles them.
    * Tasks may be supervised at intermediate scales only
      (``auxiliary_tasks``); the released code breaks on them. They take part
      in everything but the final predictions.
    * The initial predictions are computed in training only.
    * ``channels`` projects the levels first, for other backbones; the
      released code knows HRNet18 only. Where the neck's 6 heads do not
      divide a level, it gets the most that do. Below 16 channels the squeeze
      of FPMA keeps one instead of none.
    * One query serves all sources of a target that share a block. The
      released code computes it anew for each, with the same result; its
      BatchNorms of the query then see the same batch several times, so their
      running statistics move faster in training. Here they move once.
    * The linear attention sums over pixels in float32 or wider, also under
      autocast: it adds up to some 20,000 positive terms.
    * A feature that the released code concatenates several times is
      concatenated once, and the weights of its copies are added up; the
      aggregation projects each level at its own size before it resizes (same
      results, about a fifth of the multiplications).
    * The second norm of each window block, which the released code carries
      and never uses, does not exist here.
    * The bias of the last layer starts at ``initial_bias`` (0 if none).
    * For ablations, ``with_ctam``, ``with_csam`` and ``attention_order``. How
      the paper exchanges the order, if it does, is not known. Here all
      parameters stay: the task features are propagated as they are; each
      level adds the mean of its answers from the coarser ones before the
      tasks attend to each other; the aggregation reads the result beside the
      same answers.
    * :class:`CrossScaleAttention`, a neck for single-task models, is ours:
      it reads the backbone's pyramid and gives a pyramid.
"""

from mmmtl.models.sca_mtl.cross_scale_attention import CrossScaleAttention
from mmmtl.models.sca_mtl.sequential_cross_attention_head import (
    SequentialCrossAttentionHead,
)
from mmmtl.models.sca_mtl.window_self_attention import WindowSelfAttention

__all__ = [
    'CrossScaleAttention',
    'SequentialCrossAttentionHead',
    'WindowSelfAttention',
]
