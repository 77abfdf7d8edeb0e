"""Figures of finished games: of those since the last look, rates pooled over games."""
from __future__ import annotations

import pytest

from league.play_figures import PlayFigures

NAMES = ("pass_rate", "turns", "score")


def totals(games: float, plies: float, resigned: float = 0.0, checks: float = 0.0, mistakes: float = 0.0,
           pass_rate: float = 0.0, turns: float = 0.0, score: float = 0.0) -> dict[str, float]:
    return {"games": games, "plies": plies, "resignations": resigned, "resign_checks": checks,
            "resign_mistakes": mistakes, "game_pass_rate": pass_rate, "game_turns": turns, "game_score": score}


def test_what_came_since_the_last_look() -> None:
    figures = PlayFigures(NAMES)
    figures.since_last({"a": totals(10, 100, pass_rate=9, turns=30, score=-5)})
    found = figures.since_last(
        {"a": totals(15, 180, resigned=1, checks=4, mistakes=1, pass_rate=14, turns=50, score=-13)}
    )
    assert found == {
        "avg_game_length": 16.0, "resign_share": 0.2, "resign_mistakes": 0.25,
        "pass_rate": pytest.approx(5 / 20),     # pass turns over turns, not a mean of rates
        "turns": 5.0, "score": -2.0,            # of the 4 games played to their end
    }


def test_a_worker_that_began_anew_and_one_that_does_not_answer() -> None:
    figures = PlayFigures(NAMES)
    assert figures.since_last({"a": totals(0, 0)}) == {}
    figures.since_last({"a": totals(10, 100), "b": totals(10, 200)})
    # a began anew, b has played 10 games of 30 more
    assert figures.since_last({"a": totals(5, 40), "b": totals(20, 500)})["avg_game_length"] == 340 / 15
    assert figures.since_last({}) == {}
    assert figures.since_last({"a": totals(6, 60)})["avg_game_length"] == 20
    assert figures.since_last({"a": totals(6, 60), "b": totals(21, 530)})["avg_game_length"] == 30
