"""Matches of bots, played natively."""
from __future__ import annotations

import numpy as np
import pytest

from envs import registry
from native.match import play_match


def test_a_match_is_what_its_games_are() -> None:
    """Against a loop over `State`, which draws other numbers: proportions agree."""
    game, games = registry.make("tic_tac_toe"), 1000
    match = play_match(game, "one_ply", "random", games, seed=3)
    wins = losses = 0
    rng, word = np.random.default_rng(0), 1
    for k in range(games):
        state = game.new_state()
        while not state.is_terminal:
            if state.to_act() == k % 2:
                action, word = state.bot_action("one_ply", word)
                state.apply(action)
            else:
                state.apply(int(rng.choice(state.legal_actions())))
        wins += state.rewards()[k % 2] > 0
        losses += state.rewards()[k % 2] < 0
    assert abs(match.wins - wins) < 60       # 4 deviations of the difference or more
    assert abs(match.losses - losses) < 30
    assert match.wins + match.losses + match.draws == games
    assert match.mean_return == pytest.approx((match.wins - match.losses) / games)
    assert match.metrics.shape == (2, 0)


def test_the_first_bot_takes_the_seats_in_turn() -> None:
    """The metric is seat 0's margin: it turns its sign with the seat of the better bot."""
    game = registry.make("beasty_bar")
    match = play_match(game, "heuristic", "random", 400, seed=1)
    assert match.metrics.shape == (2, 3)
    assert match.metrics[0, 0] > 5
    assert match.metrics[1, 0] < -5
    assert 21 <= match.mean_length <= 24
    assert match.mean_length == pytest.approx(match.metrics[:, 2].mean())
    mirrored = play_match(game, "random", "heuristic", 400, seed=1)
    assert mirrored.metrics[0, 0] < -5


def test_one_game_leaves_the_other_seat_without_figures() -> None:
    match = play_match(registry.make("beasty_bar"), "queue", "queue", 1, seed=0)
    assert np.isfinite(match.metrics[0]).all()
    assert np.isnan(match.metrics[1]).all()


def test_same_seed_same_match() -> None:
    game = registry.make("beasty_bar")
    first, second, third = (play_match(game, "noisy", "online", 300, seed) for seed in (7, 7, 8))
    assert first[:5] == second[:5]
    assert first[:5] != third[:5]
    assert (first.metrics == second.metrics).all()


def test_what_cannot_be_played_is_refused() -> None:
    game = registry.make("tic_tac_toe")
    with pytest.raises(ValueError, match="at least 1 game, got 0"):
        play_match(game, "random", "one_ply", 0, 1)
    with pytest.raises(ValueError, match="tic_tac_toe has no bot 'lazy'"):
        play_match(game, "random", "lazy", 1, 1)
