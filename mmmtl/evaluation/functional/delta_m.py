"""How much better many tasks together are than each alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def delta_m(
    multi: Mapping[str, float],
    single: Mapping[str, float],
    lower_is_better: Collection[str],
) -> float:
    """Average the relative gains of a multi-task model.

    ``100 / T * sum_i s_i (multi_i - single_i) / single_i`` with ``s_i = -1``
    where lower is better, else 1.

    Args:
        multi: Metric of the multi-task model by task.
        single: The same metric of the single-task models, > 0.
        lower_is_better: Tasks whose metric is an error.

    Returns:
        Percent; positive if the multi-task model is better on average.

    Raises:
        ValueError: If the two name different tasks, or none.
    """
    if multi.keys() != single.keys() or not multi:
        raise ValueError(
            'delta_m needs the same tasks on both sides, found '
            f'{sorted(multi)} of the multi-task model and {sorted(single)} '
            'of the single-task models'
        )
    gains = [
        (multi[task] - single[task])
        / single[task]
        * (-1 if task in lower_is_better else 1)
        for task in multi
    ]
    return 100.0 * sum(gains) / len(gains)
