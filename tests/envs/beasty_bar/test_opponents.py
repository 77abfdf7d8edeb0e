"""The ten opponents: strength against random and each other as measured upstream, ties, noise, more seats."""
from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from envs import registry
from envs.beasty_bar.bots import action_scores
from envs.beasty_bar.positions import from_dict
from native.game import State
from native.match import Match, play_match

GAME = registry.make("beasty_bar")
GAMES = 2000
MARGIN_DEVIATION = 5.6      # of one game, points

# Won, lost, drawn against `random` and the mean points margin: 600 games with Beasty Bar's upstream opponents.
AGAINST_RANDOM = {
    "random": (285, 245, 70, 0.19),
    "heuristic": (532, 42, 26, 7.18),
    "aggressive": (524, 46, 30, 7.25),
    "defensive": (507, 62, 31, 6.00),
    "queue": (520, 52, 28, 6.67),
    "skunk": (520, 56, 24, 6.98),
    "noisy": (533, 44, 23, 7.21),
    "online": (529, 38, 33, 7.63),
    "outcome_heuristic": (550, 33, 17, 8.18),
    "distilled_outcome": (551, 29, 20, 8.44),
}

# Won and lost by the first against the second in 300 games.
AMONG_THEMSELVES = {
    ("heuristic", "aggressive"): (130, 145),
    ("heuristic", "defensive"): (158, 114),
    ("aggressive", "distilled_outcome"): (109, 167),
    ("defensive", "online"): (92, 179),
    ("queue", "noisy"): (131, 135),
    ("skunk", "outcome_heuristic"): (105, 174),
    ("online", "outcome_heuristic"): (126, 143),
    ("outcome_heuristic", "distilled_outcome"): (127, 143),
}


def standard_errors(hits: int, games: int, told_hits: int, told_games: int) -> float:
    """By how many standard errors two measured proportions differ."""
    pooled = (hits + told_hits) / (games + told_games)
    error = math.sqrt(pooled * (1 - pooled) * (1 / games + 1 / told_games))
    return abs(hits / games - told_hits / told_games) / error


def margin(match: Match) -> float:
    """Mean points margin of A; the metric is seat 0's."""
    return float(match.metrics[0, 0] - match.metrics[1, 0]) / 2


@pytest.mark.parametrize("bot", AGAINST_RANDOM)
def test_against_random(bot: str) -> None:
    """Within 95 % intervals of the recorded proportions (the seed is fixed)."""
    won, lost, drawn, points = AGAINST_RANDOM[bot]
    match = play_match(GAME, bot, "random", GAMES, seed=0)
    assert match.wins + match.losses + match.draws == GAMES
    for hits, told in ((match.wins, won), (match.losses, lost), (match.draws, drawn)):
        assert standard_errors(hits, GAMES, told, 600) < 1.96
    assert abs(margin(match) - points) < 1.96 * MARGIN_DEVIATION * math.sqrt(1 / GAMES + 1 / 600)
    assert match.mean_return == pytest.approx((match.wins - match.losses) / GAMES)


@pytest.mark.parametrize("pair", AMONG_THEMSELVES)
def test_among_themselves(pair: tuple[str, str]) -> None:
    """Eight pairs, so each within its 99.4 % interval: together 95 %."""
    won, lost = AMONG_THEMSELVES[pair]
    match = play_match(GAME, *pair, GAMES, seed=0)
    assert standard_errors(match.wins, GAMES, won, 300) < 2.75
    assert standard_errors(match.losses, GAMES, lost, 300) < 2.75


