"""Errors of the value: squared, to the fourth power, and squared with a clip.

The fourth power is not a proper score of the mean: for outcomes of 1 and -1 it is least where the log-odds are a third
of the true ones, so it pulls values towards 0 and measures large errors only.
"""
from __future__ import annotations

import torch

from learners.masked import masked_mean


def squared_value_loss(
    value: torch.Tensor, target: torch.Tensor, valid: torch.Tensor
) -> torch.Tensor:
    """`(value - target) ** 2`, mean over the valid rows (scalar). Any equal shapes; the target is a constant."""
    return masked_mean((value - target.detach()) ** 2, valid)


def quartic_value_loss(
    value: torch.Tensor, target: torch.Tensor, valid: torch.Tensor
) -> torch.Tensor:
    """`(value - target) ** 4`, mean over the valid rows (scalar). Any equal shapes; the target is a constant."""
    return masked_mean((value - target.detach()) ** 4, valid)


def clipped_value_loss(
    value: torch.Tensor, old_value: torch.Tensor, target: torch.Tensor, valid: torch.Tensor,
    *, clip: float,
) -> torch.Tensor:
    """The larger of two squared errors: of the value, and of the value held within `clip` of `old_value`.

    Engstrom et al. 2020, "Implementation matters in deep policy gradients", arXiv:2005.12729, section 3. Mean over the
    valid rows (scalar), without the factor 1/2. Any equal shapes; old_value, what the weights before the first epoch
    said, and target are constants.
    """
    target, old_value = target.detach(), old_value.detach()
    held = old_value + (value - old_value).clamp(-clip, clip)
    return masked_mean(torch.maximum((value - target) ** 2, (held - target) ** 2), valid)
