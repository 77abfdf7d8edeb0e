"""Every metric of searched decisions equals its definition, read off literally in float64."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from envs import registry
from learners.chunk import Chunk, seal
from learners.search_metrics import SLICE_ENTRIES, game_metrics, joined, search_metrics
from native.game import Game, State
from tests.learners.samples import random_rows

Array = npt.NDArray[Any]


def rows_with_equals(game: Game, rows: int, targets: int, seed: int) -> dict[str, Array]:
    """Random rows; in every third one all targets above 0 are equal."""
    columns = random_rows(game, rows, seed, targets=targets)
    used = columns["target_prob"] > 0
    equal = (used / used.sum(axis=1, keepdims=True)).astype(np.float32)
    columns["target_prob"][::3] = equal[::3]
    return columns


def by_definition(logits: Array, value: Array, columns: dict[str, Array], illegal_weight: float) -> dict[str, float]:
    """The plan's table, row by row; of equals the lowest action number is the largest."""
    rows, actions = logits.shape
    top1, top3, legal_mass, illegal_mass, entropy, confidence, cross = ([] for _ in range(7))
    for row in range(rows):
        m = np.unpackbits(columns["legal"][row], count=actions, bitorder="little").astype(np.float64)
        target = np.zeros(actions)
        for action, prob in zip(columns["target_action"][row], columns["target_prob"][row], strict=True):
            target[action] += prob
        x = logits[row].astype(np.float64)
        p = np.exp(x) / np.exp(x).sum()
        p = np.minimum(np.maximum(p, 1e-10), 1)
        q = p * m / ((p * m).sum() + 1e-10)
        order = sorted(range(actions), key=lambda action: (-(p * m)[action], action))
        taught = max(range(actions), key=lambda action: (target[action], -action))
        top1.append(order[0] == taught)
        top3.append(taught in order[:3])
        legal_mass.append((p * m).sum())
        illegal_mass.append((p * (1 - m)).sum())
        entropy.append(-sum(one * math.log(one) for one in q if one > 1e-9))
        confidence.append(max(q))
        total = sum(math.exp(x[action]) for action in range(actions) if m[action])
        cross.append(-sum(target[a] * (x[a] - math.log(total)) for a in range(actions) if target[a] > 0))
    v, z = value.astype(np.float64), columns["outcome"].astype(np.float64)
    error = 0.0
    for number in range(10):
        low, high = -1 + number / 5, -1 + (number + 1) / 5
        inside = (v >= low) & ((v < high) | ((number == 9) & (v <= high)))
        if inside.any():
            error += inside.sum() / rows * abs(v[inside].mean() - z[inside].mean())
    return {
        "policy_top1_accuracy": float(np.mean(top1)), "policy_top3_accuracy": float(np.mean(top3)),
        "policy_legal_mass": float(np.mean(legal_mass)), "policy_entropy": float(np.mean(entropy)),
        "policy_ebf": math.exp(np.mean(entropy)), "policy_confidence": float(np.mean(confidence)),
        "policy_cross_entropy": float(np.mean(cross)),
        "loss_illegal_penalty": illegal_weight * float(np.mean(illegal_mass)),
        "value_mean": v.sum() / rows, "value_std": math.sqrt(((v - v.mean()) ** 2).sum() / rows),
        "value_extremity": np.abs(v).sum() / rows, "value_calibration_error": error,
        "confidence_accuracy_win": (z[v > 0.5] > 0).sum() / (v > 0.5).sum(),
        "confidence_accuracy_loss": (z[v < -0.5] < 0).sum() / (v < -0.5).sum(),
        "measured_rows": rows, "measured_games": len(set(columns["episode"].tolist())),
    }


