"""Environments of Gymnasium through the adapter: against Gymnasium played by hand, row by row.

Letters: N environments, H heads.
"""
from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import pytest
from gymnasium import spaces

from actors.policy import NetworkPolicy
from envs import registry
from envs.adapters.gymnasium.vector import FIRST_HISTORY, GymnasiumVector
from envs.adapters.vectors import Vector, make_vector
from learners.chunk import seal, validate
from learners.network_config import Network
from learners.networks import build_network, read_weights
from native.unroll import UnrollAssembler
from native.vector import VectorGame

NOISE = np.random.default_rng()


class Walk(gymnasium.Env[npt.NDArray[Any], Any]):
    """A walk on pixels: two heads that count from 1 and from 5, an end of its own and a cut of its own.

    The observation `[2, 3]` is uint8, 0 to 200; `repeats` false makes it depend on more than seed and actions.
    """

    def __init__(self, most: int = 40, repeats: bool = True) -> None:
        self.observation_space = spaces.Box(0, 200, (2, 3), np.uint8)
        self.action_space = spaces.MultiDiscrete(np.array([3, 2]), start=np.array([1, 5]))
        self.most, self.repeats = most, repeats
        self.steps, self.place = 0, 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[Any], dict[str, Any]]:
        super().reset(seed=seed)
        self.steps, self.place = 0, int(self.np_random.integers(10, 30))
        return self._seen(), {}

    def step(self, action: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), action
        self.steps += 1
        self.place += int(action[0]) * (1 if action[1] == 6 else -1) + int(self.np_random.integers(2))
        return self._seen(), 0.5 * int(action[0]), not 0 < self.place < self.most, self.steps == 12, {}

    def _seen(self) -> npt.NDArray[Any]:
        noise = 0 if self.repeats else NOISE.integers(1, 100)
        return np.full((2, 3), max(self.place, 0) + noise).astype(np.uint8)


class Strange(gymnasium.Env[Any, Any]):
    """An environment of any spaces, to be refused or not."""

    SPACES: tuple[Any, Any] = (None, None)

    def __init__(self) -> None:
        self.observation_space, self.action_space = self.SPACES


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    gymnasium.register("Walk-v0", entry_point=f"{__name__}:Walk", max_episode_steps=10)
    gymnasium.register("Strange-v0", entry_point=f"{__name__}:Strange")
    yield
    for id in ("Walk-v0", "Strange-v0"):
        del gymnasium.registry[id]


def seed_of(seed: int, row: int, episode: int) -> int:
    """What begins a row's episode."""
    return int(np.random.SeedSequence(seed, spawn_key=(row, episode)).generate_state(1)[0]) % 2**31


def by_hand(env: gymnasium.Env[Any, Any], action: npt.NDArray[np.int32]) -> tuple[Any, float, bool, bool]:
    """One step, the numbers of the game's heads turned into the environment's."""
    space = env.action_space
    assert isinstance(space, spaces.Discrete | spaces.MultiDiscrete)
    chosen = int(action[0] + space.start) if isinstance(space, spaces.Discrete) else space.start + action
    seen, reward, terminal, truncated, _ = env.step(chosen)
    return seen, float(reward), terminal, truncated


@pytest.mark.parametrize(("options", "limit"), [
    ({"id": "CartPole-v1"}, None),
    ({"id": "CartPole-v1", "arguments": {"sutton_barto_reward": True}}, 20),
    ({"id": "Walk-v0"}, None),
    ({"id": "Walk-v0"}, 7),
    ({"id": "Walk-v0", "arguments": '{"most": 3000}'}, 20),
])
def test_episodes(options: dict[str, Any], limit: int | None) -> None:
    """Every row shows what its environment, stepped alone and begun with the row's seed, shows."""
    game = registry.make("gymnasium", **options)
    vector = make_vector(game, 5, 11, limit)
    arguments = {"most": 3000} if isinstance(options.get("arguments"), str) else options.get("arguments", {})
    alone = [gymnasium.make(options["id"], max_episode_steps=limit, **arguments) for _ in range(5)]
    episodes, lengths, returns = [1] * 5, [0] * 5, [0.0] * 5
    for row, env in enumerate(alone):
        assert (vector.observations[row] == env.reset(seed=seed_of(11, row, 0))[0]).all()
    actions = np.zeros((5, len(game.head_sizes)), np.int32)
    ends = set()
    for _ in range(150):
        vector.random_actions(actions)
        assert (actions < game.head_sizes).all()
        vector.step(actions)
        for row, env in enumerate(alone):
            seen, reward, terminal, truncated = by_hand(env, actions[row])
            lengths[row] += 1
            returns[row] += reward
            assert vector.rewards[row, 0] == reward
            assert (vector.terminal[row], vector.truncated[row]) == (terminal, truncated and not terminal)
            if terminal or truncated:
                ends.add((terminal, truncated))
                assert (vector.episode_lengths[row], vector.episode_returns[row, 0]) == (lengths[row], returns[row])
                if not terminal:
                    assert (vector.final_observations[row, 0] == seen).all()
                seen, _ = env.reset(seed=seed_of(11, row, episodes[row]))
                episodes[row], lengths[row], returns[row] = episodes[row] + 1, 0, 0.0
            assert (vector.observations[row] == seen).all()
        assert (vector.lengths.tolist(), vector.returns[:, 0].tolist()) == (lengths, returns)
        assert vector.episodes.tolist() == episodes
    assert ends
    assert limit is None or (False, True) in ends


