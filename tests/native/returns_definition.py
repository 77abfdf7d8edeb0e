"""What `native.returns` has to compute, read off the definitions: O(T^2), no recursion shared with the code.

Each `check_*` draws inputs from a seed, runs the module it is given, and raises AssertionError where they differ.
Shapes: `T` steps, `B` trajectories.
"""
from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Unroll(NamedTuple):
    rho: Array
    discount: Array
    reward: Array
    value: Array
    bootstrap: Array


def draw(seed: int) -> tuple[Unroll, np.random.Generator]:
    """T and B differ, ratios lie on both sides of every clip used below, a fifth of the discounts is 0."""
    rng = np.random.default_rng(seed)
    steps, size = int(rng.integers(1, 9)), int(rng.integers(1, 12))
    size += size == steps
    shape = (steps, size)
    discount = rng.uniform(0.5, 1.0, shape) * (rng.random(shape) > 0.2)
    return Unroll(
        rng.lognormal(0.0, 1.0, shape), discount, rng.normal(size=shape), rng.normal(size=shape), rng.normal(size=size)
    ), rng


def vtrace_by_definition(
    unroll: Unroll, rho_bar: float, c_bar: float, rho_pg_bar: float, lam: float
) -> tuple[Array, Array]:
    """Equation (1) of Espeholt et al. 2018 with c_i = lambda min(c_bar, rho_i), and section 4.2's advantage."""
    rho, discount, reward, value, bootstrap = unroll
    values = np.concatenate([value, bootstrap[None]])
    target = values.copy()
    for s in range(len(reward)):
        for t in range(s, len(reward)):
            trace = np.prod(discount[s:t] * lam * np.minimum(c_bar, rho[s:t]), axis=0)
            target[s] += trace * np.minimum(rho_bar, rho[t]) * (reward[t] + discount[t] * values[t + 1] - values[t])
    advantage = np.minimum(rho_pg_bar, rho) * (reward + discount * target[1:] - value)
    return target[:-1], advantage


def upgo_by_definition(unroll: Unroll, rho_bar: float) -> Array:
    """Vinyals et al. 2019, supplement: what followed, up to the first later step that went worse than expected."""
    rho, discount, reward, value, bootstrap = unroll
    values = np.concatenate([value, bootstrap[None]])
    advantage = np.zeros_like(value)
    for s, b in np.ndindex(*value.shape):
        later = range(s + 1, len(reward))
        bad = [t for t in later if reward[t, b] + discount[t, b] * values[t + 1, b] < values[t, b]]
        end = min([*bad, len(reward)])
        followed = np.prod(discount[s:end, b]) * values[end, b]
        for t in range(s, end):
            followed += np.prod(discount[s:t, b]) * reward[t, b]
        advantage[s, b] = min(rho_bar, rho[s, b]) * (followed - values[s, b])
    return advantage


def gae_by_definition(unroll: Unroll, lam: float) -> Array:
    """Equation (16) of Schulman et al. 2016: the sum of (gamma lambda)^l delta_{t+l}."""
    _, discount, reward, value, bootstrap = unroll
    values = np.concatenate([value, bootstrap[None]])
    advantage = np.zeros_like(value)
    for s in range(len(reward)):
        for t in range(s, len(reward)):
            trace = np.prod(discount[s:t] * lam, axis=0)
            advantage[s] += trace * (reward[t] + discount[t] * values[t + 1] - values[t])
    return advantage


def td_lambda_by_definition(unroll: Unroll, lam: float) -> Array:
    """Sutton and Barto 2018, equation (12.3): n-step returns weighted (1 - lambda) lambda^(n-1), the last the rest."""
    _, discount, reward, value, bootstrap = unroll
    values = np.concatenate([value, bootstrap[None]])
    steps = len(reward)
    target = np.zeros_like(value)
    for s in range(steps):
        for end in range(s + 1, steps + 1):
            n_step = np.prod(discount[s:end], axis=0) * values[end]
            for t in range(s, end):
                n_step = n_step + np.prod(discount[s:t], axis=0) * reward[t]
            target[s] += (lam ** (end - s - 1)) * (1.0 if end == steps else 1.0 - lam) * n_step
    return target


def check_vtrace(module: ModuleType, seed: int) -> None:
    unroll, rng = draw(seed)
    rho_bar, c_bar, rho_pg_bar, lam = (float(x) for x in (*rng.uniform(0.3, 3.0, 3), rng.uniform(0.3, 1.0)))
    _compare(
        module.vtrace(*unroll, rho_bar=rho_bar, c_bar=c_bar, rho_pg_bar=rho_pg_bar, lam=lam),
        vtrace_by_definition(unroll, rho_bar, c_bar, rho_pg_bar, lam),
    )
    _compare(module.vtrace(*unroll), vtrace_by_definition(unroll, 1.0, 1.0, 1.0, 1.0))


def check_upgo(module: ModuleType, seed: int) -> None:
    unroll, rng = draw(seed)
    rho_bar = float(rng.uniform(0.3, 3.0))
    _compare([module.upgo(*unroll, rho_bar=rho_bar)], [upgo_by_definition(unroll, rho_bar)])
    _compare([module.upgo(*unroll)], [upgo_by_definition(unroll, 1.0)])
    # as well as expected is well enough; a definition cannot tell, as random numbers are never equal
    one, values = np.ones((3, 1)), np.array([[0.0], [5.0], [5.0]])
    reward, bootstrap = np.array([[0.0], [0.0], [1.0]]), np.array([6.0])
    _compare([module.upgo(one, one, reward, values, bootstrap)], [[[7.0], [2.0], [2.0]]])


def check_gae(module: ModuleType, seed: int) -> None:
    unroll, rng = draw(seed)
    lam = float(rng.choice([0.0, 1.0, rng.uniform(0.2, 0.99)]))
    _compare([module.gae(*unroll[1:], lam=lam)], [gae_by_definition(unroll, lam)])


def check_td_lambda(module: ModuleType, seed: int) -> None:
    unroll, rng = draw(seed)
    lam = float(rng.choice([0.0, 1.0, rng.uniform(0.2, 0.99)]))
    _compare([module.td_lambda(*unroll[1:], lam=lam)], [td_lambda_by_definition(unroll, lam)])


def _compare(got: Any, expected: Any) -> None:
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)
