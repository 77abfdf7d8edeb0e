"""A vector of games does what a plain loop over states does, and refuses without changing anything."""
from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envs import registry
from native import vector
from native.game import Game
from native.vector import VectorGame
from tests.native.vector_definition import check_play, play_out

SEEDS = st.integers(0, 2**63)
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("name", registry.names())
@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_every_game_plays_like_a_loop_over_states(name: str, seed: int) -> None:
    check_play(vector, registry.make(name), seed)


@FEW
@given(seed=SEEDS)
def test_heads_and_simultaneous_moves_play_like_a_loop_over_states(skirmish: Game, seed: int) -> None:
    check_play(vector, skirmish, seed)


@pytest.fixture
def noughts() -> VectorGame:
    return VectorGame(registry.make("tic_tac_toe"), 4, seed=3)


def test_arrays_are_views_on_the_same_memory(noughts: VectorGame) -> None:
    seen, legal = noughts.observations, noughts.legal
    assert seen.dtype == np.uint8
    assert seen.shape == (4, 2, 3, 3)
    noughts.step(np.full(4, 4, np.int32))
    assert seen is noughts.observations
    assert seen[:, 1, 1, 1].all()
    assert not legal[:, 4].any()


def test_flat_actions_are_enough_for_one_head(noughts: VectorGame) -> None:
    other = VectorGame(noughts.game, 4, seed=3)
    noughts.step(np.array([0, 1, 2, 3], np.int32))
    other.step(np.array([[0], [1], [2], [3]], np.int32))
    np.testing.assert_array_equal(noughts.states, other.states)


def test_rows_do_not_depend_on_other_rows() -> None:
    game = registry.make("beasty_bar")
    wide, narrow = VectorGame(game, 5, seed=9), VectorGame(game, 2, seed=9)
    wide.play_random(200)
    narrow.play_random(200)
    np.testing.assert_array_equal(wide.states[:2], narrow.states)
    assert len({state.tobytes() for state in wide.states}) == 5


def test_reset_with_another_seed(noughts: VectorGame) -> None:
    noughts.play_random(20)
    noughts.reset(seed=8)
    assert noughts.seed == 8
    fresh = VectorGame(noughts.game, 4, seed=8)
    for name, array in noughts.save().items():
        np.testing.assert_array_equal(array, fresh.save()[name])


def test_random_play_is_uniform(noughts: VectorGame) -> None:
    many = VectorGame(noughts.game, 9000, seed=1)
    actions = np.empty(9000, np.int32)
    many.random_actions(actions)
    counts = np.bincount(actions, minlength=9)
    assert len(counts) == 9
    assert abs(counts - 1000).max() < 5 * 30


def test_state_can_be_taken_out_and_put_back(noughts: VectorGame) -> None:
    noughts.step(np.zeros(4, np.int32))
    taken = noughts.state(2)
    assert taken.legal_actions() == [1, 2, 3, 4, 5, 6, 7, 8]
    taken.apply(5)
    assert noughts.legal[2, 5]
    noughts.set_state(2, taken)
    assert noughts.state(2) == taken
    assert not noughts.legal[2, 5]
    assert noughts.lengths.tolist() == [1, 1, 0, 1]
    assert noughts.to_act.tolist() == [1, 1, 0, 1]
    np.testing.assert_array_equal(noughts.observations[2], taken.observe())


def test_seats_choose_whom_a_bot_plays_for(skirmish: Game) -> None:
    games = VectorGame(skirmish, 3, seed=4)
    actions = np.full((3, 3, 2), -1, np.int32)
    games.bot_actions("bold", [0, 2, 2], actions, seats=[1, 0, 2])
    assert (actions[..., 0] >= 0).tolist() == [[False, True, False], [False] * 3, [True, False, True]]


