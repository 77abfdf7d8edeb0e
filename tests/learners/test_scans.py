"""The scans over time: against recorded results, at draws and ends, in float32, and compiled."""
from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from learners.compiled_scan import compile_and_run
from learners.gae import gae, scan_gae
from learners.td_lambda import scan_td_lambda, td_lambda
from learners.upgo import scan_upgo, upgo
from learners.vtrace import scan_vtrace, vtrace
from tests.learners import definitions
from tests.learners.scan_checks import SCANS

RECORDED = json.loads((Path(__file__).parent.parent / "data" / "arena_math.json").read_text())["returns"]
COMPILER = shutil.which("g++") or shutil.which("clang++") or shutil.which("c++")

Scan = Callable[..., Any]


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: f"{len(case['rewards'])} steps")
def test_recorded_returns(case: dict[str, Any]) -> None:
    """Results of another implementation, rounded to 6 decimals, of inputs rounded likewise."""
    def column(name: str) -> torch.Tensor:
        return torch.tensor(case[name], dtype=torch.float64)

    rho = (column("target_logp") - column("behavior_logp")).exp()
    rows = case["gamma"] * (1 - column("dones")), column("rewards"), column("values"), column("bootstrap")
    lam = case["lambda_"]
    target, advantage = vtrace(
        rho, *rows, rho_bar=case["clip_rho"], c_bar=case["clip_c"], rho_pg_bar=case["clip_pg_rho"], lam=lam)
    found = {
        "vs": target,
        "pg_advantages": advantage,
        "td_lambda": td_lambda(*rows, lam=lam),
        "upgo_advantages": upgo(rho, *rows, rho_bar=case["clip_rho"]),
        "upgo_targets": upgo(torch.ones_like(rho), *rows) + column("values"),
    }
    for name, values in found.items():
        torch.testing.assert_close(values, column(name), rtol=0, atol=5e-6)


@pytest.mark.parametrize("name", SCANS)
@pytest.mark.parametrize("reward", [0.0, 1.0, -1.0])
def test_nothing_leaks_over_the_end_of_a_game(name: str, reward: float) -> None:
    """A draw ends a game as a win does: no row of it depends on what comes after, whatever the reward was."""
    scan, definition = SCANS[name]
    rng = np.random.default_rng(0)
    rho, value = rng.lognormal(size=(6, 1)), rng.normal(size=(6, 1))
    discount, rewards = np.full((6, 1), 0.9), np.zeros((6, 1))
    discount[3], rewards[3] = 0.0, reward
    results = []
    for scale in (1.0, 100.0):
        later = value.copy()
        later[4:] *= scale
        rows = rho, discount, rewards, later, np.array([7.0 * scale])
        results.append(scan(*map(torch.tensor, rows))[:4].numpy())
    np.testing.assert_array_equal(results[0], results[1])
    alone = (rho[:4], discount[:4], rewards[:4], value[:4])
    np.testing.assert_allclose(results[0], definition(*alone, np.array([123.0])), atol=1e-12)
    if name in ("vtrace target", "td_lambda"):
        assert results[0][3, 0] == pytest.approx(
            reward if name == "td_lambda" else value[3, 0] + min(1.3, rho[3, 0]) * (reward - value[3, 0]))


def inputs(steps: int, streams: int, *heads: int, dtype: npt.DTypeLike = np.float64) -> list[torch.Tensor]:
    """`(rho, discount, reward, value, bootstrap)`, one discount in ten 0."""
    rng = np.random.default_rng(steps)
    shape = (steps, streams, *heads)
    drawn = (rng.lognormal(size=shape), 0.99 * (rng.random(shape) > 0.1), rng.normal(size=shape),
             rng.normal(size=shape), rng.normal(size=shape[1:]))
    return [torch.tensor(array.astype(dtype)) for array in drawn]


BARS = {"rho_bar": 1.3, "c_bar": 0.9, "rho_pg_bar": 0.7, "lam": 0.95}
BOTH: dict[str, tuple[Scan, Scan, dict[str, float]]] = {
    "vtrace": (vtrace, scan_vtrace, BARS),
    "upgo": (upgo, scan_upgo, {"rho_bar": 1.3}),
    "gae": (lambda _, *rows, lam: gae(*rows, lam=lam), lambda _, *rows, lam: scan_gae(*rows, lam=lam), {"lam": 0.95}),
    "td_lambda": (lambda _, *rows, lam: td_lambda(*rows, lam=lam),
                  lambda _, *rows, lam: scan_td_lambda(*rows, lam=lam), {"lam": 0.95}),
}


@pytest.mark.parametrize("name", BOTH)
def test_long_unrolls_on_a_device_are_those_of_the_cpu(name: str) -> None:
    """In float64 to 1e-10; in float32 the two sum in another order."""
    function, scan, settings = BOTH[name]
    for dtype, tolerance in ((np.float64, 1e-10), (np.float32, 2e-4)):
        for steps in (1, 2, 80, 129):
            given = inputs(steps, 5, dtype=dtype)
            for one, other in zip(np.atleast_3d(function(*given, **settings)),
                                  np.atleast_3d(scan(*given, **settings)), strict=True):
                np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.slow
@pytest.mark.timeout(900)     # inductor takes its time on busy cores
@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler for torch's inductor")
def test_compiled_scans_are_the_definitions(caplog: pytest.LogCaptureFixture) -> None:
    """By the compiler that CUDA uses too, here for the CPU; a note would say that it was not used."""
    with caplog.at_level(logging.INFO, "learners.compiled_scan"):
        given = inputs(6, 4)
        arrays = [x.numpy() for x in given]
        expected = definitions.vtrace(*arrays, clips=definitions.Clips(1.3, 0.9, 0.7), lam=0.95)
        for found, defined in zip(compile_and_run(scan_vtrace, *given, **BARS), expected, strict=True):
            np.testing.assert_allclose(found, defined, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(compile_and_run(scan_upgo, *given, rho_bar=1.3),
                                   definitions.upgo(*arrays, rho_bar=1.3), rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(compile_and_run(scan_gae, *given[1:], lam=0.95),
                                   definitions.gae(*arrays[1:], lam=0.95), rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(compile_and_run(scan_td_lambda, *given[1:], lam=0.95),
                                   definitions.td_lambda(*arrays[1:], lam=0.95), rtol=1e-10, atol=1e-10)
        other_shape = inputs(9, 3, 2)
        plain: Scan = scan_vtrace
        for one, other in zip(compile_and_run(plain, *other_shape, **BARS), plain(*other_shape, **BARS), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)
    assert caplog.records == []


def test_ratios_of_another_shape_are_refused() -> None:
    rho, *rows = inputs(4, 3)
    function: Scan = vtrace
    with pytest.raises(ValueError, match=r"^rho must be \[T, B\] or \[T, B, H\], got shape \[12\]$"):
        upgo(rho.flatten(), *rows)
    with pytest.raises(ValueError, match=r"^rho must be"):
        function(rho[1:], *rows, **BARS)
    with pytest.raises(ValueError, match=r"^rho must be"):
        function(rho[1:, :, None], *rows, **BARS)
