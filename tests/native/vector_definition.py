"""What `VectorGame` has to do: a plain Python loop over `State`s, and checks that compare the two array by array.

Each `check_*` runs the module it is given and raises AssertionError where it differs. N games, P seats, S seats shown,
H heads.
"""
from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from native.game import Game, State
from tests.native.splitmix import below, derive

TERMINAL, SIMULTANEOUS, BOT_STREAM = -1, -2, 0x626F74
ALWAYS = ("states", "to_act", "observations", "legal", "num_legal", "rewards", "terminal", "truncated", "lengths",
          "returns", "episodes", "bot_rng")
IF_OVER = ("episode_returns", "episode_lengths", "metrics")


class Row:
    """One game of the vector."""

    def __init__(self, game: Game, seed: int, time_limit: int) -> None:
        self.game, self.seed, self.time_limit = game, seed, time_limit
        self.bot_rng = derive(seed ^ BOT_STREAM, BOT_STREAM)
        self.episodes = self.terminal = self.truncated = 0
        self.rewards = np.zeros(game.num_players, np.float32)
        self.over: dict[str, Any] = {}
        self.final_observations: list[npt.NDArray[Any]] = []
        self.begin()

    def begin(self) -> None:
        self.state = self.game.new_state(derive(self.seed, self.episodes))
        self.episodes += 1
        self.lengths, self.returns = 0, np.zeros(self.game.num_players, np.float32)

    def shown(self) -> list[int]:
        return list(range(self.game.num_players)) if self.game.simultaneous else [self.state.to_act()]

    def parts(self, seat: int) -> list[npt.NDArray[np.intp]]:
        """Legal entries of each head."""
        mask, ends = self.state.legal(seat), np.cumsum(self.game.head_sizes)
        return [np.flatnonzero(part) for part in np.split(mask, ends[:-1])]

    def random_action(self) -> list[list[int]]:
        action = []
        for seat in self.shown():
            action.append([0] * len(self.game.head_sizes))
            for head, places in enumerate(self.parts(seat)):
                if len(places):
                    number, self.bot_rng = below(self.bot_rng, len(places))
                    action[-1][head] = int(places[number])
        return action

    def bot_action(self, bot: str) -> list[list[int]]:
        action = []
        for seat in self.shown():
            action.append([0] * len(self.game.head_sizes))
            if self.state.legal(seat).any():
                chosen, self.bot_rng = self.state.bot_action(bot, self.bot_rng, seat)
                action[-1] = chosen.tolist()
        return action

    def step(self, action: npt.NDArray[np.int32]) -> None:
        """`action` is `[S, H]`."""
        seat = self.state.to_act()
        self.state.apply(action if seat == SIMULTANEOUS else action[seat if self.game.simultaneous else 0])
        self.rewards = self.state.rewards()
        self.returns += self.rewards
        self.lengths += 1
        self.terminal = int(self.state.is_terminal)
        self.truncated = int(not self.terminal and self.lengths == self.time_limit)
        if self.terminal or self.truncated:
            self.over = {
                "episode_returns": self.returns,
                "episode_lengths": self.lengths,
                "metrics": list(self.state.metrics().values()),
            }
            self.final_observations = [self.state.observe(player) for player in range(self.game.num_players)]
            self.begin()

    def view(self, name: str) -> Any:
        if name == "states":
            return np.frombuffer(self.state.to_bytes(), np.uint8)
        if name == "to_act":
            return self.state.to_act()
        if name in ("observations", "legal", "num_legal"):
            read = {"observations": self.state.observe, "legal": self.state.legal}.get(name, self._count)
            seen = [read(seat) for seat in self.shown()]
            return seen if self.game.simultaneous else seen[0]
        return getattr(self, name)

    def _count(self, seat: int) -> Any:
        return self.state.legal(seat).sum()


