"""Comparisons repeat themselves, survive being cut short, and their figures are what they claim to be."""
from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from league.comparison import REPORT, ComparisonTrainer
from league.comparison_config import Comparison
from league.comparison_report import interval, level_of, resampled_errors, table, updates_to
from league.config import RunConfig
from league.run_context import RunContext
from league.run_directory import WINDOWS, RunDirectory
from learners.calibration import calibration_error, equal_width
from learners.learner import Learner
from learners.network_config import Network
from learners.objective_config import Outcome, SearchObjective, Term
from learners.schedule import Schedule
from serve.run_store import SqliteRunStore
from tests.league.conftest import tiny

VARIANTS: dict[str, dict[str, Any]] = {
    "mse": {},
    "quartic": {"search_objective": {"value_quartic": 1.0}},
    "wdl": {"network": {"value": "wdl"}},
}
SETTINGS = Comparison(variants=VARIANTS, seeds=(0, 1), decisions=300, updates=6, update_rows=64, measure_every=2,
                      resamples=50)


class Killed(Exception):
    pass


def config(**changes: Any) -> RunConfig:
    return tiny(
        self_play={"games": 8, "simulations": 8, "chunk_rows": 64},
        learning={"network": {"hidden": [16]}, "optimiser": {"learning_rate": 0.01}, "minibatch_rows": 32}, **changes,
    )


def compare(
    folder: Path, settings: Comparison = SETTINGS, *, resume: bool = False, run: RunConfig | None = None,
    on_event: Callable[[dict[str, Any]], None] = lambda event: None,
) -> dict[str, Any]:
    """Runs a comparison in `folder` to the end and gives its report."""
    run = run or config()
    folder.mkdir(exist_ok=True)
    store, directory, game = SqliteRunStore(folder / "ludus.sqlite"), RunDirectory(folder / "run"), run.make_game()
    store.create("run", directory.path, run.model_dump(mode="json"), resume)
    store.observe("run", "running")
    trainer = ComparisonTrainer(
        run.model_copy(update={"comparison": settings}), game, Learner(game, run.learner_settings(), run.seed),
        RunContext("run", directory, store, on_event, threading.Event()),
    )
    if resume:
        trainer.begin_anew()
    status, _ = trainer.run()
    store.observe("run", status)
    report: dict[str, Any] = json.loads((directory.path / REPORT).read_text())
    return report


def rows(folder: Path) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key not in ("timestamp", "elapsed_s")}
            for row in RunDirectory(folder / "run").rows(WINDOWS)]


def test_the_same_comparison_has_the_same_figures_also_when_it_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("league.comparison.PROGRESS_S", 0.0)
    events: list[dict[str, Any]] = []
    report = compare(tmp_path / "whole", on_event=events.append)
    assert compare(tmp_path / "again") == report
    for at in (2, len(events) // 2, len(events) - 1):
        left = at

        def die(event: dict[str, Any]) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed

        folder = tmp_path / f"cut-{at}"
        with pytest.raises(Killed):
            compare(folder, on_event=die)
        assert compare(folder, resume=True) == report
        assert rows(folder) == rows(tmp_path / "whole") == rows(tmp_path / "again")
    assert [row["update"] for row in rows(tmp_path / "whole")] == [2, 4, 6] * 6
    assert [row["window"] for row in rows(tmp_path / "whole")] == list(range(1, 19))


def test_what_is_reported(tmp_path: Path) -> None:
    said: list[str] = []
    report = compare(tmp_path, on_event=lambda event: said.append(event.get("text", "")))
    assert list(report["variants"]) == list(VARIANTS)
    for figures in report["variants"].values():
        errors = figures["value_calibration_error"]
        assert errors["seeds"] == 2
        assert errors["spread"] >= 0
        assert errors["low"] < errors["high"]
        assert figures["value_calibration_floor"]["mean"] > 0
    assert "calibration_error_difference" not in report["variants"]["mse"]
    assert report["variants"]["wdl"]["calibration_error_difference"]["to"] == "mse"
    assert table(report) == said[-1]
    assert "quartic" in said[-1].splitlines()[0]
    cells = [json.loads((tmp_path / f"run/cells/{name}_0.json").read_text()) for name in ("mse", "quartic")]
    assert cells[0]["curve"][0] == cells[1]["curve"][0]         # the same first weights, measured on the same games
    assert cells[0]["curve"][-1] != cells[1]["curve"][-1]


def test_finished_cells_of_other_settings_are_not_used(tmp_path: Path) -> None:
    report = compare(tmp_path)
    learning = config().learning.model_copy(update={"minibatch_rows": 64})
    changed = config().model_copy(update={"learning": learning})
    other = compare(tmp_path, resume=True, run=changed)
    assert other["variants"]["mse"]["value_std"] != report["variants"]["mse"]["value_std"]


def test_impossible_comparisons_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"comparison\.variants is empty"):
        compare(tmp_path, Comparison())
    with pytest.raises(ValueError, match="seeds must be different"):
        Comparison(seeds=(1, 1))
    with pytest.raises(ValueError, match="variant 'a/b' is no name"):
        Comparison(variants={"a/b": {}})
    with pytest.raises(ValueError, match=r"unknown key 'comparison.*value_quartik'; did you mean"):
        Comparison(variants={"a": {"search_objective": {"value_quartik": 1}}}).learning_of("a", config().learning)


