"""Decisions of running games against plain lists: nothing lost, nothing mixed up, however long games are."""
from __future__ import annotations

from typing import Any

import numpy as np

from actors.draws import draw, uniform
from actors.game_records import GameRecords

Decision = tuple[int, list[int], list[float]]


def columns(decisions: list[Decision]) -> dict[str, Any]:
    width = max(len(actions) for _, actions, _ in decisions)
    return {
        "number": np.array([number for number, _, _ in decisions], np.int32),
        "target_action": np.array([actions + [0] * (width - len(actions)) for _, actions, _ in decisions], np.int32),
        "target_prob": np.array([probs + [0.0] * (width - len(probs)) for _, _, probs in decisions], np.float32),
    }


def test_against_lists() -> None:
    rng = np.random.default_rng(0)
    records = GameRecords(5)
    lists: list[list[Decision]] = [[] for _ in range(5)]
    for number in range(600):
        rows = np.flatnonzero(rng.random(5) < 0.7)
        if rows.size:
            # targets grow wider as time goes on, and each call has its own width
            decisions = [
                (10 * number + int(row), actions := rng.integers(1, 9, rng.integers(1, 2 + number // 100)).tolist(),
                 [1.0 / len(actions)] * len(actions))
                for row in rows
            ]
            records.add(rows, columns(decisions))
            for row, decision in zip(rows, decisions, strict=True):
                lists[row].append(decision)
        if number % 7 == 0:
            saved = records.save()
            records = GameRecords(5)
            records.load(saved)
        ended = np.flatnonzero(rng.random(5) < 0.02)
        places, taken = records.take(ended)
        expected = [(place, decision) for place, row in enumerate(ended) for decision in lists[row]]
        assert places.tolist() == [place for place, _ in expected]
        for at, (_, (one, actions, probs)) in enumerate(expected):
            assert taken["number"][at] == one
            assert taken["target_action"][at].tolist()[: len(actions)] == actions
            np.testing.assert_allclose(taken["target_prob"][at][: len(probs)], probs, rtol=1e-6)
            assert not taken["target_prob"][at][len(probs) :].any()
        for row in ended:
            lists[row] = []
    assert max(len(one) for one in lists) > 64      # memory has grown twice
    assert records.count.tolist() == [len(one) for one in lists]


def test_draws_depend_on_every_key_and_are_uniform() -> None:
    keys = np.arange(4000, dtype=np.int64)
    draws = draw(7, 3, keys)
    assert len(set(draws.tolist())) == 4000
    for other in (draw(8, 3, keys), draw(7, 4, keys), draw(7, keys, 5)):
        assert not (draws == other).any()
    assert (draw(7, 3, 11) == draws[11]).all()
    numbers = uniform(7, 3, keys)
    counts, _ = np.histogram(numbers, 10, (0, 1))
    assert abs(counts - 400).max() < 5 * np.sqrt(400 * 0.9)
