"""Brings data of other origin into a dataset, checked to the last row."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from learners.chunk import Chunk
from learners.dataset import CHUNK_ROWS, KNOWN, as_chunk, check_game, facts_of, read, read_facts, write
from learners.dataset_plain import detect, read_plain
from native.game import Game


def import_dataset(
    source: Path, out: Path, game: Game, kind: str | None = None, faults: list[str] | None = None
) -> int:
    """Writes `source` as the dataset `out` and returns its rows.

    kind: "rows", "games" or "decisions" (see `learners/dataset_plain.py`); None: found out. faults: takes a sentence,
    with file and line, for what is left out; without it the first of these is raised as ValueError.
    """
    if not source.exists():
        raise ValueError(f"there is no {source}")
    kind = kind or detect(source)
    if kind == "rows":
        facts = read_facts(check_game(source, game, faults)[0])
        return write(out, read(source, game, faults=faults), facts_of(
            game, {"by": "import", "from": source.name, "was": facts.made}, facts.known))
    known, chunks = _plain(source, game, kind, faults)
    return write(out, chunks, facts_of(game, {"by": "import", "from": source.name, "format": kind}, known))


def _plain(
    source: Path, game: Game, kind: str, faults: list[str] | None
) -> tuple[tuple[str, ...], list[Chunk]]:
    def refuse(sentence: str) -> None:
        if faults is None:
            raise ValueError(sentence)
        faults.append(sentence)

    chunks, outcomes = list[Chunk](), True
    for columns, known in read_plain(source, game, kind, refuse, CHUNK_ROWS):
        outcomes &= known
        chunks.append(as_chunk(columns, game, source.stem, len(chunks)))
    if not outcomes:    # all or none: who reads must not take a filled-up 0 for a drawn game
        for chunk in chunks:
            chunk.columns["outcome"] = np.zeros_like(chunk.columns["outcome"])
    return tuple(name for name in KNOWN if name == "outcome" and outcomes), chunks