def test_variants_may_be_written_in_short() -> None:
    base = config().learning.model_copy(update={
        "network": Network(kind="residual", channels=7, blocks=2, value_planes=9),
        "search_objective": SearchObjective(value=Outcome(root_value_share=0.3),
                                            difficulty=Term(weight=Schedule(linear=(1.0, 0.0))))})
    variants: dict[str, dict[str, Any]] = {
        "small": {"network": {"preset": "small", "blocks": 3},
                  "search_objective": {"value": 0.2, "difficulty": {"cosine": [0.4, 0.2]}}},
        "none": {"network": {"preset": "tiny"}}}
    found = Comparison(variants=variants).learning_of("small", base)
    assert (found.network.channels, found.network.blocks, found.network.value_planes) == (64, 3, 1)
    assert found.search_objective.value == Outcome(weight=0.2, root_value_share=0.3)
    assert found.search_objective.difficulty == Term(weight=Schedule(cosine=(0.4, 0.2)))
    with pytest.raises(ValueError, match=r"variants\.wdl: search_objective.value.root_value_share 0.3 needs"):
        Comparison(variants=VARIANTS).learning_of("wdl", base)
    with pytest.raises(ValueError, match=r"variants\.none\.network: preset is 'tiny', expected one of small"):
        Comparison(variants=variants).learning_of("none", base)


def test_resampled_errors_are_those_of_the_games_drawn_again() -> None:
    rng = np.random.default_rng(0)
    episode = rng.integers(0, 12, 200)
    value, outcome = rng.uniform(-1, 1, 200), rng.choice([-1.0, 1.0], 200)
    found = resampled_errors(value, outcome, episode, 5)
    again = np.random.default_rng(0)
    games, edges = np.unique(episode), equal_width()
    for error, times in zip(found, again.multinomial(len(games), np.full(len(games), 1 / len(games)), 5), strict=True):
        drawn = np.concatenate([np.flatnonzero(episode == game) for game in np.repeat(games, times)])
        assert error == pytest.approx(calibration_error(value[drawn], outcome[drawn], edges))
    np.testing.assert_array_equal(found[:3], resampled_errors(value, outcome, episode, 5)[:3])


def test_interval_mirrors_the_resampled() -> None:
    low, high = interval(1.0, np.linspace(1.0, 3.0, 1001))
    assert (low, high) == pytest.approx((2 - 2.95, 2 - 1.05))


def test_speed_is_read_off_the_curve() -> None:
    curve = [{"update": float(u), "policy_cross_entropy": c} for u, c in ((0, 2.0), (10, 1.5), (20, 1.0), (30, 1.2))]
    slow = [{"update": float(u), "policy_cross_entropy": c} for u, c in ((0, 2.0), (10, 1.8), (20, 1.5))]
    assert level_of([curve, slow]) == pytest.approx(1.55)
    assert updates_to(curve, 1.55) == pytest.approx(9)
    assert updates_to(slow, 1.55) == pytest.approx(10 + 10 * 0.25 / 0.3)
    assert updates_to(curve, 2.5) == 0
    assert updates_to(slow, 1.0) is None
