"""V-trace targets and advantages (Espeholt et al. 2018, IMPALA, arXiv:1802.01561, section 4.1).

The lambda on the trace coefficient is remark 2 of that section. On the CPU the recursion is native code; elsewhere it
is a scan on the device. Letters: T transitions, B streams, H heads; tensors are `[T, B]` unless stated.
"""
from __future__ import annotations

import torch

import native.returns
from learners.compiled_scan import run_scan
from learners.per_head import as_streams, spread
from learners.recurrence import linear_recurrence


def vtrace(
    rho: torch.Tensor, discount: torch.Tensor, reward: torch.Tensor, value: torch.Tensor, bootstrap: torch.Tensor, *,
    rho_bar: float, c_bar: float, rho_pg_bar: float, lam: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """`(v, advantage)`: the V-trace target of every row, and `min(rho_pg_bar, rho) * (r + gamma v_{t+1} - V)`.

    rho: ratio pi(a|x) / mu(a|x), unclipped; `[T, B, H]` gives every head targets and advantages of its own, both
    `[T, B, H]`. discount: gamma, or 0 at a true end. bootstrap: `[B]`, V of row T. Neither result carries a gradient.
    """
    rho = rho.detach()
    rows = spread(rho, *(x.detach() for x in (discount, reward, value, bootstrap)))
    if rho.device.type != "cpu":
        return run_scan(scan_vtrace, rho, *rows, rho_bar=rho_bar, c_bar=c_bar, rho_pg_bar=rho_pg_bar, lam=lam)
    target, advantage = native.returns.vtrace(
        *as_streams(rho, *rows), rho_bar=rho_bar, c_bar=c_bar, rho_pg_bar=rho_pg_bar, lam=lam)
    return torch.from_numpy(target).view(rho.shape), torch.from_numpy(advantage).view(rho.shape)


def scan_vtrace(
    rho: torch.Tensor, discount: torch.Tensor, reward: torch.Tensor, value: torch.Tensor, bootstrap: torch.Tensor, *,
    rho_bar: float, c_bar: float, rho_pg_bar: float, lam: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """`vtrace` in torch operations, for any device; with heads all tensors have them as last axis."""
    next_value = torch.cat([value[1:], bootstrap[None]])
    delta = rho.clamp(max=rho_bar) * (reward + discount * next_value - value)
    trace = discount * lam * rho.clamp(max=c_bar)
    # Remark 1: v_t - V_t = delta_t + gamma c_t (v_{t+1} - V_{t+1})
    target = value + linear_recurrence(trace, delta, torch.zeros_like(bootstrap))
    next_target = torch.cat([target[1:], bootstrap[None]])
    return target, rho.clamp(max=rho_pg_bar) * (reward + discount * next_target - value)