def test_a_forgotten_time_limit_still_ends_a_longer_episode() -> None:
    """A vector with a limit of 2 that takes over episodes of length 3 truncates them at the next step."""
    game = registry.make("tic_tac_toe")
    long, short = VectorGame(game, 1, 0, 0), VectorGame(game, 1, 0, 2)
    for square in (0, 1, 3):
        long.step(np.array([square], np.int32))
    short.load(long.save())
    short.step(np.array([4], np.int32))
    assert short.truncated.tolist() == [1]
    assert short.episode_lengths.tolist() == [4]


def test_made_with_wrong_numbers() -> None:
    game = registry.make("tic_tac_toe")
    wrong: list[tuple[tuple[Any, ...], str]] = [
        ((0,), "num_games must be at least 1, got 0"),
        ((1, -1), r"seed must be 0 to 2\*\*64 - 1, got -1"),
        ((1, 2**64), "seed must be 0"),
        ((1, 0, -3), "time_limit must be at least 0, got -3"),
    ]
    for arguments, message in wrong:
        with pytest.raises(ValueError, match=f"^{message}"):
            VectorGame(game, *arguments)


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.zeros(4), "actions must be an int32 array, got float64"),
        (np.zeros(4, np.int64), "actions must be an int32 array, got int64"),
        ([0, 0, 0, 0], "actions must be an int32 array, got list"),
        (np.zeros(3, np.int32), r"actions must have the shape \(4, 1\), got \(3,\)"),
        (np.zeros((1, 4), np.int32), r"actions must have the shape \(4, 1\), got \(1, 4\)"),
        (np.zeros(8, np.int32)[::2], "actions must be C-contiguous"),
    ],
)
def test_wrong_actions_are_refused(noughts: VectorGame, actions: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^tic_tac_toe: {message}"):
        noughts.step(actions)
    assert not noughts.lengths.any()


def test_bots_are_asked_for_by_name_and_row(noughts: VectorGame) -> None:
    actions = np.zeros(4, np.int32)
    with pytest.raises(ValueError, match="has no bot 'deep'; it has one_ply"):
        noughts.bot_actions("deep", [0], actions)
    wrong = (([4], "rows must be 0 to 3, got 4"), ([-1], "got -1"), ([True], "got bool"), ([0.5], "float"))
    for rows, message in wrong:
        with pytest.raises(ValueError, match=message):
            noughts.bot_actions("random", rows, actions)
    with pytest.raises(ValueError, match="no simultaneous moves"):
        noughts.bot_actions("random", [0], actions, seats=[0])
    noughts.bot_actions("random", [], actions)
    actions.flags.writeable = False
    with pytest.raises(ValueError, match="writeable"):
        noughts.random_actions(actions)


def test_states_that_cannot_go_on_are_refused(noughts: VectorGame) -> None:
    finished = play_out(noughts.game.new_state())
    with pytest.raises(ValueError, match="row 1: a finished state cannot go on"):
        noughts.set_state(1, finished)
    with pytest.raises(ValueError, match="got a state of"):
        noughts.set_state(1, registry.make("connect_four").new_state())
    with pytest.raises(ValueError, match="rows are 0 to 3, got 4"):
        noughts.state(4)
    saved = noughts.save()
    spoilt: list[tuple[dict[str, Any], str]] = [
        ({key: saved[key] for key in saved if key != "returns"}, "saved has no 'returns'"),
        ({**saved, "states": saved["states"][:3]}, "states must be uint8"),
        ({**saved, "lengths": saved["lengths"].astype(np.int64)}, "lengths must be int32"),
        ({**saved, "states": np.tile(np.frombuffer(finished.to_bytes(), np.uint8), (4, 1))}, "row 0: a finished state"),
    ]
    before = noughts.states.copy()
    for given_arrays, message in spoilt:
        with pytest.raises(ValueError, match=message):
            noughts.load(given_arrays)
    np.testing.assert_array_equal(noughts.states, before)


def test_vectors_are_not_pickled(noughts: VectorGame) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(noughts)
