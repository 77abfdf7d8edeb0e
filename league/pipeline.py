"""What stands between the learner's loop and whoever plays: one interface, in one process or over a cluster."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt

from learners.chunk import Chunk

Weights = Mapping[str, npt.NDArray[Any]]


class Pipeline(Protocol):
    """Weights and wishes go down, chunks and results come up."""

    def start(self) -> None:
        """Begins to play. Weights of the main player and of all snapshots have been published."""

    def publish(self, policy: str, version: int, weights: Weights) -> None:
        """Offers weights to everybody who plays."""

    def next_batch(self, version: int, timeout_s: float) -> tuple[list[Chunk], str]:
        """A whole batch for a learner at `version`, or nothing and why."""

    def held_out(self) -> list[Chunk]:
        """The newest chunks of games that nobody learns from."""

    def add_snapshot(self, policy: str) -> list[str]:
        """Makes a published policy a frozen player of the league; answers whose weights nobody needs any more."""

    def set_temperature(self, temperature: float) -> None:
        """Of the matches assigned from now on."""

    def dump_league(self) -> dict[str, Any]:
        """State of the league: snapshots, retired, assigned, payoff."""

    def restore_league(self, dump: dict[str, Any]) -> None:
        """Puts the league back to a dump."""

    def save_workers(self, directory: Path) -> None:
        """Writes what workers need to go on exactly, where they can."""

    def load_workers(self, directory: Path) -> None:
        """Reads what `save_workers` wrote."""

    def metrics(self) -> dict[str, float]:
        """Figures of replay and workers."""

    def steps(self) -> int:
        """Rises while somebody plays; asked when nothing arrives."""

    def totals(self) -> dict[str, dict[str, float]]:
        """What each worker has counted since its process began; see `actors.self_play`."""

    def notes(self) -> list[str]:
        """What workers want people to know, such as what they compute with."""

    def close(self) -> None:
        """Stops everybody; may be called twice."""
