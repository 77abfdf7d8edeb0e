"""The end-to-end benchmark: what it counts, that it runs, and that the CartPole configs balance the pole."""
from __future__ import annotations

import json
import math
from collections.abc import Iterator

import pytest

from tests.benchmarks import end_to_end, end_to_end_peers
from tests.benchmarks.end_to_end import Outcome, seconds_to, summary, train_once


@pytest.mark.parametrize(("curve", "seconds"), [
    ([(1.0, 500.0), (2.0, 475.0), (3.0, 500.0)], 2.0),
    ([(1.0, 500.0), (2.0, 474.9), (3.0, 475.0), (4.0, 480.0), (5.0, 9.0)], 4.0),
    ([(1.0, 500.0), (2.0, 100.0), (3.0, 500.0)], math.inf),
    ([(1.0, 500.0)], math.inf),
])
def test_balanced_means_twice_in_a_row(curve: list[tuple[float, float]], seconds: float) -> None:
    assert seconds_to(curve) == seconds


def test_the_median_counts_seeds_that_never_get_there() -> None:
    one = Outcome(100.0, 3.0, 500.0)
    never = Outcome(300.0, math.inf, 20.0)
    rate, seconds, reached, final = summary("c", [one, never, never])
    assert (rate["value"], rate["unit"]) == (300.0, "frames/s")
    assert (seconds["case"], seconds["value"], seconds["low"]) == ("c/seconds_to_475", None, 3.0)
    assert (reached["value"], reached["unit"]) == (1, "of 3 seeds")
    assert final["value"] == 20.0
    assert "Infinity" not in json.dumps([rate, seconds, reached, final])


@pytest.mark.parametrize("name", end_to_end.CONFIGS)
def test_a_config_runs_through_the_whole_path(name: str) -> None:
    outcome = train_once(name, "local", 1, "budget.env_steps=20000", "windows.env_steps=10000")
    assert outcome.frames_per_s > 0
    assert 0 < outcome.final_return <= 500


def test_peers_are_measured_after_their_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 4.0, 5.0, 14.0, 24.0])
    monkeypatch.setattr("tests.benchmarks.end_to_end_peers.perf_counter", lambda: next(clock))

    def training() -> Iterator[tuple[float, float]]:
        yield from [(10.0, 20.0), (400.0, 100.0), (500.0, 480.0), (1400.0, 500.0), (2400.0, 30.0)]
        raise AssertionError("asked again after its time was over")

    rate, seconds = end_to_end_peers.measured("p", training(), True)
    assert (rate["case"], rate["value"]) == ("peer/p", 100.0)
    assert (seconds["case"], seconds["value"]) == ("peer/p/seconds_to_475", 5.0)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", end_to_end.CONFIGS)
@pytest.mark.parametrize("seed", [11, 12])
def test_the_configs_balance_the_pole(name: str, seed: int) -> None:
    outcome = train_once(name, "local", seed)
    assert math.isfinite(outcome.seconds)
    assert outcome.final_return >= end_to_end.BALANCED
