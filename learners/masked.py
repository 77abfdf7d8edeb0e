"""Means over the rows that count."""
from __future__ import annotations

import torch


def masked_mean(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean of `x` where `mask` is 1 (scalar); 0 if it is 1 nowhere. Same shapes; values where it is 0 do not matter."""
    return torch.where(mask.bool(), x, 0).sum() / mask.sum().clamp(min=1)


def masked_variance(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Population variance of `x` where `mask` is 1 (scalar); 0 if it is 1 nowhere."""
    return masked_mean((x - masked_mean(x, mask)) ** 2, mask)
