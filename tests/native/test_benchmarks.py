"""The benchmarks of the compiled core measure what they say: peers compute the same, every case is recorded."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from envs import registry
from tests.benchmarks import envs, returns
from tests.benchmarks.measure import measure, record

KEYS = ["bench", "case", "value", "unit", "low", "high", "repeats"]


def test_measure_repeats_and_record_takes_the_median() -> None:
    calls: list[None] = []
    assert len(measure(lambda: calls.append(None), repeats=3, minimum_s=0.0)) == 3
    assert len(calls) == 1 + 1 + 3
    assert record("b", "c", [3.0, 1.0, 2.0], "us") == {
        "bench": "b", "case": "c", "value": 2.0, "unit": "us", "low": 1.0, "high": 3.0, "repeats": 3,
    }


def test_peers_compute_the_same_returns() -> None:
    arrays = returns.draw(6, 11)
    ours = returns.kernels(arrays)
    for case, function in (returns.numpy_loops(arrays) | returns.torch_loops(arrays)).items():
        for one, other in zip(np.atleast_3d(ours[case.partition("/")[0]]()), np.atleast_3d(function()), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def once(function: Callable[[], object]) -> list[float]:
    """Stands in for `measure`: one call, a made-up second."""
    function()
    return [1.0]


def test_every_game_is_recorded_with_its_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envs, "measure", once)
    monkeypatch.setattr(envs, "NUM_GAMES", 3)
    records = list(envs.run(peers=True))
    units = {found["case"]: found["unit"] for found in records}
    assert all(list(found) == KEYS for found in records)
    assert {case for case, unit in units.items() if unit == "games/s"} == {"beasty_bar/outcome_heuristic_mirror"}
    assert set(units.values()) == {"steps/s", "games/s"}
    cases = {found["case"] for found in records}
    assert {f"{name}/{way}" for name in registry.names() for way in ("random", "step")} <= cases
    assert {found["value"] for found in records} <= {3.0 * envs.STEPS, envs.STEPS, envs.MIRROR_GAMES}


def test_every_kernel_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returns, "measure", once)
    cases = [found["case"] for found in returns.run(peers=False)]
    kernels = ("vtrace", "gae", "td_lambda")
    assert cases == [f"{kernel}/{shape}" for shape in ("80x512", "20x4096") for kernel in kernels]
