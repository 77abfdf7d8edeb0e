"""Games of the player that learns, recorded at windows with a checkpoint: played, written, played again, indexed."""
from __future__ import annotations

import time
from collections.abc import Callable, Collection
from hashlib import sha256
from typing import Any

from actors.draws import draw
from league.config import RunConfig
from league.evaluation import Decide, unshaped
from league.replay_index import FOLDER, ReplayIndex
from league.replay_record import SUFFIX, ReplayMismatch, read, record, verify
from league.run_context import Emit
from league.run_directory import RunDirectory
from native.game import Game

SEED_BITS = 53      # so that every reader of JSON has the seed exactly

Player = Callable[[int], Decide]
"""Who decides, made fresh with a seed for what it draws."""


class ReplayRecorder:
    """Records as `config.evaluation` says. Windows, seeds and opponents of a replay depend on its number alone."""

    def __init__(self, config: RunConfig, game: Game, run_id: str, directory: RunDirectory, emit: Emit) -> None:
        self._game, self._settings, self._seed = unshaped(game), config.evaluation, config.seed
        self._every, self._method = config.windows.checkpoint_every, config.method
        self._run_id, self._directory, self._emit = run_id, directory, emit
        self._index = ReplayIndex(directory, run_id)

    def record(self, player: Player, *, window: int, checkpoint: str, env_steps: int, version: int) -> list[str]:
        """Records the replays of a window; returns their ids. All of them are on disk then, and in the index.

        checkpoint: path below the run, of the weights that play. Raises ReplayMismatch if a game with states of its own
        cannot be repeated; an environment that cannot is said to be so, in its entry and once aloud.
        """
        return [
            self._record(player, number, {
                "id": f"replay-{window:06d}-{number:02d}", "window": window, "checkpoint": checkpoint,
                "env_steps": env_steps, "policy_version": version,
            })
            for number in range(self._settings.replays)
        ]

    def rewind(self, ids: Collection[str]) -> None:
        """Forgets all replays but these."""
        self._index.rewind(ids)

    def _record(self, player: Player, number: int, of_window: dict[str, Any]) -> str:
        settings, game, window = self._settings, self._game, of_window["window"]
        seed = int(draw(settings.seed, self._seed, window, number)[0]) >> 64 - SEED_BITS
        opponent, seat = self._opposition((window - 1) // self._every * settings.replays + number)
        about = {"run_id": self._run_id, "method": self._method, **of_window, "policy": settings.policy}
        replay = record(game, player(seed), seed=seed, seat=seat, opponent=opponent, max_steps=settings.max_steps,
                        about=about)
        path, packed = f"{FOLDER}/{of_window['id']}{SUFFIX}", replay.packed()
        self._directory.write_bytes(path, packed)
        entry = self._index.add({
            **of_window, "path": path, "policy": settings.policy, "opponent": opponent, "seat": seat, "seed": seed,
            "return": replay.summary["returns"][seat or 0], "length": replay.summary["length"],
            "terminal": replay.summary["terminal"], "cut": replay.summary["length"] == settings.max_steps
            and replay.summary["truncated"], "metrics": replay.summary["metrics"], "verified": self._verified(path),
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "bytes": len(packed),
            "sha256": sha256(packed).hexdigest(),
        }, settings.milestones, settings.keep_replays)
        self._emit({"kind": "replay", **entry})
        return str(entry["id"])

    def _opposition(self, number: int) -> tuple[str | None, int | None]:
        """Opponent and seat: opponents take turns, then seats; nobody where there is nobody, and all seats then."""
        opponents = self._settings.opponents
        if self._game.num_players == 1 or not opponents:
            return None, None
        return opponents[number % len(opponents)], number // len(opponents) % self._game.num_players

    def _verified(self, path: str) -> bool:
        try:
            verify(read(self._directory.path / path))
        except ReplayMismatch as error:
            if self._game.state_bytes:
                self._directory.remove(path)
                raise
            if all(entry["verified"] for entry in self._index.entries):
                self._emit({"kind": "message", "text": f"replays of this environment cannot be played again: {error}"})
            return False
        return True
