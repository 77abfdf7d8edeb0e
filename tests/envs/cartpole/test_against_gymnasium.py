"""CartPole equals Gymnasium's `CartPole-v1` step for step: observations, rewards, ends and truncations.

Both compute in float64 with the sine and cosine of their own libraries, which may differ in the last bit; an unstable
pole then doubles the difference every 0.17 s. Where the libraries agree, whole episodes are compared bit for bit; where
they do not, every step is, from the same numbers, to the last bit of a float32.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import pytest

from envs import registry
from envs.cartpole.rules import numbers_of, state_at
from native.vector import VectorGame

GAME = registry.make("cartpole")
Choose = Callable[[npt.NDArray[np.float32], np.random.Generator], int]


def libraries_agree() -> bool:
    angles = np.random.default_rng(0).uniform(-0.5, 0.5, 20_000)
    return all(math.sin(angle) == np.sin(angle) and math.cos(angle) == np.cos(angle) for angle in angles)


EXACT = libraries_agree()


def anything(observation: npt.NDArray[np.float32], rng: np.random.Generator) -> int:
    return int(rng.integers(2))


def balance(observation: npt.NDArray[np.float32], rng: np.random.Generator) -> int:
    """Balances to the end, with some random pushes on the way, so that episodes differ."""
    if rng.random() < 0.1:
        return int(rng.integers(2))
    x, x_dot, theta, theta_dot = observation.tolist()
    return int(0.5 * x + x_dot + 10 * theta + 2 * theta_dot > 0)


def run_away(observation: npt.NDArray[np.float32], rng: np.random.Generator) -> int:
    """Keeps the pole leaning to one side: the cart follows it until it leaves the track."""
    _, _, theta, theta_dot = observation.tolist()
    return int(3 * (theta - 0.03) + theta_dot > 0)


def begin(numbers: tuple[float, ...]) -> gymnasium.Env[Any, Any]:
    """Gymnasium's environment in the same state."""
    env = gymnasium.make("CartPole-v1")
    env.reset(seed=0)
    assert hasattr(env.unwrapped, "state")
    env.unwrapped.state = np.array(numbers[:4], np.float64)
    return env


def same(observation: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> None:
    if EXACT:
        assert observation.tolist() == expected.tolist()
    else:
        np.testing.assert_array_max_ulp(observation, expected, maxulp=1)


@pytest.mark.parametrize(("choose", "rows", "episodes"), [(anything, 40, 50), (balance, 12, 4), (run_away, 12, 4)])
def test_episodes(choose: Choose, rows: int, episodes: int) -> None:
    """Thousands of episodes in all, across ends and beginnings."""
    rng = np.random.default_rng(1)
    games = VectorGame(GAME, rows, seed=7)
    theirs = [begin(numbers_of(games.state(row))) for row in range(rows)]
    actions = np.zeros(rows, np.int32)
    finished, cut, left = np.zeros(rows, int), 0, 0
    while finished.min() < episodes:
        actions[:] = [choose(games.observations[row], rng) for row in range(rows)]
        games.step(actions)
        for row, env in enumerate(theirs):
            expected, reward, terminal, truncated, _ = env.step(int(actions[row]))
            assert games.rewards[row, 0] == reward
            assert (games.terminal[row], games.truncated[row]) == (terminal, truncated and not terminal)
            if terminal or truncated:
                if not terminal:
                    same(games.final_observations[row, 0], expected)
                finished[row] += 1
                cut += truncated and not terminal
                left += bool(terminal) and abs(expected[0]) > 2.4
                theirs[row] = begin(numbers_of(games.state(row)))
                continue
            same(games.observations[row], expected)
            if not EXACT:
                assert hasattr(env.unwrapped, "state")
                env.unwrapped.state = np.array(numbers_of(games.state(row))[:4])
    assert cut > 0 or choose is not balance
    assert left > 0 or choose is not run_away


@pytest.mark.parametrize("action", [0, 1])
def test_any_state(action: int) -> None:
    """Single steps from states all over the range, also at speeds that play does not reach, and over the edges."""
    rng = np.random.default_rng(2)
    ends = set()
    env = begin((0, 0, 0, 0))
    for numbers in rng.uniform(-1, 1, (3000, 4)) * (2.4, 30, 0.2094, 30):
        state = state_at(GAME, *numbers.tolist())
        env.reset(seed=0)
        assert hasattr(env.unwrapped, "state")
        env.unwrapped.state = numbers
        state.apply(action)
        expected, _, terminal, _, _ = env.step(action)
        same(state.observe(), expected)
        assert state.is_terminal == terminal
        ends.add((bool(abs(expected[0]) > 2.4), bool(abs(expected[2]) > math.radians(12))))
    assert len(ends) == 4


def test_limits_are_those_of_gymnasium() -> None:
    """At the threshold itself the game goes on; the next number beyond ends it."""
    env = gymnasium.make("CartPole-v1")
    x, theta = env.get_wrapper_attr("x_threshold"), env.get_wrapper_attr("theta_threshold_radians")
    for side in (-1, 1):
        assert not state_at(GAME, side * x, 0, side * theta, 0).is_terminal
        assert state_at(GAME, side * np.nextafter(x, 3), 0, 0, 0).is_terminal
        assert state_at(GAME, 0, 0, side * np.nextafter(theta, 1), 0).is_terminal
    assert env.spec is not None
    assert GAME.time_limit == env.spec.max_episode_steps


def test_starts_are_uniform() -> None:
    """Each number fills -0.05 .. 0.05 evenly: chi-square over 10 bins, 99.9 % quantile for 9 degrees of freedom."""
    starts = np.array([numbers_of(GAME.new_state(seed))[:4] for seed in range(4000)])
    assert np.abs(starts).max() <= 0.05
    for column in starts.T:
        counts, _ = np.histogram(column, 10, (-0.05, 0.05))
        assert ((counts - 400) ** 2 / 400).sum() < 27.9
    correlation = np.corrcoef(starts.T) - np.eye(4)
    assert np.abs(correlation).max() < 4 / math.sqrt(4000)
