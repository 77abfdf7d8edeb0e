"""A replay on disk, one file per chunk: a checkpoint writes only what the one before it did not have."""
from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from learners.chunk import Chunk, from_arrow, to_arrow

FOLDER = "replay"
SUFFIX = ".arrow"


class ReplayFiles:
    """The folder `replay/` beside the checkpoints of a run."""

    def __init__(self, checkpoints: Path) -> None:
        self._path = checkpoints / FOLDER

    def keep(self, chunks: Sequence[Chunk]) -> list[str]:
        """Writes those that are not there, removes all others; answers their names in order."""
        self._path.mkdir(parents=True, exist_ok=True)
        names = [chunk.header.chunk_id for chunk in chunks]
        there = {path.name.removesuffix(SUFFIX) for path in self._path.glob(f"*{SUFFIX}")}
        for name, chunk in zip(names, chunks, strict=True):
            if name not in there:
                aside = self._path / f".{name}.{os.getpid()}"
                aside.write_bytes(to_arrow(chunk))
                os.replace(aside, self._file(name))
        for gone in there - set(names):
            self._file(gone).unlink(missing_ok=True)
        return names

    def load(self, names: Sequence[str]) -> list[Chunk]:
        """The chunks of these names, without those that a newer checkpoint has removed.

        Raises ValueError for a damaged file.
        """
        return [from_arrow(self._file(name).read_bytes()) for name in names if self._file(name).is_file()]

    def _file(self, name: str) -> Path:
        return self._path / f"{name}{SUFFIX}"
