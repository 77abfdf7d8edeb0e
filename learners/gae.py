"""Generalised advantage estimation (Schulman et al. 2016, arXiv:1506.02438, equation 16).

On the CPU the recursion is native code; elsewhere it is a scan on the device. Letters: T transitions, B streams;
tensors are `[T, B]` unless stated.
"""
from __future__ import annotations

import torch

import native.returns
from learners.compiled_scan import run_scan
from learners.recurrence import linear_recurrence


def gae(
    discount: torch.Tensor, reward: torch.Tensor, value: torch.Tensor, bootstrap: torch.Tensor, *, lam: float
) -> torch.Tensor:
    """The advantage of every row: `A_t = r_t + gamma_t V_{t+1} - V_t + gamma_t lam A_{t+1}`, `A_T = 0`.

    discount: gamma, or 0 at a true end. bootstrap: `[B]`, V of row T. The result carries no gradient; with V added to
    it, it is the TD(lam) target.
    """
    discount, reward, value, bootstrap = (x.detach() for x in (discount, reward, value, bootstrap))
    if value.device.type != "cpu":
        return run_scan(scan_gae, discount, reward, value, bootstrap, lam=lam)
    arrays = (x.contiguous().numpy() for x in (discount, reward, value, bootstrap))
    return torch.from_numpy(native.returns.gae(*arrays, lam=lam))


def scan_gae(
    discount: torch.Tensor, reward: torch.Tensor, value: torch.Tensor, bootstrap: torch.Tensor, *, lam: float
) -> torch.Tensor:
    """`gae` in torch operations, for any device."""
    next_value = torch.cat([value[1:], bootstrap[None]])
    return linear_recurrence(
        lam * discount, reward + discount * next_value - value, torch.zeros_like(bootstrap))
