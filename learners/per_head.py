"""Heads as further streams: what rows have in common, once for every head.

An action of several heads has a ratio per head. Their product would cut traces short wherever one head is unlikely, so
each head goes through the recursions with its own ratio and the reward and value of the row (Vinyals et al. 2019,
AlphaStar, Nature 575, supplement). Letters: T transitions, B streams, H heads.
"""
from __future__ import annotations

from typing import Any

import numpy.typing as npt
import torch


def spread(rho: torch.Tensor, *rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The rows, `[T, B]` or `[B]`, with the heads of `rho` `[T, B, H]` as last axis; unchanged if rho is `[T, B]`.

    They are views: all heads share memory. Raises ValueError if rho has another number of axes.
    """
    if rho.ndim not in (2, 3):
        raise ValueError(f"rho must be [T, B] or [T, B, H], got shape {list(rho.shape)}")
    if rho.ndim == 2:
        return rows
    return tuple(row.unsqueeze(-1).expand(*row.shape, rho.shape[-1]) for row in rows)


def as_streams(rho: torch.Tensor, *rows: torch.Tensor) -> list[npt.NDArray[Any]]:
    """What `spread` gives, rho first, as contiguous arrays `[T, B H]` or `[B H]`; unchanged without heads.

    Views of the tensors' memory where that is possible.
    """
    tensors = (rho, *rows) if rho.ndim == 2 else [x.flatten(-2) for x in (rho, *rows)]
    return [x.contiguous().numpy() for x in tensors]
