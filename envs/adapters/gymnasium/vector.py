"""N environments of Gymnasium side by side, stepped as `native.vector.VectorGame` steps games.

A row that ends begins its next episode in the same step: rewards, `terminal` and `truncated` are the finished
episode's, observations the new one's; the last observation of a truncated episode is in `final_observations`. Letters:
N environments, A actions of all heads, H heads.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from envs.adapters.gymnasium.environment import open_environment
from envs.adapters.gymnasium.rules import GymnasiumGame
from native.sampling import sample

FIRST_HISTORY = 64      # steps of each row for which there is room at first
SEED_MASK = 2**31 - 1   # some environments take seeds of no more bits


class GymnasiumVector:
    """`num_games` environments of one kind; attributes and arguments are those of `VectorGame`, where there are states.

    Row i's e-th episode is begun by `reset` with a number made of (`seed`, i, e). Of an environment that keeps
    Gymnasium's promise to depend on that number and its actions alone, `save` needs to keep no more than the actions of
    the running episodes: `load` plays them again.
    """

    def __init__(self, game: GymnasiumGame, num_games: int, seed: int = 0, time_limit: int | None = None) -> None:
        limit = game.time_limit if time_limit is None else time_limit
        if num_games < 1:
            raise ValueError(f"num_games must be at least 1, got {num_games}")
        if limit < 0:
            raise ValueError(f"time_limit must be at least 0, got {limit}")
        self.game, self.num_games, self.time_limit = game, num_games, limit
        heads, shape = len(game.head_sizes), (num_games, *game.observation_shape)
        self.to_act = np.zeros(num_games, np.int32)
        self.observations = np.zeros(shape, game.observation_dtype)
        self.legal = np.ones((num_games, game.num_actions), np.uint8)
        self.num_legal = np.full(num_games, game.num_actions, np.int32)
        self.rewards = np.zeros((num_games, 1), np.float32)
        self.terminal = np.zeros(num_games, np.uint8)
        self.truncated = np.zeros(num_games, np.uint8)
        self.final_observations = np.zeros((num_games, 1, *game.observation_shape), game.observation_dtype)
        self.episode_returns = np.zeros((num_games, 1), np.float32)
        self.episode_lengths = np.zeros(num_games, np.int32)
        self.metrics = np.zeros((num_games, 0), np.float32)
        self.lengths = np.zeros(num_games, np.int32)
        self.returns = np.zeros((num_games, 1), np.float32)
        self.episodes = np.zeros(num_games, np.int64)
        self.bot_rng = np.zeros(1, np.uint64)
        self._every_row = np.arange(num_games)
        self._sizes, self._first = np.array(game.head_sizes), np.array(game.first_actions)
        self._history = np.zeros((num_games, FIRST_HISTORY, heads), np.int32)
        options = game.options
        self._environments = [
            open_environment(options["id"], options["arguments"], limited=False) for _ in range(num_games)
        ]
        self.reset(seed)

    def reset(self, seed: int | None = None) -> None:
        """Begins all anew, as just made, with the same seed or another one (0 .. 2**64 - 1)."""
        if seed is not None:
            if not 0 <= seed < 2**64:
                raise ValueError(f"seed must be 0 to 2**64 - 1, got {seed}")
            self.seed = int(seed)
        self.bot_rng[0] = self.seed
        self.episodes[:] = 0
        self._clear()
        for row in range(self.num_games):
            self._begin(row)

    def step(self, actions: npt.NDArray[np.int32]) -> None:
        """Plays one action in every row; `actions` int32 `[N, H]`, or `[N]` if H is 1.

        Raises ValueError naming row and value, with nothing changed, for a wrong shape or dtype or an action that is
        out of range.
        """
        played = self._checked(actions)
        wrong = np.argwhere((played < 0) | (played >= self._sizes))
        if wrong.size:
            row, head = wrong[0].tolist()
            raise ValueError(f"{self.game!r}, row {row}, head {head}: actions are 0 to {self._sizes[head] - 1}, "
                             f"got {played[row, head]}")
        self._remember(played)
        numbers = (played + self._first).astype(np.int64)
        alone = numbers[:, 0].tolist() if numbers.shape[1] == 1 else None
        observations, rewards = self.observations, self.rewards
        terminal, truncated = self.terminal, self.truncated
        for row, environment in enumerate(self._environments):
            seen, reward, over, cut, _ = environment.step(numbers[row] if alone is None else alone[row])
            observations[row], rewards[row, 0], terminal[row], truncated[row] = seen, reward, over, cut
        self.lengths += 1
        self.returns += rewards
        if self.time_limit:
            truncated |= self.lengths >= self.time_limit
        truncated &= terminal ^ 1       # what has ended on its own is not cut off
        for row in np.flatnonzero(terminal | truncated).tolist():
            self.final_observations[row, 0] = observations[row]
            self.episode_returns[row], self.episode_lengths[row] = self.returns[row], self.lengths[row]
            self._begin(row)

    def random_actions(self, actions: npt.NDArray[np.int32]) -> None:
        """Fills `actions` (as `step` takes them) with uniformly random ones, drawn from `bot_rng`."""
        self.bot_actions("random", self._every_row, actions)

    def bot_actions(
        self,
        bot: str,
        rows: npt.ArrayLike,
        actions: npt.NDArray[np.int32],
        seats: npt.ArrayLike | None = None,
    ) -> None:
        """Fills `actions` in `rows`; the only player without a network is "random". `seats` must be None.

        Raises ValueError for another bot, a row out of range, or seats.
        """
        if bot != "random":
            raise ValueError(f"{self.game!r} has no bot {bot!r}; it has random alone")
        if seats is not None:
            raise ValueError(f"{self.game!r} has one seat: seats must be None, got {seats}")
        chosen = np.asarray(rows, np.int64)
        wrong = chosen[(chosen < 0) | (chosen >= self.num_games)]
        if wrong.size:
            raise ValueError(f"rows must be 0 to {self.num_games - 1}, got {wrong[0]}")
        uniform = np.zeros((chosen.size, self.game.num_actions), np.float32)
        drawn, _ = sample(uniform, self.legal[chosen], 1.0, self.bot_rng, head_sizes=self.game.head_sizes)
        self._checked(actions)[chosen] = drawn

    def save(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of all that the future depends on, by name; `load` continues from them."""
        longest = int(self.lengths.max())
        return {
            "seed": np.array([self.seed], np.uint64),
            "bot_rng": self.bot_rng.copy(),
            "episodes": self.episodes.copy(),
            "lengths": self.lengths.copy(),
            "history": self._history[:, :longest].copy(),
            "observations": self.observations.copy(),
        }

    def load(self, saved: Mapping[str, npt.NDArray[Any]]) -> None:
        """Continues from what `save` of a vector of the same game and size returned; the latest step's results are 0.

        Raises ValueError for a missing array or a wrong shape or dtype, with nothing changed; and if an environment,
        begun with the same number and given the same actions, does not show what it showed: it cannot be continued.
        """
        given = {name: self._fitting(saved, name, own) for name, own in self.save().items()}
        self.seed = int(given["seed"][0])
        self.bot_rng[:] = given["bot_rng"]
        self.episodes[:] = given["episodes"] - 1
        self._history = np.zeros((self.num_games, max(FIRST_HISTORY, given["history"].shape[1]), len(self._sizes)),
                                 np.int32)
        self._history[:, : given["history"].shape[1]] = given["history"]
        self._clear()
        for row, length in enumerate(given["lengths"].tolist()):
            self._begin(row)
            for number in self._history[row, :length] + self._first:
                action = int(number[0]) if number.size == 1 else number.astype(np.int64)
                seen, reward, *_ = self._environments[row].step(action)
                self.observations[row] = seen
                self.returns[row] += np.float32(reward)
            self.lengths[row] = length
        different = np.argwhere(self.observations != given["observations"])
        if different.size:
            raise ValueError(f"{self.game!r}, row {different[0, 0]}: the environment does not repeat itself with the "
                             "same seed and actions; what was saved of it cannot be continued")

    def close(self) -> None:
        """Closes the environments, which may hold windows or processes of their own."""
        for environment in self._environments:
            environment.close()  # type: ignore[no-untyped-call]

    def _clear(self) -> None:
        for array in (self.rewards, self.terminal, self.truncated):
            array.fill(0)

    def _begin(self, row: int) -> None:
        """The row's next episode."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(row, int(self.episodes[row])))
        self.observations[row], _ = self._environments[row].reset(
            seed=int(sequence.generate_state(1)[0]) & SEED_MASK
        )
        self.episodes[row] += 1
        self.lengths[row] = 0
        self.returns[row] = 0

    def _remember(self, played: npt.NDArray[np.int32]) -> None:
        room = self._history.shape[1]
        if self.lengths.max() == room:
            self._history = np.concatenate([self._history, np.zeros_like(self._history)], axis=1)
        self._history[self._every_row, self.lengths] = played

    def _checked(self, actions: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """`actions` as `[N, H]`, the same memory. Raises ValueError for what is no such array."""
        wanted = (self.num_games, len(self._sizes))
        if not isinstance(actions, np.ndarray) or actions.dtype != np.int32 or (
            actions.shape != wanted and (*actions.shape, 1) != wanted
        ):
            given = f"{actions.dtype} {actions.shape}" if isinstance(actions, np.ndarray) else type(actions).__name__
            raise ValueError(f"{self.game!r}: actions must be an int32 array of shape {wanted}, got {given}")
        return actions.reshape(wanted)

    def _fitting(
        self, saved: Mapping[str, npt.NDArray[Any]], name: str, own: npt.NDArray[Any]
    ) -> npt.NDArray[Any]:
        """`saved[name]`, which must be as `own` but for the length of a history."""
        if name not in saved:
            raise ValueError(f"{self.game!r}: saved has no {name!r}, only {', '.join(sorted(saved))}")
        given = np.asarray(saved[name])
        shape = (self.num_games, *given.shape[1:2], len(self._sizes)) if name == "history" else own.shape
        if given.shape != shape or given.dtype != own.dtype:
            raise ValueError(f"{self.game!r}: {name} must be {own.dtype} {shape}, got {given.dtype} {given.shape}")
        return given


def make(game: GymnasiumGame, num_games: int, seed: int, time_limit: int | None) -> GymnasiumVector:
    """What `envs.adapters.vectors.make_vector` asks every adapter for."""
    return GymnasiumVector(game, num_games, seed, time_limit)
