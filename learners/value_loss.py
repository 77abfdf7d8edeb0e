"""Errors of the value: squared, and to the fourth power.

The fourth power is not a proper score of the mean: for outcomes of 1 and -1 it is least where the log-odds are a third
of the true ones, so it pulls values towards 0 and measures large errors only.
"""
from __future__ import annotations

import torch

from learners.masked import masked_mean


def squared_value_loss(value: torch.Tensor, target: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """`(value - target) ** 2`, mean over the valid rows (scalar). Any equal shapes; the target is a constant."""
    return masked_mean((value - target.detach()) ** 2, valid)


def quartic_value_loss(value: torch.Tensor, target: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """`(value - target) ** 4`, mean over the valid rows (scalar). Any equal shapes; the target is a constant."""
    return masked_mean((value - target.detach()) ** 4, valid)