def compare(vector: Any, rows: list[Row]) -> None:
    """Every array of the vector, where it is valid, is what the rows say."""
    for i, row in enumerate(rows):
        for name in ALWAYS:
            np.testing.assert_array_equal(getattr(vector, name)[i], row.view(name), err_msg=f"{name}, row {i}")
        if row.terminal or row.truncated:
            for name in IF_OVER:
                np.testing.assert_array_equal(getattr(vector, name)[i], row.over[name], err_msg=f"{name}, row {i}")
        if row.truncated:
            np.testing.assert_array_equal(vector.final_observations[i], row.final_observations)


def check_play(module: ModuleType, game: Game, seed: int) -> None:
    """Random and scripted play, refusals, and continuing in another vector from what was saved."""
    rng = np.random.default_rng(seed)
    num_games, limit = int(rng.integers(1, 5)), [None, 0, 1, 4, 7][rng.integers(5)]
    vector = module.VectorGame(game, num_games, seed, limit)
    assert vector.time_limit == (game.time_limit if limit is None else limit)
    rows = [Row(game, derive(seed, i), vector.time_limit) for i in range(num_games)]
    compare(vector, rows)
    seats, heads = len(rows[0].shown()), len(game.head_sizes)
    for step in range(30):
        actions = np.full((num_games, seats, heads), -7, np.int32)
        given = actions if game.simultaneous else actions[:, 0]
        vector.random_actions(given)
        np.testing.assert_array_equal(actions, [row.random_action() for row in rows])
        if game.bot_names:
            bot = str(rng.choice(game.bot_names))
            chosen = np.flatnonzero(rng.random(num_games) < 0.5)
            vector.bot_actions(bot, chosen, given)
            for i in chosen.tolist():
                np.testing.assert_array_equal(actions[i], rows[i].bot_action(bot))
        if rng.random() < 0.3:
            check_refusal(vector, rows, actions, rng)
        vector.step(given)
        for i, row in enumerate(rows):
            row.step(actions[i])
        compare(vector, rows)
        if step == 15:
            other = module.VectorGame(game, num_games, seed + 1, limit)
            other.load(vector.save())
            for row in rows:
                row.rewards, row.terminal, row.truncated = np.zeros(game.num_players, np.float32), 0, 0
            compare(other, rows)
            vector = other
    assert vector.play_random(10) == 10 * num_games
    for row in rows:
        for _ in range(10):
            row.step(np.array(row.random_action(), np.int32))
    compare(vector, rows)
    vector.reset()
    compare(vector, [Row(game, derive(seed, i), vector.time_limit) for i in range(num_games)])


def check_refusal(vector: Any, rows: list[Row], actions: npt.NDArray[np.int32], rng: np.random.Generator) -> None:
    """One illegal number among legal actions is named, and nothing moves."""
    game = rows[0].game
    i = int(rng.integers(len(rows)))
    seat = int(rng.integers(actions.shape[1]))
    head = int(rng.integers(actions.shape[2]))
    places = rows[i].parts(rows[i].shown()[seat])[head]
    size = game.head_sizes[head]
    wrong = [value for value in (-1, *range(size), size) if value not in places]
    if not len(places):
        return
    value = int(rng.choice(wrong[:1] + wrong[-1:] + wrong))
    spoilt = actions.copy()
    spoilt[i, seat, head] = value
    before = {name: getattr(vector, name).copy() for name in ALWAYS + IF_OVER}
    try:
        vector.step(spoilt if game.simultaneous else spoilt[:, 0].copy())
    except ValueError as error:
        assert str(error).startswith(f"{game.name}, row {i}"), error  # noqa: PT017 (mutants run without pytest)
        assert f"action {value} is illegal; legal are {places.tolist()}" in str(error), error  # noqa: PT017
    else:
        raise AssertionError(f"action {value} was not refused")
    for name, array in before.items():
        np.testing.assert_array_equal(getattr(vector, name), array, err_msg=name)


def play_out(state: State) -> State:
    """Plays the first legal action until the end."""
    while not state.is_terminal:
        state.apply(state.legal_actions()[0])
    return state
