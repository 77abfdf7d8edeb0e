"""A replay on disk, one file per chunk: a checkpoint writes only what the one before it did not have.

The chunks of all checkpoints lie in one folder beside them; each checkpoint names its own. What no whole checkpoint
names goes once a newer one is whole.
"""
from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from learners.chunk import Chunk, from_arrow, to_arrow

FOLDER = "replay"
NAMES = "chunks.json"
SUFFIX = ".arrow"


class ReplayFiles:
    """The folder `replay/` in the folder of a run's checkpoints."""

    def __init__(self, checkpoints: Path) -> None:
        self._checkpoints, self._path = checkpoints, checkpoints / FOLDER

    def save(self, checkpoint: Path, chunks: Sequence[Chunk]) -> None:
        """Writes the chunks that are not there yet, and all their names into `checkpoint`, which need not be whole."""
        self._path.mkdir(parents=True, exist_ok=True)
        for chunk in chunks:
            path = self._file(chunk.header.chunk_id)
            if not path.is_file():
                aside = path.with_name(f".{path.name}.{os.getpid()}")
                with aside.open("wb") as file:
                    file.write(to_arrow(chunk))
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(aside, path)
        (checkpoint / NAMES).write_text(json.dumps([chunk.header.chunk_id for chunk in chunks]))

    def load(self, checkpoint: Path) -> list[Chunk]:
        """The chunks that `checkpoint` names; raises ValueError for one that is missing or damaged."""
        chunks = []
        for name in json.loads((checkpoint / NAMES).read_text()):
            try:
                chunks.append(from_arrow(self._file(name).read_bytes()))
            except ValueError as fault:
                raise ValueError(f"{self._file(name)}: {fault}") from None
            except FileNotFoundError:
                raise ValueError(f"checkpoint {checkpoint} names chunk {name}, which is not in {self._path}") from None
        return chunks

    def tidy(self) -> None:
        """Removes what no checkpoint names, and what a writer that died has left."""
        named = {name for path in self._checkpoints.glob(f"ckpt_*/{NAMES}") for name in json.loads(path.read_text())}
        for path in [*self._path.glob(f"*{SUFFIX}"), *self._path.glob(f".*{SUFFIX}.*")]:
            if path.name.removesuffix(SUFFIX) not in named:
                path.unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        return self._path / f"{name}{SUFFIX}"