def test_random_play_has_the_recorded_figures() -> None:
    """10 000 games: seat 0 won 4643, seat 1 4275, lengths 21 to 24, 17.84 points admitted."""
    lengths: Counter[int] = Counter()
    word = won = lost = 0
    for seed in range(1500):
        state = GAME.new_state(seed)
        while not state.is_terminal:
            action, word = state.bot_action("random", word)
            state.apply(action)
        lengths[int(state.metrics()["game_length"])] += 1
        won += state.rewards()[0] > 0
        lost += state.rewards()[0] < 0
    assert standard_errors(won, 1500, 4643, 10_000) < 1.96
    assert standard_errors(lost, 1500, 4275, 10_000) < 1.96
    for length, told in ((21, 942), (22, 3422), (23, 3068), (24, 2568)):
        assert standard_errors(lengths[length], 1500, told, 10_000) < 2.5     # four of them: 95 % together
    assert sum(lengths.values()) == sum(lengths[length] for length in (21, 22, 23, 24))


def test_the_best_is_played_and_ties_are_broken_uniformly() -> None:
    states = []
    state, word = GAME.new_state(2), 1
    while not state.is_terminal:
        states.append(state.clone())
        action, word = state.bot_action("random", word)
        state.apply(action)
    tied = 0
    for state in states:
        for bot in GAME.bot_names:
            if bot in ("random", "noisy"):
                continue
            actions, scores = action_scores(state, bot)
            best = set(actions[scores >= scores.max() - 1e-6].tolist())
            counts: Counter[int] = Counter()
            for word in range(200 * len(best) if len(best) > 1 else 3):
                counts[int(state.bot_action(bot, word)[0][0])] += 1
            assert set(counts) == best
            if len(best) > 1:
                tied += 1
                chi_square = sum((count - 200) ** 2 / 200 for count in counts.values())
                assert chi_square < {2: 10.9, 3: 13.9, 4: 16.3}[len(best)]      # 99.9 %
    assert tied > 10


def two_close_actions() -> tuple[State, int, float]:
    """A state with two legal actions whose scores differ a little, the better action and the difference."""
    for seed in range(500):
        state, word = GAME.new_state(seed), seed
        while not state.is_terminal:
            actions, scores = action_scores(state, "noisy")
            if len(actions) == 2 and 0.05 < np.ptp(scores) < 0.3:
                return state, int(actions[scores.argmax()]), float(np.ptp(scores))
            action, word = state.bot_action("random", word)
            state.apply(action)
    raise AssertionError("no such state in 500 games")


def test_noise_has_the_stated_size() -> None:
    """Two actions whose scores differ by d: the better one is played with probability Phi(d / (0.15 sqrt 2))."""
    state, better, difference = two_close_actions()
    trials, hits, word = 6000, 0, 1
    for _ in range(trials):
        action, word = state.bot_action("noisy", word)
        hits += int(action[0]) == better
    expected = 0.5 * (1 + math.erf(difference / 0.15 / 2))
    assert abs(hits / trials - expected) < 3.3 * math.sqrt(expected * (1 - expected) / trials)


def test_random_is_uniform() -> None:
    state = from_dict(GAME, {"q": [102, 3, 105], "bar": [], "out": [], "h": [[5, 2, 9, 4], [1]], "d": [[], []],
                             "p": 0, "t": 4})
    counts = Counter(int(state.bot_action("random", word)[0][0]) for word in range(4000))
    assert sorted(counts) == state.legal_actions()
    assert len(counts) == 10
    assert sum((count - 400) ** 2 / 400 for count in counts.values()) < 27.9      # 99.9 %


@pytest.mark.parametrize("players", [3, 4])
def test_more_seats(players: int) -> None:
    """One opponent among random ones does better than its share."""
    game = registry.make("beasty_bar", players=players)
    for bot in GAME.bot_names[1:]:
        match = play_match(game, bot, "random", 600, seed=1)
        assert match.wins > 1.3 * 600 / players
        assert match.mean_return > 0.2
        assert np.isfinite(match.metrics).all()


def test_scores_only_where_there_are_any() -> None:
    with pytest.raises(ValueError, match="no scores of 'random'; there are those of heuristic, aggressive"):
        action_scores(GAME.new_state(), "random")
    finished = from_dict(GAME, {"q": [], "bar": [], "out": [], "h": [[1], [2]], "d": [[], []], "p": 0, "t": 20})
    with pytest.raises(ValueError, match="the game is over"):
        action_scores(finished, "heuristic")
