"""The order of a head's tasks, kept with its weights.

Where tasks are concatenated, the same weights mean something else in another
order, and neither names nor shapes of the tensors tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class TaskOrder(nn.Module):
    """Refuses weights of the same tasks in another order.

    The names are a buffer, not an extra state: mmengine saves parameters and
    buffers only.
    """

    #: Name of the buffer.
    KEY = 'names'

    def __init__(self, tasks: Sequence[str]) -> None:
        """Remember the tasks.

        Args:
            tasks: Names in the order of the concatenations.
        """
        super().__init__()
        self.tasks = tuple(tasks)
        self.register_buffer(self.KEY, encode_names(tasks))

    def conflict(
        self, state: Mapping[str, Tensor], prefix: str = ''
    ) -> str | None:
        """Compare with the order in a state dict.

        Args:
            state: Tensors by name.
            prefix: Of this module's names in it, with its dot.

        Returns:
            What is wrong and how to mend it. None if the order is the same,
            absent, or one of other tasks: names and shapes tell those.
        """
        if prefix + self.KEY not in state:
            return None
        found = decode_names(state[prefix + self.KEY])
        if found == self.tasks or sorted(found) != sorted(self.tasks):
            return None
        return (
            f'the weights are of the tasks {list(found)} in this order, the '
            f'model has {list(self.tasks)}: name model.decode_head.tasks '
            '(then auxiliary_tasks) in the order of the weights'
        )

    def _load_from_state_dict(
        self,
        state_dict: Mapping[str, Tensor],
        prefix: str,
        local_metadata: Mapping[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Compare; the buffer never changes.

        Raises:
            ValueError: If the order differs. It is raised, not collected:
                mmengine only logs what a loading that is not strict collects.
        """
        problem = self.conflict(state_dict, prefix)
        if problem:
            raise ValueError(problem)
        key = prefix + self.KEY
        if key not in state_dict:
            missing_keys.append(key)
        elif (found := decode_names(state_dict[key])) != self.tasks:
            error_msgs.append(
                f'{key} names the tasks {list(found)}, the model has '
                f'{list(self.tasks)}'
            )


def encode_names(names: Iterable[str]) -> Tensor:
    """Return names as a tensor.

    Args:
        names: ASCII, without commas.

    Returns:
        ``(N,)`` of uint8: whole numbers, which neither half precision nor
        averaging of weights touches.
    """
    return torch.tensor(list(','.join(names).encode()), dtype=torch.uint8)


def decode_names(tensor: Tensor) -> tuple[str, ...]:
    """Return the names in a tensor of :func:`encode_names`."""
    text = bytes(tensor.flatten().tolist()).decode(errors='replace')
    return tuple(text.split(','))
