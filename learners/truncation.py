"""Makes the rows that hold the end of a truncated game neutral in backward recursions.

Letters: T transitions, B streams, H heads; every tensor `[T, B]`, the ratios also `[T, B, H]`.
"""
from __future__ import annotations

import torch


def neutralise(
    valid: torch.Tensor, rho: torch.Tensor, discount: torch.Tensor, reward: torch.Tensor, value: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """`(rho, discount, reward)` with which the target of every invalid row is its own value.

    With reward V, discount 0 and ratio 1 the temporal difference of that row is 0, so the row before it bootstraps
    from V(last observation) and nothing of the next game leaks into it.
    """
    acted = valid.bool()
    ratio = torch.where(acted.unsqueeze(-1) if rho.ndim > acted.ndim else acted, rho, 1)
    return ratio, torch.where(acted, discount, 0), torch.where(acted, reward, value)