def test_an_end_at_the_limit_is_an_end() -> None:
    """Gymnasium then says both; what has ended on its own is not bootstrapped from."""
    vector = make_vector(registry.make("gymnasium", id="CartPole-v1"), 60, time_limit=9)
    for _ in range(9):
        vector.step(np.ones(60, np.int32))
        assert not (vector.terminal & vector.truncated).any()
    ninth = vector.episode_lengths == 9
    assert vector.terminal[ninth].any()
    assert vector.truncated[ninth].any()
    assert (vector.terminal[ninth] != vector.truncated[ninth]).all()
    assert (np.abs(vector.final_observations[vector.truncated == 1, 0, 2]) < 0.2095).all()


def test_facts() -> None:
    game = registry.make("gymnasium", id="Walk-v0")
    assert (game.name, game.num_players, game.head_sizes, game.num_actions) == ("gymnasium", 1, (3, 2), 5)
    assert (game.observation_shape, str(game.observation_dtype)) == ((2, 3), "uint8")
    assert game.observation_scale is not None
    np.testing.assert_allclose(game.observation_scale, np.full((2, 3), 1 / 200))
    assert (game.time_limit, game.max_length) == (10, 10)
    cartpole = registry.make("gymnasium", id="CartPole-v1")
    assert (str(cartpole.observation_dtype), cartpole.time_limit) == ("float32", 500)
    assert cartpole.observation_scale is not None
    np.testing.assert_allclose(cartpole.observation_scale, [1 / 4.8, 1, 1 / 0.41887903, 1])     # speeds have no bound
    assert game != cartpole
    assert len({game, cartpole, registry.make("gymnasium", id="Walk-v0", arguments={})}) == 2
    assert pickle.loads(pickle.dumps(game)) == game
    assert registry.make("gymnasium", **game.options) == game


@pytest.mark.parametrize(("seen", "actions", "shape", "dtype", "scale"), [
    (spaces.Box(-1, 1, (), np.float64), spaces.Discrete(2), (1,), "float32", None),
    (spaces.Box(-3e38, 3e38, (2,), np.float32), spaces.Discrete(2), (2,), "float32", None),
    (spaces.Box(-0.5, 0.25, (2,), np.float32), spaces.Discrete(2), (2,), "float32", 2),
    (spaces.Box(-5, 9, (3,), np.int64), spaces.Discrete(2), (3,), "float32", 1 / 9),
    (spaces.Box(-5, 9, (3, 1), np.int16), spaces.Discrete(2, start=-1), (3, 1), "int16", 1 / 9),
])
def test_other_types(
    seen: Any, actions: Any, shape: tuple[int, ...], dtype: str, scale: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Strange, "SPACES", (seen, actions))
    game = registry.make("gymnasium", id="Strange-v0")
    assert (game.observation_shape, str(game.observation_dtype), game.time_limit) == (shape, dtype, 0)
    assert (game.observation_scale is None) == (scale is None)
    if game.observation_scale is not None and scale is not None:
        np.testing.assert_allclose(game.observation_scale, scale)


