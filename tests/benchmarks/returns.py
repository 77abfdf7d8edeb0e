"""Microseconds per call of the returns kernels, float32: native code and scans on a device.

Native code runs on one core, with its outputs given. Cases `/scan` are what the learner runs where its tensors are not
on the CPU, here on one core of it, and `/cuda` the same compiled, on a GPU if there is one. Peers: the same recursion
as a loop over rows in NumPy and in torch (one thread), and RLlib's V-trace, which computes the ratios from
log-probabilities besides.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from learners.compiled_scan import run_scan
from learners.gae import scan_gae
from learners.td_lambda import scan_td_lambda
from learners.upgo import scan_upgo
from learners.vtrace import scan_vtrace
from native.returns import gae, td_lambda, upgo, vtrace
from tests.benchmarks.measure import measure, record

SHAPES = ((80, 512), (20, 4096))
LAM = 0.95

Array = npt.NDArray[np.float32]


def run(peers: bool) -> Iterator[dict[str, object]]:
    """One record per kernel, shape and library."""
    for steps, size in SHAPES:
        arrays = draw(steps, size)
        cases = kernels(arrays) | scans(arrays, "cpu", "scan")
        if torch.cuda.is_available():
            cases |= scans(arrays, "cuda", "cuda")
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
        "upgo": lambda: upgo(rho, discount, reward, value, bootstrap, advantage=advantage),
        "gae": lambda: gae(discount, reward, value, bootstrap, lam=LAM, advantage=advantage),
        "td_lambda": lambda: td_lambda(discount, reward, value, bootstrap, lam=LAM, target=target),
    }


def scans(arrays: tuple[Array, ...], device: str, label: str) -> dict[str, Callable[[], Any]]:
    """The scans of `learners/` on a device, each call until its result is there."""
    torch.set_num_threads(1)
    rho, *rows = (torch.from_numpy(array).to(device) for array in arrays)
    bars = {"rho_bar": 1.0, "c_bar": 1.0, "rho_pg_bar": 1.0, "lam": 1.0}
    cases: dict[str, Callable[[], Any]] = {
        "vtrace": lambda: run_scan(scan_vtrace, rho, *rows, **bars),
        "upgo": lambda: run_scan(scan_upgo, rho, *rows, rho_bar=1.0),
        "gae": lambda: run_scan(scan_gae, *rows, lam=LAM),
        "td_lambda": lambda: run_scan(scan_td_lambda, *rows, lam=LAM),
    }
    return {f"{kernel}/{label}": finished(case, device) for kernel, case in cases.items()}


def finished(case: Callable[[], Any], device: str) -> Callable[[], Any]:
    """`case`, waiting for the device."""
    def run_to_the_end() -> Any:
        result = case()
        torch.cuda.synchronize()
        return result

    return run_to_the_end if device == "cuda" else case


def numpy_loops(arrays: tuple[Array, ...]) -> dict[str, Callable[[], Any]]:
    return loops("numpy", np, arrays)


def torch_loops(arrays: tuple[Array, ...]) -> dict[str, Callable[[], Any]]:
    torch.set_num_threads(1)
    return loops("torch", torch, tuple(torch.from_numpy(array) for array in arrays))


def loops(library: str, lib: Any, arrays: tuple[Any, ...]) -> dict[str, Callable[[], Any]]:
    """The four recursions over rows, all else over whole arrays; `lib` is numpy or torch."""
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

    def run_upgo() -> Any:
        well = reward + discount * shifted(value) >= value
        ret, rows = bootstrap, lib.empty_like(value)
        for t in range(len(value) - 1, -1, -1):
            rows[t] = ret = reward[t] + discount[t] * ret
            ret = lib.where(well[t], ret, value[t])
        return lib.clip(rho, None, 1.0) * (rows - value)

    def run_gae() -> Any:
        return backwards(reward + discount * shifted(value) - value, discount * LAM)

    return {
        f"vtrace/{library}": run_vtrace,
        f"upgo/{library}": run_upgo,
        f"gae/{library}": run_gae,
        f"td_lambda/{library}": lambda: value + run_gae(),
    }


def rllib(arrays: tuple[Array, ...]) -> dict[str, Callable[[], Any]]:
    """RLlib's V-trace on the same inputs, or nothing without RLlib."""
    try:
        from ray.rllib.algorithms.impala.torch.vtrace_torch_v2 import vtrace_torch
    except ImportError:
        return {}
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
