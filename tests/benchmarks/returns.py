"""Microseconds per call of the returns kernels on one core, float32, outputs given.

Peers: the same recursion as a loop over rows in NumPy and in torch (one thread), and RLlib's V-trace, which computes
the ratios from log-probabilities besides.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from native.returns import gae, td_lambda, vtrace
from tests.benchmarks.measure import measure, record

SHAPES = ((80, 512), (20, 4096))
LAM = 0.95

Array = npt.NDArray[np.float32]


def run(peers: bool) -> Iterator[dict[str, object]]:
    """One record per kernel, shape and library."""
    for steps, size in SHAPES:
        arrays = draw(steps, size)
        cases = kernels(arrays)
        if peers:
            cases |= numpy_loops(arrays) | torch_loops(arrays) | rllib(arrays)
        for case, function in cases.items():
            kernel, _, library = case.partition("/")
            name = f"{kernel}/{steps}x{size}" + (f"/{library}" if library else "")
            yield record("returns", name, [seconds * 1e6 for seconds in measure(function)], "us")


def draw(steps: int, size: int) -> tuple[Array, ...]:
    """`(rho, discount, reward, value, bootstrap)`; one discount in fifty is 0."""
    rng = np.random.default_rng(0)
    shape = (steps, size)
    discount = 0.99 * (rng.random(shape) > 0.02)
    reward, value, bootstrap = rng.normal(size=shape), rng.normal(size=shape), rng.normal(size=size)
    drawn = (rng.lognormal(0, 0.3, shape), discount, reward, value, bootstrap)
    return tuple(array.astype(np.float32) for array in drawn)


def kernels(arrays: tuple[Array, ...]) -> dict[str, Callable[[], Any]]:
    rho, discount, reward, value, bootstrap = arrays
    target, advantage = np.empty_like(value), np.empty_like(value)
    return {
        "vtrace": lambda: vtrace(rho, discount, reward, value, bootstrap, target=target, advantage=advantage),
        "gae": lambda: gae(discount, reward, value, bootstrap, lam=LAM, advantage=advantage),
        "td_lambda": lambda: td_lambda(discount, reward, value, bootstrap, lam=LAM, target=target),
    }


def numpy_loops(arrays: tuple[Array, ...]) -> dict[str, Callable[[], Any]]:
    return loops("numpy", np, arrays)


def torch_loops(arrays: tuple[Array, ...]) -> dict[str, Callable[[], Any]]:
    import torch

    torch.set_num_threads(1)
    return loops("torch", torch, tuple(torch.from_numpy(array) for array in arrays))


def loops(library: str, lib: Any, arrays: tuple[Any, ...]) -> dict[str, Callable[[], Any]]:
    """The three recursions over rows, all else over whole arrays; `lib` is numpy or torch."""
    rho, discount, reward, value, bootstrap = arrays

    def backwards(delta: Any, trace: Any) -> Any:
        out = lib.empty_like(delta)
        acc = lib.zeros_like(bootstrap)
        for t in range(len(delta) - 1, -1, -1):
            acc = delta[t] + trace[t] * acc
            out[t] = acc
        return out

    def shifted(rows: Any) -> Any:
        return lib.concatenate([rows[1:], bootstrap[None]])

    def run_vtrace() -> Any:
        clipped = lib.clip(rho, None, 1.0)
        target = value + backwards(clipped * (reward + discount * shifted(value) - value), discount * clipped)
        return target, clipped * (reward + discount * shifted(target) - value)

    def run_gae() -> Any:
        return backwards(reward + discount * shifted(value) - value, discount * LAM)

    return {
        f"vtrace/{library}": run_vtrace,
        f"gae/{library}": run_gae,
        f"td_lambda/{library}": lambda: value + run_gae(),
    }


def rllib(arrays: tuple[Array, ...]) -> dict[str, Callable[[], Any]]:
    """RLlib's V-trace on the same inputs, or nothing without RLlib."""
    try:
        from ray.rllib.algorithms.impala.torch.vtrace_torch_v2 import vtrace_torch
    except ImportError:
        return {}
    import torch

    rho, discount, reward, value, bootstrap = (torch.from_numpy(array) for array in arrays)
    log_rho, zero = torch.log(rho), torch.zeros_like(rho)
    return {
        "vtrace/rllib": lambda: vtrace_torch(
            target_action_log_probs=log_rho,
            behaviour_action_log_probs=zero,
            discounts=discount,
            rewards=reward,
            values=value,
            bootstrap_values=bootstrap,
        )
    }
