"""V-trace targets and advantages (Espeholt et al. 2018, IMPALA, arXiv:1802.01561, section 4.1).

The lambda on the trace coefficient is remark 2 of that section. On the CPU the recursion is native code; elsewhere it
is a loop over T on the device. Letters: T transitions, B streams; tensors are `[T, B]` unless stated.
"""
from __future__ import annotations

import torch

import native.returns


def vtrace(
    rho: torch.Tensor, discount: torch.Tensor, reward: torch.Tensor, value: torch.Tensor, bootstrap: torch.Tensor, *,
    rho_bar: float, c_bar: float, rho_pg_bar: float, lam: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """`(v, advantage)`: the V-trace target of every row, and `min(rho_pg_bar, rho) * (r + gamma v_{t+1} - V)`.

    rho: ratio pi(a|x) / mu(a|x), unclipped. discount: gamma, or 0 at a true end. bootstrap: `[B]`, V of row T.
    Neither result carries a gradient.
    """
    rho, discount, reward, value, bootstrap = (x.detach() for x in (rho, discount, reward, value, bootstrap))
    if value.device.type != "cpu":
        return scan_vtrace(rho, discount, reward, value, bootstrap,
                           rho_bar=rho_bar, c_bar=c_bar, rho_pg_bar=rho_pg_bar, lam=lam)
    target, advantage = native.returns.vtrace(
        *(x.contiguous().numpy() for x in (rho, discount, reward, value, bootstrap)),
        rho_bar=rho_bar, c_bar=c_bar, rho_pg_bar=rho_pg_bar, lam=lam,
    )
    return torch.from_numpy(target), torch.from_numpy(advantage)


def scan_vtrace(
    rho: torch.Tensor, discount: torch.Tensor, reward: torch.Tensor, value: torch.Tensor, bootstrap: torch.Tensor, *,
    rho_bar: float, c_bar: float, rho_pg_bar: float, lam: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """`vtrace` in torch operations, for any device."""
    next_value = torch.cat([value[1:], bootstrap[None]])
    delta = rho.clamp(max=rho_bar) * (reward + discount * next_value - value)
    trace = discount * lam * rho.clamp(max=c_bar)
    error = torch.zeros_like(bootstrap)
    errors = []
    for t in range(len(value) - 1, -1, -1):
        # Remark 1: v_t - V_t = delta_t + gamma c_t (v_{t+1} - V_{t+1})
        error = delta[t] + trace[t] * error
        errors.append(error)
    target = value + torch.stack(errors[::-1])
    next_target = torch.cat([target[1:], bootstrap[None]])
    return target, rho.clamp(max=rho_pg_bar) * (reward + discount * next_target - value)
