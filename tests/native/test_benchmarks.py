"""The benchmarks of the compiled core measure what they say: peers compute the same, every case is recorded."""
from __future__ import annotations

import json
import subprocess
import sys
import textwrap
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
    others = returns.numpy_loops(arrays) | returns.torch_loops(arrays) | returns.scans(arrays, "cpu", "scan")
    assert {case.partition("/")[0] for case in others} == set(ours)
    for case, function in others.items():
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
    cases = [str(found["case"]) for found in returns.run(peers=False)]
    kernels = ("vtrace", "upgo", "gae", "td_lambda")
    assert [case for case in cases if not case.endswith("/cuda")] == [
        f"{kernel}/{shape}{way}" for shape in ("80x512", "20x4096") for way in ("", "/scan") for kernel in kernels
    ]


def test_returns_are_measured_without_ray() -> None:
    code = """
        import json, sys
        sys.modules["ray"] = None
        from tests.benchmarks import returns
        returns.measure = lambda function: [function() is None]
        print(json.dumps([found["case"] for found in returns.run(peers=True)]))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    cases = json.loads(done.stdout)
    assert "vtrace/80x512/torch" in cases
    assert not any(case.endswith("/rllib") for case in cases)
