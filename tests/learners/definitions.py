"""The formulas of the losses read off literally in float64 NumPy; nothing here is shared with the code under test.

Letters: T transitions, B streams, A mask bytes, H heads.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Clips(NamedTuple):
    """The three bounds of V-trace."""

    rho_bar: float
    c_bar: float
    rho_pg_bar: float


def vtrace(
    rho: Array, discount: Array, reward: Array, value: Array, bootstrap: Array, *, clips: Clips, lam: float
) -> tuple[Array, Array]:
    """Equation (1) of IMPALA with c_i = lambda min(c_bar, rho_i), and the advantage of its section 4.2."""
    V = np.concatenate([value, bootstrap[None]])
    v = V.copy()
    for s in range(len(reward)):
        for t in range(s, len(reward)):
            trace = np.prod(discount[s:t] * lam * np.minimum(clips.c_bar, rho[s:t]), axis=0)
            v[s] += trace * np.minimum(clips.rho_bar, rho[t]) * (reward[t] + discount[t] * V[t + 1] - V[t])
    return v[:-1], np.minimum(clips.rho_pg_bar, rho) * (reward + discount * v[1:] - value)


def td_lambda(discount: Array, reward: Array, value: Array, bootstrap: Array, *, lam: float) -> Array:
    """Sutton & Barto, equation 12.3 for a finite stretch: the weighted mean of all n-step returns."""
    V = np.concatenate([value, bootstrap[None]])
    T = len(reward)
    target = np.zeros_like(value)
    for t in range(T):
        for n in range(1, T - t + 1):
            ret = np.prod(discount[t:t + n], axis=0) * V[t + n]
            for k in range(n):
                ret = ret + np.prod(discount[t:t + k], axis=0) * reward[t + k]
            target[t] += ret * (lam ** (T - t - 1) if n == T - t else (1 - lam) * lam ** (n - 1))
    return target


def gae(discount: Array, reward: Array, value: Array, bootstrap: Array, *, lam: float) -> Array:
    """Equation 16 of Schulman et al. 2016: the sum of `(gamma lambda)^k delta_{t + k}`."""
    V = np.concatenate([value, bootstrap[None]])
    delta = reward + discount * V[1:] - value
    out = np.zeros_like(value)
    for t in range(len(reward)):
        for k in range(t, len(reward)):
            out[t] += np.prod(lam * discount[t:k], axis=0) * delta[k]
    return out


def upgo(
    rho: Array, discount: Array, reward: Array, value: Array, bootstrap: Array, *, rho_bar: float
) -> Array:
    """AlphaStar: the return that goes on for as long as each following step is worth what was expected of it."""
    V, T = np.concatenate([value, bootstrap[None]]), len(reward)
    out = np.zeros_like(value)
    for t, b in np.ndindex(*value.shape):
        end = t
        while end + 1 < T and reward[end + 1, b] + discount[end + 1, b] * V[end + 2, b] >= V[end + 1, b]:
            end += 1
        ret = V[end + 1, b]
        for k in range(end, t - 1, -1):
            ret = reward[k, b] + discount[k, b] * ret
        out[t, b] = min(rho_bar, rho[t, b]) * (ret - value[t, b])
    return out


def games(valid: Array, discount: Array) -> list[tuple[int, int, int, bool]]:
    """`(stream, begin, end, truncated)` of the stretches of one game: rows begin .. end - 1 are its decisions.

    A truncated stretch is followed by the row with its last observation.
    """
    found = []
    for b in range(valid.shape[1]):
        begin = 0
        for t in range(len(valid)):
            if not valid[t, b]:
                found.append((b, begin, t, True))
                begin = t + 1
            elif discount[t, b] == 0 or t == len(valid) - 1:
                found.append((b, begin, t + 1, False))
                begin = t + 1
    return [stretch for stretch in found if stretch[1] < stretch[2]]


def by_game(
    valid: Array, rho: Array, discount: Array, reward: Array, value: Array, bootstrap: Array, *,
    clips: Clips, vtrace_lam: float, lam: float,
) -> tuple[Array, Array, Array]:
    """`(v, advantage, G)` computed game by game, each with its own bootstrap; rows without a decision hold 0."""
    inputs = (valid, rho, discount, reward, value, bootstrap)
    v = each_game(lambda *rows: vtrace(*rows, clips=clips, lam=vtrace_lam)[0], *inputs)
    advantage = each_game(lambda *rows: vtrace(*rows, clips=clips, lam=vtrace_lam)[1], *inputs)
    return v, advantage, each_game(lambda _, *rows: td_lambda(*rows, lam=lam), *inputs)


def each_game(
    function: Callable[..., Array], valid: Array, rho: Array, discount: Array, reward: Array, value: Array,
    bootstrap: Array,
) -> Array:
    """`function(rho, discount, reward, value, bootstrap)` of each game; rows without a decision hold 0."""
    found = np.zeros_like(value)
    V = np.concatenate([value, bootstrap[None]])
    for b, begin, end, _ in games(valid, discount):
        at = slice(begin, end), slice(b, b + 1)
        found[at] = function(rho[at], discount[at], reward[at], value[at], V[end, b:b + 1])
    return found


def log_policy(logits: Array, legal: Array, head_sizes: Sequence[int]) -> Array:
    """Log-probabilities of the legal actions, minus infinity for the others."""
    out = np.full(logits.shape, -np.inf)
    ends = np.cumsum(head_sizes)
    for index in np.ndindex(*logits.shape[:-1]):
        for size, end in zip(head_sizes, ends, strict=True):
            places = [i for i in range(end - size, end) if legal[index][i]]
            total = sum(np.exp(logits[index][i]) for i in places)
            for i in places:
                out[index][i] = np.log(np.exp(logits[index][i]) / total)
    return out


def joint_log_prob(log_p: Array, action: Array, head_sizes: Sequence[int]) -> Array:
    """Sum over the heads of the log-probability of the chosen action."""
    out = np.zeros(log_p.shape[:-1])
    for index in np.ndindex(*out.shape):
        begin = 0
        for head, size in enumerate(head_sizes):
            out[index] += log_p[index][begin + action[index][head]]
            begin += size
    return out


def entropy(log_p: Array) -> Array:
    """`- sum p log p` over all heads, 0 log 0 = 0."""
    finite = np.isfinite(log_p)
    terms = np.where(finite, np.exp(log_p), 0) * np.where(finite, log_p, 0)
    total: Array = -terms.sum(-1)
    return total


def entropy_gradient(log_p: Array, head_sizes: Sequence[int]) -> Array:
    """`dH / dlogit_i = -p_i (log p_i + H of the head)`, 0 for an illegal action."""
    out = np.zeros_like(log_p)
    begin = 0
    for size in head_sizes:
        head = log_p[..., begin:begin + size]
        finite = np.isfinite(head)
        out[..., begin:begin + size] = np.where(
            finite, -np.exp(head) * (np.where(finite, head, 0) + entropy(head)[..., None]), 0)
        begin += size
    return out
