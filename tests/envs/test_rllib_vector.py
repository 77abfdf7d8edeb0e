"""Games as RLlib sees them: whose decisions, which rewards, and what happens between two episodes."""
from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from envs import registry
from envs.adapters.rllib_vector import MASK, OBSERVATIONS, SeatVector, Shown
from native.game import Game

ROWS = 3
GAMES: list[tuple[str, dict[str, Any], dict[str, float]]] = [
    ("cartpole", {}, {}),
    ("prospector", {"time_max": 60}, {}),
    ("gymnasium", {"id": "CartPole-v1"}, {}),
    ("tic_tac_toe", {}, {"random": 1.0}),
    ("connect_four", {}, {"one_ply": 1.0, "random": 1.0}),
    ("kuhn_poker", {}, {"random": 1.0}),
    ("leduc_poker", {}, {"random": 1.0}),
    ("beasty_bar", {"players": 3}, {"skunk": 1.0}),
    ("arena", {"players": 3, "duration": 10, "frame_skip": 15, "shape_damage": 1.0}, {"random": 1.0}),
]


def drawn(game: Game, mask: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """One legal action per head, `[N, H]`, or `[N]` of a single head."""
    heads = np.split(mask, np.cumsum(game.head_sizes)[:-1], axis=1)
    actions = np.stack([[rng.choice(np.flatnonzero(row)) for row in head] for head in heads], axis=1)
    return actions if len(game.head_sizes) > 1 else actions[:, 0]


@pytest.mark.parametrize(("name", "options", "bots"), GAMES, ids=[name for name, *_ in GAMES])
def test_episodes_are_those_of_one_seat_whole_and_in_turn(
    name: str, options: dict[str, Any], bots: dict[str, float]
) -> None:
    """Rewards add up to what the game counts; seats take turns; the step after an end only shows a beginning."""
    game = registry.make(name, **options)
    vector, rng = SeatVector(game, ROWS, bots), np.random.default_rng(1)
    shown, infos = vector.reset(seed=5)
    got, over, seats = np.zeros(ROWS), np.zeros(ROWS, bool), [[row.seat] for row in vector.rows]
    finished = 0
    for _ in range(150):
        assert shown in vector.observation_space
        assert infos == {}
        for place, row in enumerate(vector.rows):
            if not over[place] and not game.simultaneous:
                assert row.games.to_act[0] == row.seat
                np.testing.assert_array_equal(shown[OBSERVATIONS][place], row.games.observations[0])
                np.testing.assert_array_equal(shown[MASK][place], row.games.legal[0])
            elif not over[place]:
                np.testing.assert_array_equal(shown[OBSERVATIONS][place], row.games.observations[0, row.seat])
                np.testing.assert_array_equal(shown[MASK][place], row.games.legal[0, row.seat])
        actions = drawn(game, shown[MASK], rng)
        assert actions.astype(np.int64) in vector.action_space
        actions[over] = 10**6       # nobody reads them
        shown, rewards, terminal, truncated, infos = vector.step(actions)
        got += rewards
        for place, row in enumerate(vector.rows):
            if over[place]:
                assert (rewards[place], terminal[place], truncated[place]) == (0, False, False)
                got[place] = 0
                seats[place].append(row.seat)
            elif terminal[place] or truncated[place]:
                assert not (terminal[place] and truncated[place])
                assert got[place] == pytest.approx(row.games.episode_returns[0, row.seat], abs=1e-5)
                finished += 1
        over = terminal | truncated
    assert finished >= (1 if name == "arena" else 4)
    for of_row in seats:
        turns = np.array(of_row)
        if name not in ("kuhn_poker", "leduc_poker"):       # games can end there before one has decided anything
            assert ((turns[1:] - turns[:-1]) % game.num_players == 1 % game.num_players).all()
    assert {seat for of_row in seats for seat in of_row} == set(range(game.num_players))


def upright(shown: Shown) -> npt.NDArray[np.int64]:
    """A controller that keeps CartPole's pole up for ever."""
    x, v, angle, spin = shown[OBSERVATIONS].T
    return np.where(0.1 * x + 0.3 * v + 3 * angle + spin > 0, 1, 0)


@pytest.mark.parametrize(("name", "options"), [("cartpole", {}), ("gymnasium", {"id": "CartPole-v1"})])
def test_what_was_seen_last_is_shown_of_a_game_that_was_cut_off(name: str, options: dict[str, Any]) -> None:
    vector = SeatVector(registry.make(name, **options), 2, {})
    shown, _ = vector.reset(seed=1)
    for step in range(1, 501):
        before = shown[OBSERVATIONS]
        shown, rewards, terminal, truncated, _ = vector.step(upright(shown))
        assert rewards.tolist() == [1, 1]
        assert not terminal.any()
        assert truncated.tolist() == [step == 500] * 2
    assert (abs(shown[OBSERVATIONS] - before) < 0.3).all()      # one step further, not another beginning
    assert (abs(shown[OBSERVATIONS]).max(axis=1) > 0.05).all()
    shown, rewards, terminal, truncated, _ = vector.step(upright(shown))
    assert (abs(shown[OBSERVATIONS]) <= 0.05).all()
    assert not np.concatenate([rewards, terminal, truncated]).any()
    vector.close()


def test_nothing_is_shown_of_a_game_that_is_over() -> None:
    vector = SeatVector(registry.make("cartpole"), 1, {})
    vector.reset(seed=1)
    over = np.zeros(1, bool)
    while not over.any():
        shown, _, over, _, _ = vector.step(np.zeros(1, np.int64))
    assert not shown[OBSERVATIONS].any()
    assert shown[MASK].all()


def history(vector: SeatVector, seed: int | None) -> list[Any]:
    game, rng = registry.make("connect_four"), np.random.default_rng(2)
    shown, _ = vector.reset(seed=seed)
    told = []
    for _ in range(40):
        told += [shown[OBSERVATIONS], shown[MASK]]
        shown, rewards, *_ = vector.step(drawn(game, shown[MASK], rng))
        told.append(rewards)
    return told


def same(first: list[Any], second: list[Any]) -> bool:
    return all(np.array_equal(*pair) for pair in zip(first, second, strict=True))


def test_the_same_seed_brings_the_same_games_and_a_reset_without_one_others() -> None:
    game = registry.make("connect_four")
    one, other = SeatVector(game, ROWS, {"random": 1.0}), SeatVector(game, ROWS, {"random": 1.0}, seed=9)
    first = history(one, 4)
    assert same(first, history(other, 4))
    assert not same(first, history(one, None))
    assert same(first, history(one, 4))
    assert not same(first, history(one, 5))


def test_a_reset_abandons_running_games() -> None:
    game = registry.make("connect_four")
    vector, rng = SeatVector(game, ROWS, {"random": 1.0}), np.random.default_rng(3)
    shown, _ = vector.reset(seed=1)
    for _ in range(3):
        shown, *_ = vector.step(drawn(game, shown[MASK], rng))
    assert max(int(row.games.lengths[0]) for row in vector.rows) > 4
    seats = [row.seat for row in vector.rows]
    vector.reset()
    assert [int(row.games.lengths[0]) for row in vector.rows] == [row.seat for row in vector.rows]
    assert [row.seat for row in vector.rows] == [1 - seat for seat in seats]


def test_rows_play_different_games() -> None:
    vector = SeatVector(registry.make("cartpole"), 2, {})
    shown, _ = vector.reset(seed=1)
    assert (shown[OBSERVATIONS][0] != shown[OBSERVATIONS][1]).all()


def test_bots_are_drawn_by_their_shares() -> None:
    vector = SeatVector(registry.make("connect_four"), 1, {"one_ply": 3.0, "random": 1.0})
    bots = []
    for _ in range(400):
        vector.reset()
        bots.append(vector.rows[0].bot)
    assert 0.65 < bots.count("one_ply") / 400 < 0.85


def test_what_cannot_be_is_one_sentence() -> None:
    game = registry.make("connect_four")
    with pytest.raises(ValueError, match="connect_four has 2 seats: bots must say who holds the others, got"):
        SeatVector(game, 1, {})
    with pytest.raises(ValueError, match="no bot 'nobody'"):
        SeatVector(game, 1, {"nobody": 1.0})
    with pytest.raises(ValueError, match="no options of a reset"):
        SeatVector(game, 1, {"random": 1.0}).reset(options={"start": 1})