@pytest.mark.parametrize(("name", "rows", "targets"), [("connect_four", 200, 3), ("razzle", 90, 6)])
def test_every_metric_equals_its_definition(name: str, rows: int, targets: int) -> None:
    game = registry.make(name)
    assert name != "razzle" or rows * game.num_actions > 2 * SLICE_ENTRIES      # more than one slice
    columns, rng = rows_with_equals(game, rows, targets, seed=rows), np.random.default_rng(1)
    logits = rng.normal(0, 3, (rows, game.num_actions)).astype(np.float32)
    logits[::4] = np.round(logits[::4])             # equals
    logits[1, : game.num_actions // 2] = -60        # below the clip
    value = rng.uniform(-1, 1, rows).astype(np.float32)
    value[:3] = -1, 1, 0.2
    found = search_metrics(logits, value, columns, illegal_weight=0.3)
    floor = found.pop("value_calibration_floor")
    expected = by_definition(logits, value, columns, 0.3)
    assert found.keys() == expected.keys()
    for metric, one in expected.items():
        assert found[metric] == pytest.approx(one, rel=1e-12, abs=1e-12), metric
    assert 0 < floor < 1


def test_an_illegal_favourite_changes_nothing_but_the_mass() -> None:
    """Huge logits of illegal actions leave the cross-entropy finite: it is over the legal ones."""
    game = registry.make("connect_four")
    columns = random_rows(game, 40, seed=3)
    legal = np.unpackbits(columns["legal"], axis=1, count=7, bitorder="little").astype(bool)
    logits = np.random.default_rng(0).normal(size=(40, 7)).astype(np.float32)
    plain = search_metrics(logits, np.zeros(40, np.float32), columns)
    mad = search_metrics(np.where(legal, logits, 900).astype(np.float32), np.zeros(40, np.float32), columns)
    for metric in ("policy_cross_entropy", "value_mean"):
        assert mad[metric] == pytest.approx(plain[metric], rel=1e-9)
    some = ~legal.all(axis=1)
    assert mad["policy_legal_mass"] == pytest.approx((~some).mean(), abs=1e-8)
    assert math.isnan(plain["confidence_accuracy_win"])


def test_shapes_that_do_not_fit_are_named() -> None:
    columns = random_rows(registry.make("connect_four"), 5, seed=0)
    with pytest.raises(ValueError, match=r"expected logits \[5, A\] and value \[5\], got \[4, 7\] and \[5\]"):
        search_metrics(np.zeros((4, 7), np.float32), np.zeros(5, np.float32), columns)


def chunk_of(game: Game, columns: dict[str, Array], producer: str) -> Chunk:
    return seal(columns, chunk_id=producer, producer=producer, sequence=0, match_id="", player="main", game=game,
                layout="rows", split="held_out")


def test_joined_chunks_keep_the_games_of_producers_apart() -> None:
    game = registry.make("tic_tac_toe")
    parts = [random_rows(game, rows, seed=rows, targets=targets) for rows, targets in ((30, 2), (20, 5), (10, 3))]
    columns = joined([chunk_of(game, part, name) for part, name in zip(parts, ("a", "b", "a"), strict=True)])
    assert {name: array.shape[0] for name, array in columns.items()} == dict.fromkeys(parts[0], 60)
    assert columns["target_prob"].shape == (60, 5)
    np.testing.assert_allclose(columns["target_prob"].sum(axis=1), 1, rtol=1e-6)
    names = [("a", one) for one in parts[0]["episode"]] + [("b", one) for one in parts[1]["episode"]] + [
        ("a", one) for one in parts[2]["episode"]]
    numbers: dict[Any, set[int]] = {}
    for one, number in zip(names, columns["episode"].tolist(), strict=True):
        numbers.setdefault(one, set()).add(number)
    assert all(len(own) == 1 for own in numbers.values())
    assert len(set.union(*numbers.values())) == len(numbers)


def rows_of_games(game: Game, games: list[list[int]]) -> dict[str, Array]:
    """Action, ply, episode and outcome of whole games, in a mixed order."""
    action, ply, episode, outcome = [], [], [], []
    for number, moves in enumerate(games):
        state, seats = game.new_state(), []
        for move in moves:
            seats.append(state.to_act())
            state.apply(move)
        action += moves
        ply += list(range(len(moves)))
        episode += [number] * len(moves)
        outcome += [float(state.rewards()[seat]) for seat in seats]
    order = np.random.default_rng(0).permutation(len(action))
    return {
        "action": np.array(action, np.int32)[order, None], "ply": np.array(ply, np.int32)[order],
        "episode": np.array(episode)[order], "outcome": np.array(outcome, np.float32)[order],
    }


FIRST_WINS, SECOND_WINS, DRAWN = [0, 3, 1, 4, 2], [0, 3, 1, 4, 8, 5], [0, 1, 2, 4, 3, 5, 7, 6, 8]


def test_games_are_told_from_rows() -> None:
    game = registry.make("tic_tac_toe")
    columns = rows_of_games(game, [FIRST_WINS, FIRST_WINS, SECOND_WINS, DRAWN])
    assert game_metrics(columns, game) == {
        "avg_game_length": (5 + 5 + 6 + 9) / 4, "draw_share": 0.25, "first_seat_wins": 0.5, "opening_diversity": 3 / 4,
    }
    assert math.isnan(game_metrics(columns)["opening_diversity"])


def test_games_without_their_beginning() -> None:
    """A game whose first row is missing says who won of nobody, and nothing of its opening."""
    game = registry.make("tic_tac_toe")
    columns = rows_of_games(game, [FIRST_WINS, SECOND_WINS, DRAWN, FIRST_WINS])
    kept = ~((columns["episode"] == 1) & (columns["ply"] == 0)) & ~((columns["episode"] == 2) & (columns["ply"] == 2))
    found = game_metrics({name: column[kept] for name, column in columns.items()}, game)
    assert found["first_seat_wins"] == pytest.approx(2 / 3)
    assert found["opening_diversity"] == 0.5        # of games 0 and 3
    assert found["avg_game_length"] == (5 + 6 + 9 + 5) / 4


def test_a_chain_of_passes_is_one_turn() -> None:
    """Two games of razzle that begin with a pass and its end, and differ in the fifth turn, their sixth action."""
    game = registry.make("razzle")
    games = []
    for choice in (0, 1):
        state = game.new_state()
        seat = state.to_act()
        moves = [next(action for action in state.legal_actions() if stays(state, action))]
        state.apply(moves[0])
        assert state.to_act() == seat
        for number in range(1, 8):
            ends = [action for action in state.legal_actions() if not stays(state, action)]
            moves.append(ends[choice if number == 5 else 0])
            state.apply(moves[-1])
        games.append(moves)
    assert games[0][:5] == games[1][:5]
    assert game_metrics(rows_of_games(game, games), game)["opening_diversity"] == 1.0
    same_opening = [games[0], games[0][:6]]
    assert game_metrics(rows_of_games(game, same_opening), game)["opening_diversity"] == 0.5


def stays(state: State, action: int) -> bool:
    """Whether the seat goes on after it."""
    after = state.clone()
    after.apply(action)
    return after.to_act() == state.to_act()
