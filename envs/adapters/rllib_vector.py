"""Games as RLlib wants environments: one seat's decisions, scripted players in the other seats.

What RLlib asks of Gymnasium's vector environments holds (`AutoresetMode.NEXT_STEP`): a row whose episode has ended
plays nothing in the next step, which only shows how its next episode begins. Between two decisions of the learner's
seat the others move, and rewards add up. Letters: N games, P seats, A mask bytes, H heads.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from envs.adapters.vectors import make_vector, release
from native.game import Game

OBSERVATIONS, MASK = "observations", "action_mask"
FIRST_ROW = np.zeros(1, np.int64)

Shown = dict[str, npt.NDArray[Any]]


def observation_space(game: Game) -> spaces.Dict:
    """What one decision is made from: `OBSERVATIONS` as the game shows them, and `MASK`, uint8 `[A]`, of all heads."""
    dtype = game.observation_dtype
    low, high = (-np.inf, np.inf) if dtype.kind == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    seen = spaces.Box(low, high, game.observation_shape, dtype.type)
    return spaces.Dict({OBSERVATIONS: seen, MASK: spaces.Box(0, 1, (game.num_actions,), np.uint8)})


def action_space(game: Game) -> spaces.Discrete[np.int64] | spaces.MultiDiscrete:
    """One choice, or one per head."""
    sizes = game.head_sizes
    return spaces.Discrete(sizes[0]) if len(sizes) == 1 else spaces.MultiDiscrete(list(sizes))


class SeatVector(gymnasium.vector.VectorEnv[Shown, npt.NDArray[Any], npt.NDArray[Any]]):
    """`num_envs` games, in each of which the learner holds one seat: the next one in the row's next game.

    bots: shares of games against each scripted player, which then holds all other seats; nobody in games of one seat.
    The same seed and actions bring the same games. Raises ValueError for bots that the game does not have.
    """

    def __init__(self, game: Game, num_envs: int, bots: Mapping[str, float], seed: int = 0) -> None:
        self.rows: list[SeatRow] = []       # which `close` reads even where what follows has raised
        for bot in bots:
            if bot != "random":
                game.bot_index(bot)
        if game.num_players > 1 and not sum(bots.values()) > 0:
            raise ValueError(f"{game.name} has {game.num_players} seats: bots must say who holds the others, "
                             f"got {dict(bots)}")
        self.num_envs = num_envs
        self.metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}
        self.single_observation_space, self.single_action_space = observation_space(game), action_space(game)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._game, self._bots = game, dict(bots)
        self.rows = self._make_rows(seed)
        self._over = np.zeros(num_envs, bool)

    def _make_rows(self, seed: int) -> list[SeatRow]:
        return [SeatRow(self._game, self._bots, (seed, row)) for row in range(self.num_envs)]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Shown, dict[str, Any]]:
        """New games in all rows, of another seed if one is given; options must be empty."""
        if options:
            raise ValueError(f"{self._game.name} has no options of a reset, got {options}")
        if seed is not None:
            self.close_extras()
            self.rows = self._make_rows(seed)
        self._over[:] = False
        shown = self._empty()
        for place, row in enumerate(self.rows):
            row.begin()
            row.show(shown, place)
        return shown, {}

    def step(
        self, actions: npt.NDArray[Any]
    ) -> tuple[Shown, npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], dict[str, Any]]:
        """Plays `actions` `[N]`, or `[N, H]`, and everybody else's moves up to the learner's next decision.

        Returns observations, rewards `[N]`, ends, cuts by a time limit, and no infos. After an end the observation is
        zeros, for it is never looked at; after a cut it is the last one of the learner's seat.
        """
        shown, rewards = self._empty(), np.zeros(self.num_envs)
        terminal, truncated = np.zeros(self.num_envs, bool), np.zeros(self.num_envs, bool)
        for place, row in enumerate(self.rows):
            if self._over[place]:
                row.begin()
                row.show(shown, place)
                continue
            rewards[place], terminal[place], truncated[place] = row.play(actions[place])
            if terminal[place] or truncated[place]:
                row.show_last(shown, place, cut=bool(truncated[place]))
            else:
                row.show(shown, place)
        self._over = terminal | truncated
        return shown, rewards, terminal, truncated, {}

    def close_extras(self, **kwargs: Any) -> None:
        for row in self.rows:
            release(row.games)

    def _empty(self) -> Shown:
        """Fresh memory: RLlib keeps what a step has returned."""
        game = self._game
        return {
            OBSERVATIONS: np.zeros((self.num_envs, *game.observation_shape), game.observation_dtype),
            MASK: np.ones((self.num_envs, game.num_actions), np.uint8),
        }


class SeatRow:
    """One game after another. A vector of one game: rows wait for different seats, and a vector steps all of them."""

    def __init__(self, game: Game, bots: Mapping[str, float], seed: tuple[int, int]) -> None:
        sequence = np.random.SeedSequence(seed)
        self.games = make_vector(game, 1, int(sequence.generate_state(1, np.uint64)[0]))
        self._rng = np.random.default_rng(sequence)
        self._names = list(bots) or ["random"]
        shares = np.array(list(bots.values()) or [1.0])
        self._shares = shares / shares.sum()
        self._seats, self._simultaneous = game.num_players, game.simultaneous
        shown = game.num_players if game.simultaneous else 1
        self._num_legal = self.games.num_legal.reshape(shown)       # views of what every step overwrites
        self._observations = self.games.observations.reshape(shown, *game.observation_shape)
        self._legal = self.games.legal.reshape(shown, game.num_actions)
        self._actions = np.zeros((*self.games.num_legal.shape, len(game.head_sizes)), np.int32)
        self._played = self._actions.reshape(shown, len(game.head_sizes))
        self.seat = seed[1] % game.num_players
        self._fresh = True      # the running game has not been played in
        self.bot = ""

    def begin(self) -> None:
        """The next game in which the learner decides anything, up to its first decision."""
        while True:
            if not self._fresh:
                self._abandon()
            self.seat = (self.seat + 1) % self._seats
            self.bot = self._names[int(self._rng.choice(len(self._names), p=self._shares))]
            _, terminal, truncated = self._advance(0.0)     # rewards before it follow from no decision of the learner
            if not (terminal or truncated):
                return

    def play(self, action: Any) -> tuple[float, bool, bool]:
        """The learner's action and the others' moves; the reward, and whether the game is over or cut off."""
        place = self.seat if self._simultaneous else 0
        if self._simultaneous:
            self._others()
        self._played[place] = action
        self._step()
        reward = float(self.games.rewards[0, self.seat])
        if self._fresh:
            return reward, bool(self.games.terminal[0]), bool(self.games.truncated[0])
        return self._advance(reward)

    def show(self, shown: Shown, place: int) -> None:
        """What the learner decides from."""
        at = self.seat if self._simultaneous else 0
        shown[OBSERVATIONS][place], shown[MASK][place] = self._observations[at], self._legal[at]

    def show_last(self, shown: Shown, place: int, *, cut: bool) -> None:
        """What the learner's seat saw last of a game that was cut off."""
        if cut:
            shown[OBSERVATIONS][place] = self.games.final_observations[0, self.seat]

    def _advance(self, reward: float) -> tuple[float, bool, bool]:
        """The others' moves until the learner decides or the game is over."""
        while not self._decides():
            self._others()
            self._step()
            reward += float(self.games.rewards[0, self.seat])
            if self._fresh:
                return reward, bool(self.games.terminal[0]), bool(self.games.truncated[0])
        return reward, False, False

    def _decides(self) -> bool:
        if self._simultaneous:
            return bool(self._num_legal[self.seat] > 0)
        return bool(self.games.to_act[0] == self.seat)

    def _others(self) -> None:
        """Fills in the moves of all who decide besides the learner."""
        if not self._simultaneous:
            self.games.bot_actions(self.bot, FIRST_ROW, self._actions)
            return
        seats = np.delete(np.arange(self._seats), self.seat)
        self.games.bot_actions(self.bot, np.zeros(seats.size, np.int64), self._actions, seats)

    def _step(self) -> None:
        self.games.step(self._actions)
        self._fresh = bool(self.games.terminal[0] or self.games.truncated[0])

    def _abandon(self) -> None:
        """A reset in the middle of a game: the next games are those of another seed."""
        self.games.reset(int(self._rng.integers(1 << 63)))
        self._fresh = True
