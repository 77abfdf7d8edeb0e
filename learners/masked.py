"""Means over the rows that count."""
from __future__ import annotations

import torch


def masked_mean(x: torch.Tensor, mask: torch.Tensor, total: torch.Tensor | None = None) -> torch.Tensor:
    """Mean of `x` where `mask` is 1 (scalar); 0 if it is 1 nowhere. Same shapes; values where it is 0 do not matter.

    total: what the sum is divided by in place of the sum of the mask, a float scalar above 0: the rows of all ranks
    where each rank has some of them, so that the means of the ranks add up to the mean of all.
    """
    return torch.where(mask.bool(), x, 0).sum() / (mask.sum().clamp(min=1) if total is None else total)


def masked_variance(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Population variance of `x` where `mask` is 1 (scalar); 0 if it is 1 nowhere."""
    return masked_mean((x - masked_mean(x, mask)) ** 2, mask)
