"""MulT: a windowed decoder per task with one shared attention map.

Paper: "MulT: An End-to-End Multitask Learning Transformer", Bhattacharjee et
al., CVPR 2022.
Code: IVRL/MulT at d71bcbe. Licence: its files contradict each other (CC
BY-NC-ND 3.0 in the src folder); none of its code is used, all is written
anew from the equations.

Faithful:
    * Every task's stream starts as the encoder's coarsest level. The finer
      levels enter through attention alone: nothing is added or concatenated.
    * In a stage the second, fourth, ... block has shifted windows. Padded
      tokens take part in the attention, as in Swin.
    * Norms before attention and before the MLP; the encoder's level is not
      normalised again.
    * In a block that shares, query, key and position bias exist once; norms,
      value, projection and MLP exist once per task. Each task draws its own
      stochastic depth, whose rate grows evenly over the blocks of the
      decoder.
    * Between stages a stream is resized to the exact size of the next level,
      normalised, and its channels are halved by a linear map without a bias.
      The exact size matters where a side is odd: 15, 29, 58, 116 pixels in
      the released recipe, none of them twice the one before.
    * Dropout of whole channels before the linear outputs at stride 4, as in
      the released code; the paper does not mention it.

Departs:
    * A stage is a list of block kinds, so that the paper's model and the
      released ones are lists: ``('private', 'shared_skip')`` is the paper's,
      its default here, ``('shared_skip', 'private')`` the released one for
      one task (SCA1), ``('shared_skip', 'shared_stream')`` with reference
      depth the released one for two tasks (DEA1).
    * Any number of tasks. The paper's formulas define the reference task's
      stream and never use it in the shared block; what is used here is the
      encoder's feature with the reference task's weights, as its figure and
      the released code have it.
    * Gradients reach the shared queries and keys from every task's loss; the
      paper does not say whether they do.
    * Query and key on one side and value on the other are two projections
      everywhere; the released plain block has one for all three (same
      results, same number of parameters).
    * The outputs start at N(0, 0.01), as those of mmsegmentation's heads;
      how the released ones start is not known.
"""

from mmmtl.models.mult.shared_attention_head import SharedAttentionHead

__all__ = ['SharedAttentionHead']