@pytest.mark.parametrize(("seen", "actions", "complaint"), [
    (spaces.Box(0, 1, (1, 1, 1, 1, 1)), spaces.Discrete(2), "expected a Box of at most 4 dimensions"),
    (spaces.Discrete(4), spaces.Discrete(2), r"shows Discrete\(4\), expected a Box"),
    (spaces.Box(0, 1, (2,)), spaces.Box(0, 1, (2,)), "takes actions Box.*expected Discrete"),
    (spaces.Box(0, 1, (2,)), spaces.MultiDiscrete([2] * 9), "at most 8 numbers"),
    (spaces.Box(0, 1, (2,)), spaces.MultiDiscrete(np.full((2, 2), 3)), "at most 8 numbers"),
])
def test_spaces_that_are_refused(
    seen: Any, actions: Any, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Strange, "SPACES", (seen, actions))
    with pytest.raises(ValueError, match=f"(?s)gymnasium: Strange-v0.*{complaint}"):
        registry.make("gymnasium", id="Strange-v0")


@pytest.mark.parametrize(("options", "complaint"), [
    ({}, "id must name an environment, such as CartPole-v1, got None"),
    ({"id": "CartPol-v1"}, "cannot make 'CartPol-v1' with no arguments: .*Did you mean: `CartPole`"),
    ({"id": "no_such_module:Game-v0"}, "no_such_module"),
    ({"id": "CartPole-v1", "arguments": {"wheels": 3}}, "wheels"),
    ({"id": "CartPole-v1", "arguments": "[1]"}, r"arguments must be names with plain values, got '\[1\]'"),
    ({"id": "CartPole-v1", "arguments": "{"}, "arguments must be names with plain values"),
    ({"id": "CartPole-v1", "arguments": {"a": object()}}, "arguments must be names with plain values"),
    ({"wheels": 3}, "gymnasium has no option 'wheels'; it has id, arguments"),
])
def test_environments_that_are_not_there(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        registry.make("gymnasium", **options)


def walk(seed: int = 3, **arguments: Any) -> GymnasiumVector:
    vector = make_vector(registry.make("gymnasium", id="Walk-v0", arguments=arguments), 4, seed)
    assert isinstance(vector, GymnasiumVector)
    return vector


def play(vector: Vector, steps: int) -> list[tuple[Any, ...]]:
    """All that is shown on the way."""
    actions, told = np.zeros((vector.num_games, len(vector.game.head_sizes)), np.int32), []
    for _ in range(steps):
        vector.random_actions(actions)
        vector.step(actions)
        told.append((actions.tolist(), vector.observations.tolist(), vector.rewards.tolist(),
                     vector.terminal.tolist(), vector.truncated.tolist(), vector.returns.tolist(),
                     vector.lengths.tolist(), vector.episodes.tolist()))
    return told


def test_same_seed_same_play() -> None:
    vector = walk()
    first = play(vector, 40)
    assert play(walk(), 40) == first
    assert play(walk(4), 40) != first
    vector.reset()
    assert play(vector, 40) == first
    vector.reset(4)
    assert play(vector, 40) == play(walk(4), 40)


@pytest.mark.parametrize("steps", [0, 1, 33])
def test_saved_and_continued(steps: int) -> None:
    """From what was saved, a vector that has played something else goes on as the first one does."""
    vector, other = walk(), walk(8)
    play(vector, steps)
    play(other, 5)
    saved = vector.save()
    onwards = play(vector, 50)
    other.load(saved)
    for array in (other.terminal, other.truncated, other.rewards):
        assert not array.any()
    assert play(other, 50) == onwards


def test_long_episodes_are_remembered() -> None:
    vector, other = (
        make_vector(registry.make("gymnasium", id="CartPole-v1"), 2, seed, time_limit=0) for seed in (1, 2)
    )
    actions, longest = np.zeros(2, np.int32), 2 * FIRST_HISTORY + 5
    for _ in range(longest):
        x, x_dot, theta, theta_dot = vector.observations.T
        actions[:] = 0.5 * x + x_dot + 10 * theta + 2 * theta_dot > 0
        vector.step(actions)
    assert vector.lengths.tolist() == [longest] * 2
    other.load(vector.save())
    assert other.observations.tolist() == vector.observations.tolist()
    assert other.returns.tolist() == [[longest]] * 2


def test_what_does_not_repeat_itself_is_not_continued() -> None:
    vector = walk(repeats=False)
    play(vector, 3)
    with pytest.raises(ValueError, match="row 0: the environment does not repeat itself with the same seed"):
        walk(repeats=False).load(vector.save())


@pytest.mark.parametrize(("name", "wrong", "complaint"), [
    ("history", None, "saved has no 'history', only bot_rng, episodes, lengths, observations, seed"),
    ("lengths", np.zeros(3, np.int32), r"lengths must be int32 \(4,\), got int32 \(3,\)"),
    ("history", np.zeros((4, 9, 1), np.int32), r"history must be int32 \(4, 9, 2\), got int32 \(4, 9, 1\)"),
    ("seed", np.zeros(1, np.int64), "seed must be uint64"),
])
def test_saved_arrays_are_checked(name: str, wrong: npt.NDArray[Any] | None, complaint: str) -> None:
    vector = walk()
    before, saved = play(vector, 5)[-1], vector.save()
    del saved[name]
    if wrong is not None:
        saved[name] = wrong
    with pytest.raises(ValueError, match=complaint):
        vector.load(saved)
    assert vector.observations.tolist() == before[1]


@pytest.mark.parametrize(("actions", "complaint"), [
    (np.zeros((4, 2), np.int64), r"int32 array of shape \(4, 2\), got int64 \(4, 2\)"),
    (np.zeros(4, np.int32), r"shape \(4, 2\), got int32 \(4,\)"),
    ([[0, 0]] * 4, "got list"),
    (np.array([[0, 0], [0, 1], [1, 2], [0, 0]], np.int32), "row 2, head 1: actions are 0 to 1, got 2"),
    (np.array([[0, 0], [-1, 1], [1, 2], [0, 0]], np.int32), "row 1, head 0: actions are 0 to 2, got -1"),
])
def test_actions_are_checked(actions: Any, complaint: str) -> None:
    vector = walk()
    before = vector.observations.copy()
    with pytest.raises(ValueError, match=complaint):
        vector.step(actions)
    assert (vector.observations == before).all()
    assert not vector.lengths.any()


def test_bots_are_checked() -> None:
    vector, actions = walk(), np.full((4, 2), 9, np.int32)
    with pytest.raises(ValueError, match="has no bot 'balancer'"):
        vector.bot_actions("balancer", [0], actions)
    with pytest.raises(ValueError, match="seats must be None"):
        vector.bot_actions("random", [0], actions, [0])
    for row in (-1, 4):
        with pytest.raises(ValueError, match=f"rows must be 0 to 3, got {row}"):
            vector.bot_actions("random", [row], actions)
    vector.bot_actions("random", [], actions)
    vector.bot_actions("random", [2], actions)
    assert (actions[[0, 1, 3]] == 9).all()
    assert (actions[2] < (3, 2)).all()


@pytest.mark.parametrize(("arguments", "complaint"), [
    ((0,), "num_games must be at least 1, got 0"),
    ((1, -1), "seed must be 0 to 2\\*\\*64 - 1, got -1"),
    ((1, 0, -1), "time_limit must be at least 0, got -1"),
])
def test_arguments_are_checked(arguments: tuple[int, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        make_vector(registry.make("gymnasium", id="CartPole-v1"), *arguments)


def test_no_states() -> None:
    """What needs states is refused in words, or refuses every action; a game with states gets a native vector."""
    game = registry.make("gymnasium", id="CartPole-v1")
    with pytest.raises(ValueError, match="has no states: an environment of Gymnasium is stepped by make_vector alone"):
        game.new_state()
    with pytest.raises(ValueError, match="has no states"):
        game.from_bytes(b"")
    assert isinstance(make_vector(registry.make("cartpole"), 2), VectorGame)


def test_unrolls_of_a_network() -> None:
    """A network plays; what is assembled fits the learner, and a cut episode is bootstrapped from its last view."""
    game = registry.make("gymnasium", id="Walk-v0")
    network = Network(hidden=(8,))
    policy = NetworkPolicy(game, network)
    policy.load(0, read_weights(build_network(network, game, seed=1)))
    vector, assembler = make_vector(game, 4, 2), UnrollAssembler(game, 4, 10, 8, 0.9)
    lanes, rng = np.arange(4, dtype=np.int32), np.zeros(1, np.uint64)
    actions, log_probs = np.zeros((4, 2), np.int32), np.zeros((4, 2), np.float32)
    cut = []
    while not len(assembler):
        policy.act(vector.observations, vector.legal, rng, 1.0, actions, log_probs)
        assembler.record(lanes, vector.observations, vector.legal, actions, log_probs, 0)
        vector.step(actions)
        assembler.settle(lanes[:, None], vector.rewards, vector.terminal, vector.truncated, vector.final_observations)
        cut += vector.final_observations[vector.truncated == 1, 0].tolist()
    chunk = seal(assembler.take(), chunk_id="c", producer="p", sequence=0, match_id="m", player="main", game=game)
    validate(chunk, game)
    skipped = chunk.columns["observation"][:-1][chunk.columns["valid"][:-1] == 0].tolist()
    assert skipped
    assert all(seen in cut for seen in skipped)
