"""TD(lambda) value targets (Sutton & Barto 2018, section 12.1), not corrected for the behaviour policy.

On the CPU the recursion is native code; elsewhere it is a scan on the device. Letters: T transitions, B streams;
tensors are `[T, B]` unless stated.
"""
from __future__ import annotations

import torch

import native.returns
from learners.compiled_scan import run_scan
from learners.recurrence import linear_recurrence


def td_lambda(
    discount: torch.Tensor, reward: torch.Tensor, value: torch.Tensor, bootstrap: torch.Tensor, *, lam: float
) -> torch.Tensor:
    """The lambda-return of every row: `G_t = r_t + gamma_t ((1 - lam) V_{t+1} + lam G_{t+1})`, `G_T = V_T`.

    discount: gamma, or 0 at a true end. bootstrap: `[B]`, V of row T. The result carries no gradient.
    """
    discount, reward, value, bootstrap = (x.detach() for x in (discount, reward, value, bootstrap))
    if value.device.type != "cpu":
        return run_scan(scan_td_lambda, discount, reward, value, bootstrap, lam=lam)
    arrays = (x.contiguous().numpy() for x in (discount, reward, value, bootstrap))
    return torch.from_numpy(native.returns.td_lambda(*arrays, lam=lam))


def scan_td_lambda(
    discount: torch.Tensor, reward: torch.Tensor, value: torch.Tensor, bootstrap: torch.Tensor, *, lam: float
) -> torch.Tensor:
    """`td_lambda` in torch operations, for any device."""
    next_value = torch.cat([value[1:], bootstrap[None]])
    return linear_recurrence(lam * discount, reward + discount * (1 - lam) * next_value, bootstrap)
