"""What all methods do when a window closes: replays of the player, the row of metrics, and word of it to whoever hears.
"""
from __future__ import annotations

from typing import Any

from league.config import RunConfig
from league.replay_recorder import Player, ReplayRecorder
from league.run_context import RunContext
from league.run_directory import WINDOWS
from native.game import Game


class WindowLog:
    """The windows of a run, and what belongs to them.

    Order on disk: replays and their index, the row that names them, then the checkpoint, which makes both count: a
    resumed run forgets what came after it.
    """

    def __init__(self, config: RunConfig, game: Game, context: RunContext) -> None:
        self._directory, self._emit = context.directory, context.emit
        self._keep = config.windows.keep_checkpoints
        self._replays = ReplayRecorder(config, game, context.run_id, context.directory, context.emit)

    def record(self, player: Player, checkpoint: str, row: dict[str, Any], version: int) -> dict[str, Any]:
        """`row` with the ids of the replays that were made for it; `checkpoint`: name of the one to come."""
        ids = self._replays.record(player, window=row["window"], checkpoint=f"checkpoints/{checkpoint}",
                                   env_steps=row["step"], version=version)
        return {**row, "replays": ids}

    def add(self, row: dict[str, Any]) -> None:
        """Writes a row."""
        self._directory.append(WINDOWS, row)
        self._directory.update_metadata(latest_window=row["window"], env_steps=row["step"])
        self._emit({"kind": "window", "row": row})

    def replace(self, row: dict[str, Any]) -> None:
        """Writes the newest row once more, if it has changed."""
        rows = self._directory.rows(WINDOWS)
        if rows[-1] != row:
            self._directory.rewind(WINDOWS, lambda one: one["window"] < row["window"], [row])
            self._emit({"kind": "window", "row": row})

    def checkpointed(self, name: str, *, window: int, updates: int) -> None:
        """Says that there is a checkpoint; only then older ones go, so that what is named is always there."""
        path = f"checkpoints/{name}"
        self._directory.update_metadata(latest_checkpoint=path, updates=updates)
        self._directory.prune_checkpoints(self._keep)
        self._emit({"kind": "checkpoint", "path": path, "window": window, "updates": updates})

    def rewind(self, window: int, rows: list[dict[str, Any]]) -> None:
        """Goes back to the end of a window (0: to nothing): `rows`, the newest up to it, are as given here, the index
        has the replays that rows name, and no file of any other replay stays."""
        given = {row["window"] for row in rows}
        self._directory.rewind(WINDOWS, lambda row: row["window"] <= window and row["window"] not in given, rows)
        self._replays.rewind({id for row in self._directory.rows(WINDOWS) for id in row.get("replays", [])})
        self._directory.update_metadata(latest_window=window or None)
