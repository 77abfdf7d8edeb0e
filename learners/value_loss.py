"""Squared error of the value."""
from __future__ import annotations

import torch

from learners.masked import masked_mean


def squared_value_loss(value: torch.Tensor, target: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """`(value - target) ** 2`, mean over the valid rows (scalar). All `[T, B]`; the target is taken as a constant."""
    return masked_mean((value - target.detach()) ** 2, valid)
