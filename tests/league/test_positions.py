"""Positions with exact scores: the tables, who errs how often in them, and what is wrong with other files."""
from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from envs import registry
from league.positions import (
    ILLEGAL,
    ROLLOUT_SETTINGS,
    Choices,
    Positions,
    by_policy,
    by_rollouts,
    by_search,
    by_searcher,
    errors,
    load_positions,
)
from league.statistics import wilson
from native.search import Search
from native.search_settings import SearchSettings
from tests.envs import tic_tac_toe_scores
from tests.envs.test_connect_four_scores import PATH as CONNECT_FOUR

Array = npt.NDArray[Any]


@cache
def connect_four() -> Positions:
    return load_positions(CONNECT_FOUR, registry.make("connect_four"))


@cache
def tic_tac_toe() -> Positions:
    return load_positions(tic_tac_toe_scores.PATH, registry.make("tic_tac_toe"))


def central(observations: Array) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Prefers columns near the middle, the left one of two; expects the share of even column sums."""
    n = len(observations)
    value = np.where(observations.reshape(n, -1).sum(axis=1) % 2 == 0, 0.5, -0.5).astype(np.float32)
    return np.tile(np.array([2.5, 4.5, 6.5, 7, 6, 4, 2], np.float32), (n, 1)), value


def test_the_tables_are_whole() -> None:
    assert len(connect_four()) == 6000
    assert connect_four().nontrivial.sum() == 3273
    assert len(tic_tac_toe()) == 4520
    assert len({state.tobytes() for state in tic_tac_toe().states}) == 4520
    assert gzip.decompress(tic_tac_toe_scores.PATH.read_bytes()).decode() == tic_tac_toe_scores.table()
    first = tic_tac_toe().of(["stones_0"])
    assert first.classes.tolist() == [[0] * 9]
    assert not first.nontrivial.any()


def test_the_most_central_column_errs_as_often_as_is_known() -> None:
    known = {"L1_R1": 11.8, "L2_R1": 21.2, "L3_R1": 24.6, "L1_R2": 17.9, "L2_R2": 37.1, "L1_R3": 36.8}
    found = {one.name: one for one in errors(connect_four(), by_policy(connect_four(), central))}
    for name, percent in known.items():
        assert 100 * found[name].share == pytest.approx(percent, abs=0.05)
    assert found["all"].errors == round(10 * sum(known.values()))
    assert found["all"].positions == 6000
    assert found["all"].nontrivial_share == found["all"].errors / 3273


def test_rollouts_solve_tic_tac_toe() -> None:
    found = errors(tic_tac_toe(), by_rollouts(tic_tac_toe(), SearchSettings(simulations=1000, c_init=2.0)))
    assert {one.errors for one in found} == {0}
    assert found[-1].value_sign == 1
    assert found[-1].value_mse == pytest.approx(0, abs=0.01)


def test_errors_equal_their_definition() -> None:
    positions = connect_four().of(["L1_R3", "L3_R1"])
    rng = np.random.default_rng(0)
    legal = [np.flatnonzero(row > ILLEGAL) for row in positions.classes]
    choices = Choices(np.array([rng.choice(row) for row in legal]), rng.normal(size=len(positions)).astype(np.float32))
    assert choices.values is not None
    for one in errors(positions, choices):
        rows = [row for row in range(len(positions)) if one.name in (positions.sets[row], "all")]
        best = [max(positions.classes[row][legal[row]]) for row in rows]
        wrong = [positions.classes[row, choices.actions[row]] < top for row, top in zip(rows, best, strict=True)]
        hard = [len(set(positions.classes[row][legal[row]])) > 1 for row in rows]
        assert not any(bad and not one for bad, one in zip(wrong, hard, strict=True))
        assert (one.positions, one.nontrivial, one.errors) == (len(rows), sum(hard), sum(wrong))
        assert (one.low, one.high) == wilson(sum(wrong), len(rows))
        assert (one.nontrivial_low, one.nontrivial_high) == wilson(sum(wrong), sum(hard))
        signs = [np.sign(choices.values[row]) == top for row, top in zip(rows, best, strict=True) if top]
        assert one.value_sign == pytest.approx(np.mean(signs))
        gaps = [(choices.values[row] - top) ** 2 for row, top in zip(rows, best, strict=True)]
        assert one.value_mse == pytest.approx(np.mean(gaps))
    assert [one.name for one in errors(positions, choices)] == [*dict.fromkeys(positions.sets), "all"]


def test_a_search_asks_for_what_it_needs_and_errs_less() -> None:
    """The same choices in few and in many batches; with 64 simulations fewer errors than with none."""
    positions = connect_four().of(["L3_R1"])
    few = Positions(positions.game, positions.sets[:60], positions.states[:60], positions.observations[:60],
                    positions.classes[:60])
    settings = SearchSettings(simulations=64)
    together, alone = by_search(few, central, settings), by_search(few, central, settings, games=7)
    np.testing.assert_array_equal(together.actions, alone.actions)
    assert together.values is not None
    np.testing.assert_array_equal(together.values, alone.values)
    played = SearchSettings(simulations=20)
    once, in_batches, other = (by_rollouts(few, played, **one).values for one in ({}, {"games": 7}, {"seed": 1}))
    assert once is not None
    assert in_batches is not None
    assert other is not None
    np.testing.assert_array_equal(once, in_batches)
    assert (once != other).any()
    search = Search(few.game, 60, settings)

    def uniform(states: npt.NDArray[np.uint8], seeds: npt.NDArray[np.uint64]) -> Search:
        search.begin(states, seeds)
        search.run_uniform()
        return search

    raw, searched, unguided = (
        errors(few, one)[0].errors for one in (by_policy(few, central), together, by_searcher(few, uniform, games=60))
    )
    assert searched < raw / 2
    assert unguided < raw / 2
    assert ROLLOUT_SETTINGS.simulations == 600


def test_illegal_choices_and_unknown_sets_are_named() -> None:
    positions = connect_four().of(["L1_R1"])
    full = int(np.flatnonzero((positions.classes == ILLEGAL).any(axis=1))[0])
    actions = positions.classes.argmax(axis=1)
    actions[full] = positions.classes[full].argmin()
    with pytest.raises(ValueError, match=f"position {full} of set L1_R1: action {actions[full]} is illegal"):
        errors(positions, Choices(actions))
    with pytest.raises(ValueError, match="no set L9; there are L3_R1, L2_R1"):
        connect_four().of(["L9"])


def test_one_set_alone_has_no_total(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("set,moves,scores\na,0 4 1 5,. . 5 0 . . -1 0 0\na,,0 0 0 0 0 0 0 0 0\n")
    positions = load_positions(path, registry.make("tic_tac_toe"))
    assert positions.best.tolist() == [1, 0]
    assert positions.nontrivial.tolist() == [True, False]
    (found,) = errors(positions, Choices(np.array([6, 0])))
    assert (found.name, found.errors, found.share, found.nontrivial_share) == ("a", 1, 0.5, 1.0)
    assert (found.value_sign, found.value_mse) == (None, None)


@pytest.mark.parametrize(("text", "sentence"), [
    ("set,moves\na,0\n", "has no column c1, c2, c3; expected set, moves, scores or set, moves, c1 to c9"),
    ("moves,scores\n", "has no column set"),
    ("set,moves,scores\n", "holds no position"),
    ("set,moves,scores\na,0\n", "line 2 has not as many fields"),
    ("set,moves,scores\na,0 0,1\n", "line 2: move 2: tic_tac_toe: action 0 is illegal"),
    ("set,moves,scores\na,,0 0 0 0 0 0 0 0 0\nb,x,1\n", "line 3: move 'x' is not a number"),
    ("set,moves,scores\na,0 3 1 4 2,. . . . . 1 1 1 1\n", "line 2: the game is over"),
    ("set,moves,scores\na,0,. 1 1 1 1 1 1 1\n", "line 2: expected 9 scores"),
    ("set,moves,scores\na,0,. . 1 1 1 1 1 1 1\n", "line 2: expected 9 scores, of the legal actions"),
    ("set,moves,scores\na,0,. nan 1 1 1 1 1 1 1\n", "line 2: scores must be whole numbers"),
    ("set,moves,pons_score,c1,c2,c3,c4,c5,c6,c7,c8,c9\na,0,1,1,,,,,,,,\n", "line 2: move 1: tic_tac_toe: action -1"),
])
def test_faults_in_a_file_are_named(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "faulty.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=sentence):
        load_positions(path, registry.make("tic_tac_toe"))
    with pytest.raises(ValueError, match="cannot read the positions in"):
        load_positions(tmp_path / "none.csv", registry.make("tic_tac_toe"))
