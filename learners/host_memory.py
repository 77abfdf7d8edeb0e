"""Memory for the columns of a batch on the host, kept from update to update; pinned where a GPU copies from it."""
from __future__ import annotations

import numpy as np
import torch

from learners.columns import Expected


class HostMemory:
    """As many sets of columns as batches are in use at once, taken in turn."""

    def __init__(self, device: torch.device, buffers: int) -> None:
        self._pinned = device.type == "cuda"
        self._sets: list[dict[str, torch.Tensor]] = [{} for _ in range(buffers)]

    def take(self, expected: Expected) -> dict[str, torch.Tensor]:
        """The columns used longest ago, of these dtypes and shapes; what is in them means nothing."""
        columns = self._sets.pop(0)
        for name, (dtype, shape) in expected.items():
            if name not in columns or columns[name].shape != shape:
                columns[name] = torch.empty(shape, dtype=torch.from_numpy(np.empty(0, dtype)).dtype,
                                            pin_memory=self._pinned)
        self._sets.append(columns)
        return columns
