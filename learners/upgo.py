"""Upgoing policy update (Vinyals et al. 2019, AlphaStar, Nature 575, supplement, "Upgoing policy update").

A lambda-return that follows what happened for as long as it went at least as well as expected. On the CPU the recursion
is native code; elsewhere it is a scan on the device. Letters: T transitions, B streams, H heads; tensors are `[T, B]`
unless stated.
"""
from __future__ import annotations

import torch

import native.returns
from learners.compiled_scan import run_scan
from learners.per_head import as_streams, spread
from learners.recurrence import linear_recurrence


def upgo(
    rho: torch.Tensor, discount: torch.Tensor, reward: torch.Tensor, value: torch.Tensor, bootstrap: torch.Tensor, *,
    rho_bar: float = 1.0,
) -> torch.Tensor:
    """`min(rho_bar, rho) * (G - V)` with `G_t = r_t + gamma_t (G_{t+1} or V_{t+1})`, without gradient.

    G_{t+1} where the *next* step went well, `r_{t+1} + gamma_{t+1} V_{t+2} >= V_{t+1}`; the last row uses V of row T.
    rho: ratio pi(a|x) / mu(a|x), unclipped; `[T, B, H]` gives `[T, B, H]`. discount: gamma, or 0 at a true end.
    bootstrap: `[B]`, V of row T.
    """
    rho = rho.detach()
    rows = spread(rho, *(x.detach() for x in (discount, reward, value, bootstrap)))
    if rho.device.type != "cpu":
        return run_scan(scan_upgo, rho, *rows, rho_bar=rho_bar)
    return torch.from_numpy(native.returns.upgo(*as_streams(rho, *rows), rho_bar=rho_bar)).view(rho.shape)


def scan_upgo(
    rho: torch.Tensor, discount: torch.Tensor, reward: torch.Tensor, value: torch.Tensor, bootstrap: torch.Tensor, *,
    rho_bar: float,
) -> torch.Tensor:
    """`upgo` in torch operations, for any device; with heads all tensors have them as last axis."""
    next_value = torch.cat([value[1:], bootstrap[None]])
    well = reward + discount * next_value >= value
    follow = torch.cat([well[1:], torch.zeros_like(well[:1])])      # row t looks at how row t + 1 went
    returns = linear_recurrence(
        torch.where(follow, discount, 0), reward + torch.where(follow, 0, discount * next_value), bootstrap)
    return rho.clamp(max=rho_bar) * (returns - value)
