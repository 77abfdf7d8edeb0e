"""Means over the rows that count."""
from __future__ import annotations

from collections.abc import Mapping

import torch


def masked_mean(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean of `x` where `mask` is 1 (scalar); 0 if it is 1 nowhere. Same shapes; values where it is 0 do not matter."""
    return torch.where(mask.bool(), x, 0).sum() / mask.sum().clamp(min=1)


def masked_means(columns: Mapping[str, torch.Tensor], mask: torch.Tensor) -> dict[str, torch.Tensor]:
    """`masked_mean` of each column by its name, in a few operations for all; every shape is the mask's."""
    rows = torch.stack([column.flatten() for column in columns.values()])
    means = torch.where(mask.flatten().bool(), rows, 0).sum(1) / mask.sum().clamp(min=1)
    return dict(zip(columns, means.unbind(), strict=True))
