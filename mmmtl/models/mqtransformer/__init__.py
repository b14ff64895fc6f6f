"""MQTransformer: queries per task, exchanged between the tasks.

Paper: "Multi-Task Learning with Multi-Query Transformer for Dense
Prediction", Xu et al., IEEE TCSVT 2023.
Code: yangyangxu0/MQTransformer at eb9e5c4. Licence: not checked; none of its
code is used, all is written anew from the equations.

Faithful:
    * Per task one linear projection of all levels, without a norm; encoder,
      exchange and decoder have one set of weights for all tasks.
    * ``residual='released'``: the decoder's last two residuals start at the
      feature that came in; what the pixels read from the queries survives
      through the values of the attention only.
    * The decoder's attention over features sees the same pixel (see
      ``attn_scope``), because the released code feeds batch-first tensors to
      an attention that is not batch-first. The exchange does not have this
      error: there every query sees the queries of all tasks.
    * Positions belong to queries and keys, not to pixels; all heads share
      them. They are added before the norms.
    * In the attention between queries and pixels, query, key and value have
      a norm and a projection (without bias) each; only the output has a
      bias.
    * Stochastic depth as released: 0.1 per image in encoder and decoder, 0.5
      per query in the exchange, whose attention also has dropout 0.1.

Departs:
    * What the released code computes or stores and never uses is left out: a
      patch embedding, a second attention and relative positions of the
      decoder, 1,313,728 parameters at width 256.
    * Linear maps are applied in another order where the result stays the
      same (:mod:`.query_attention`, :mod:`mmmtl.models.layers`).
    * With ``depth`` above 1, which no released config uses, every block has
      queries and weights of its own and refines the features of the block
      before.
    * For ablations, encoder and decoder may be separate, one per task, and
      the exchange may be left out.
"""

from mmmtl.models.mqtransformer.multi_query_head import (
    MultiQueryHead,
    TaskQueries,
)

__all__ = ['MultiQueryHead', 'TaskQueries']
