"""CartPole's scripted player, its bound, what is seen of it, and states made by hand."""
from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from envs import registry
from envs.cartpole.rules import numbers_of, state_at
from native.vector import VectorGame

GAME = registry.make("cartpole")


def test_balancer_reaches_the_limit() -> None:
    """From drawn starts, and from the corners of what can be drawn, to the bound of a single state."""
    games = VectorGame(GAME, 200, seed=3)
    actions = np.zeros(200, np.int32)
    for _ in range(500):
        assert not (games.terminal | games.truncated).any()
        games.bot_actions("balancer", np.arange(200), actions)
        games.step(actions)
    assert games.truncated.all()
    assert (games.episode_returns == 500).all()
    for x, x_dot, theta, theta_dot in itertools.product((-0.05, 0.05), repeat=4):
        state, word = state_at(GAME, x, x_dot, theta, theta_dot), 1
        for _ in range(GAME.max_length):
            assert not state.is_terminal
            action, word = state.bot_action("balancer", word)
            state.apply(action)
        assert state.is_terminal
        assert state.rewards().tolist() == [1]


def test_random_play_falls_early() -> None:
    """As long as 15 000 episodes of Gymnasium's: 22.21 steps, standard deviation 11.68; within four standard errors."""
    games = VectorGame(GAME, 400, seed=5)
    actions = np.zeros(400, np.int32)
    lengths: list[list[int]] = [[] for _ in range(400)]
    while min(map(len, lengths)) < 20:
        games.random_actions(actions)
        games.step(actions)
        for row in np.flatnonzero(games.terminal).tolist():
            lengths[row].append(int(games.episode_lengths[row]))
    counted = np.array([row[:20] for row in lengths])       # the first of each row: long ones are not left out
    assert abs(counted.mean() - 22.21) < 4 * 11.68 * math.sqrt(1 / counted.size + 1 / 15_000)


def test_states_by_hand() -> None:
    numbers = (0.25, -1.5, 0.125, 2.0, 7)
    state = state_at(GAME, *numbers)
    assert numbers_of(state) == numbers
    assert state.observe().tolist() == list(numbers[:4])
    assert state_at(GAME, 0, 0, 0, 0).rewards().tolist() == [0]
    assert state_at(GAME, 0, 0, 0, 0, 1000).is_terminal
    with pytest.raises(ValueError, match="finite numbers, got nan"):
        state_at(GAME, 0, math.nan, 0, 0)
    with pytest.raises(ValueError, match="steps must be 0 to 1000, got 1001"):
        state_at(GAME, 0, 0, 0, 0, 1001)
    other = registry.make("tic_tac_toe")
    with pytest.raises(ValueError, match="asked of tic_tac_toe"):
        state_at(other, 0, 0, 0, 0)
    with pytest.raises(ValueError, match="got one of tic_tac_toe"):
        numbers_of(other.new_state())


def test_scale_brings_a_lost_pole_to_one() -> None:
    scaled = state_at(GAME, 2.4, 3, math.radians(12), -3).observe() * GAME.observation_scale
    np.testing.assert_allclose(scaled, [1, 1, 1, -1], rtol=1e-6)


def test_text() -> None:
    render = registry.render("cartpole")
    track = "-" * 24
    assert render.to_text(state_at(GAME, 0, 0, 0, 0, 3)).splitlines() == [
        *[" " * 24 + "|"] * 5, f"{track}#{track}", "balancing, step 3, cart +0.00 m, pole +0.0 degrees"
    ]
    leaning = render.to_text(state_at(GAME, -1, 0, 0.2, 0)).splitlines()
    assert [line.index("|") for line in leaning[:5]] == [18, 17, 16, 16, 15]
    assert leaning[5].index("#") == 14
    assert leaning[5].index("+") == 24
    assert render.to_text(state_at(GAME, 0, 0, -0.3, 0)).endswith("the pole has fallen, step 0, cart +0.00 m, pole "
                                                                  "-17.2 degrees")
    assert "the cart has left the track" in render.to_svg(state_at(GAME, 2.5, 0, 0, 0))
    assert "still balanced at the end" in render.to_svg(state_at(GAME, 0, 0, 0, 0, 1000))


def test_pushes_in_words() -> None:
    notation, state = registry.notation("cartpole"), GAME.new_state()
    assert [notation.action_from_text(state, word) for word in ("left", " Right ")] == [0, 1]
    with pytest.raises(ValueError, match="no move 'left' here, expected none"):
        notation.action_from_text(state_at(GAME, 3, 0, 0, 0), "left")
