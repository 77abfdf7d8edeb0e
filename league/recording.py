"""Records a scripted player: its decisions in games against itself or others, as rows of a dataset.

What it played is the whole target; a search's value and surprise, which nobody knows, are 0, and so `KNOWN` says.
Letters: N games, P seats.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from actors.config import SelfPlay
from actors.draws import draw, uniform
from actors.game_records import GameRecords
from learners.chunk import Chunk
from learners.dataset import as_chunk
from learners.dataset_split import Columns, join
from native.game import Game
from native.vector import VectorGame

KNOWN = ("outcome",)
"""What these decisions know besides the action that was played."""

RANDOM = "random"       # which every game has

# What a draw is for.
OPPONENT, OPENS, OPENING = range(3)


def check_players(game: Game, bot: str, opponents: Sequence[str]) -> None:
    """Raises ValueError unless `bot` can be recorded in `game` against these."""
    if game.simultaneous or len(game.head_sizes) > 1:
        raise ValueError(f"{game.name} is not played one action at a time; recording a scripted player needs that")
    if game.state_bytes == 0:
        raise ValueError(f"{game.name} is not compiled, and has no scripted players to record")
    for name in (bot, *opponents):
        if name != RANDOM:
            game.bot_index(name)
    if opponents and game.num_players == 1:
        raise ValueError(f"{game.name} has one seat: {', '.join(opponents)} cannot play against {bot}")


def how(settings: SelfPlay, seed: int, bot: str, opponents: Sequence[str]) -> dict[str, Any]:
    """What the facts of a dataset say about such a recorder."""
    return {
        "by": "recording",
        "bot": bot,
        "opponents": list(opponents),
        "seed": seed,
        **settings.model_dump(mode="json", include={"games", "chunk_rows", "opening_share", "opening_moves"}),
    }


class Recorder:
    """Plays `settings.games` games side by side and gives chunks of the decisions of `bot` in layout "rows".

    Without opponents it plays all seats, and all decisions are recorded. With some it takes another seat in every game,
    and each other seat is drawn from them. Of the settings, games, chunk_rows, opening_share and opening_moves count:
    random moves at the beginning are not recorded. `seed` fixes everything. Raises ValueError as `check_players` does.
    """

    def __init__(self, game: Game, bot: str, opponents: Sequence[str], settings: SelfPlay, seed: int) -> None:
        check_players(game, bot, opponents)
        self._game, self._settings, self._seed = game, settings, seed
        self._players = [bot, *opponents]
        self._games = VectorGame(game, settings.games, seed)
        self._records = GameRecords(settings.games)
        self._episode = np.arange(settings.games, dtype=np.int64)     # the running game of each row
        self._begun = settings.games
        self._sequence = 0
        self._actions = np.zeros((settings.games, 1), np.int32)
        self._seat()

    def next_chunk(self) -> Chunk:
        """Plays on until there is a chunk of whole games."""
        parts: list[Columns] = []
        while sum(len(part["outcome"]) for part in parts) < self._settings.chunk_rows:
            self._step()
            parts += self._end()
        self._sequence += 1
        return as_chunk(join(parts), self._game, "recorder", self._sequence - 1)

    def _seat(self) -> None:
        """Who sits where, and how many random moves begin the game: by the number of each row's game alone."""
        episode, seats, others = self._episode, self._game.num_players, len(self._players) - 1
        player = np.zeros((len(episode), seats), np.int64)
        for seat in range(seats if others else 0):
            drawn = 1 + (draw(self._seed, OPPONENT, episode, seat) % np.uint64(others)).astype(np.int64)
            player[:, seat] = np.where(episode % seats == seat, 0, drawn)
        self._player = player
        share, most = self._settings.opening_share, self._settings.opening_moves
        self._opening = np.zeros(len(episode), np.int64)
        if share and most:
            length = (draw(self._seed, OPENING, episode) % np.uint64(most)).astype(np.int64) + 1
            self._opening = np.where(uniform(self._seed, OPENS, episode) < share, length, 0)

    def _step(self) -> None:
        games, players = self._games, self._players
        to_act = games.to_act
        acts = self._player[np.arange(len(to_act)), to_act]
        opening = np.flatnonzero(games.lengths < self._opening)
        if opening.size:
            games.bot_actions(RANDOM, opening, self._actions)
            acts[opening] = -1
        for number, name in enumerate(players):
            rows = np.flatnonzero(acts == number)
            if rows.size:
                games.bot_actions(name, rows, self._actions)
            if rows.size and name == players[0]:
                self._record(rows, to_act[rows])
        games.step(self._actions)

    def _record(self, rows: npt.NDArray[np.int64], seats: npt.NDArray[np.int32]) -> None:
        games = self._games
        self._records.add(rows, {
            "observation": games.observations[rows],
            "legal": np.packbits(games.legal[rows], axis=-1, bitorder="little"),
            "action": self._actions[rows],
            "target_action": self._actions[rows],
            "target_prob": np.ones((len(rows), 1), np.float32),
            "root_value": np.zeros(len(rows), np.float32),
            "surprise": np.zeros(len(rows), np.float32),
            "ply": games.lengths[rows],
            "version": np.zeros(len(rows), np.int32),
            "seat": seats,
            "return": games.returns[rows, seats],
        })

    def _end(self) -> list[Columns]:
        """The decisions of the games that are over, now that their outcome is known; new games take their places."""
        games = self._games
        ended = np.flatnonzero(games.terminal | games.truncated)
        if not ended.size:
            return []
        places, columns = self._records.take(ended)
        if columns:
            columns["outcome"] = games.episode_returns[ended][places, columns.pop("seat")] - columns.pop("return")
            columns["episode"] = self._episode[ended][places]
        self._episode[ended] = np.arange(self._begun, self._begun + len(ended))
        self._begun += len(ended)
        self._seat()
        return [columns] if columns else []

    def save(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """Arrays and plain data from which `load` goes on exactly."""
        parts = {"games": self._games.save(), "records": self._records.save(), "own": {"episode": self._episode.copy()}}
        arrays = {f"{part}.{name}": array for part, saved in parts.items() for name, array in saved.items()}
        return arrays, {"begun": self._begun, "sequence": self._sequence}

    def load(self, arrays: Mapping[str, npt.NDArray[Any]], data: Mapping[str, Any]) -> None:
        """Goes on from what `save` gave."""
        parts: dict[str, dict[str, npt.NDArray[Any]]] = {}
        for name, array in arrays.items():
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = array
        self._games.load(parts["games"])
        self._records.load(parts["records"])
        self._episode = parts["own"]["episode"].copy()
        self._begun, self._sequence = int(data["begun"]), int(data["sequence"])
        self._seat()
