"""Datasets of searched decisions in files: the columns of chunks in layout "rows" as Parquet or as lines of JSON.

A dataset is one file (`.parquet` or `.jsonl`) or a folder of them, `part-00000.parquet` and so on, read in the order of
their names. Every file says which game it is of and how it was made. Letters: N rows, K targets.
"""
from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from learners import dataset_jsonl, dataset_parquet
from learners.chunk import Chunk, seal
from learners.columns import check_columns, check_values
from learners.dataset_split import Columns, join, take, tightened
from native.game import Game

FORMAT = 1
"""Raised when an older reader could not make sense of a newer file."""
KNOWN = ("policy", "outcome", "root_value")
"""What searched decisions know besides the action that was played."""
CHUNK_ROWS = 4096

CODECS = {".parquet": dataset_parquet, ".jsonl": dataset_jsonl}


@dataclass(frozen=True)
class Facts:
    """What a dataset says of itself. What is not in `known` was filled up: see `learners/dataset_plain.py`."""

    game: str
    options: dict[str, Any]
    rules_version: int
    known: tuple[str, ...] = KNOWN
    made: dict[str, Any] = field(default_factory=dict)      # how: evaluator, simulations, seed, ...


def facts_of(game: Game, made: dict[str, Any], known: tuple[str, ...] = KNOWN) -> Facts:
    """The facts of a dataset of `game` that was made as `made` says."""
    return Facts(game.name, dict(game.options), game.rules_version, known, made)


def files(path: Path) -> list[Path]:
    """The files of a dataset in the order in which they are read. Raises ValueError if there are none."""
    if path.is_dir():
        found = sorted(one for one in path.iterdir() if one.suffix in CODECS and not one.name.startswith("."))
        if not found:
            raise ValueError(f"{path} holds no dataset: expected files that end in {' or '.join(CODECS)}")
        return found
    if path.suffix not in CODECS:
        raise ValueError(f"{path} is not a dataset: expected a name that ends in {' or '.join(CODECS)}, or a folder")
    if not path.is_file():
        raise ValueError(f"there is no dataset {path}")
    return [path]


def read_facts(path: Path) -> Facts:
    """What a dataset (of a folder: its first file) says of itself. Raises ValueError if it says nothing."""
    first = files(path)[0]
    stored = CODECS[first.suffix].read_facts(first)
    if stored.get("format") != FORMAT:
        raise ValueError(f"{first} has dataset format {stored.get('format')!r}, this version reads {FORMAT}")
    wanted = {one.name for one in dataclasses.fields(Facts)}
    if stored.get("layout") == "steps":
        raise ValueError(f"{first} is a dataset of steps, expected one of searched or recorded decisions in rows")
    if set(stored) != wanted | {"format"}:
        raise ValueError(f"{first} says {sorted(stored)} of itself, expected {sorted(wanted | {'format'})}")
    return Facts(**{name: stored[name] for name in wanted} | {"known": tuple(stored["known"])})


def check_game(path: Path, game: Game, faults: list[str] | None = None) -> list[Path]:
    """The files of a dataset. Raises ValueError unless all are of `game`, its options and its rules.

    faults: takes a sentence for every file that is too damaged to say what it is of; without it they are refused.
    """
    readable = []
    for one in files(path):
        try:
            facts = read_facts(one)
        except ValueError as fault:
            if faults is None:
                raise
            faults.append(str(fault))
            continue
        found, wanted = (facts.game, facts.options, facts.rules_version), (game.name, game.options, game.rules_version)
        if found != wanted:
            raise ValueError(f"{one} is of {_rules(*found)}, expected {_rules(*wanted)}")
        readable.append(one)
    return readable


def _rules(name: str, options: dict[str, Any], version: int) -> str:
    chosen = "".join(f" {key}={value}" for key, value in options.items())
    return f"{name}{chosen} rules {version}"


def check_name(path: Path) -> None:
    """Raises ValueError unless a dataset can be written under this name."""
    if path.suffix not in CODECS:
        raise ValueError(f"{path} cannot be written: expected a name that ends in {' or '.join(CODECS)}")


def write(path: Path, chunks: Iterable[Chunk], facts: Facts) -> int:
    """Writes one file, whole or not at all, and returns its rows. Raises ValueError for no chunk or another layout."""
    check_name(path)
    rest = iter(chunks)
    first = next(rest, None)
    if first is None:
        raise ValueError(f"there is nothing to write into {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        rows: int = CODECS[path.suffix].write(
            aside, (_of_rows(chunk) for chunk in chain([first], rest)), {"format": FORMAT, **dataclasses.asdict(facts)}
        )
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return rows


def _of_rows(chunk: Chunk) -> Columns:
    if chunk.header.layout != "rows":
        raise ValueError(f"chunk {chunk.header.chunk_id!r} has layout {chunk.header.layout!r}, expected 'rows'")
    return chunk.columns


def read(path: Path, game: Game, *, chunk_rows: int = CHUNK_ROWS, faults: list[str] | None = None) -> Iterator[Chunk]:
    """The rows of a dataset in chunks of at most `chunk_rows`, every value checked.

    faults: takes a sentence, with file and line or row, for everything that cannot be used, which is then left out;
    without it the first of these is raised as ValueError. So is, always, a dataset of another game.
    """
    sequence = 0
    for one in check_game(path, game, faults):
        for columns in _sound(one, game, chunk_rows, faults):
            yield as_chunk(columns, game, one.stem, sequence)
            sequence += 1


def load(path: Path, game: Game, faults: list[str] | None = None) -> Columns:
    """All rows of a dataset at once; see `read`. Raises ValueError if there are none."""
    parts = [chunk.columns for chunk in read(path, game, faults=faults)]
    if not parts:
        raise ValueError(f"{path} holds no usable row" + (f": {faults[0]}" if faults else ""))
    return join(parts)


def as_chunk(columns: Columns, game: Game, producer: str, sequence: int, split: str = "train") -> Chunk:
    """A sealed chunk of these columns. Raises ValueError as `learners.chunk.seal` does."""
    return seal(
        columns, chunk_id=f"{producer}-{sequence}", producer=producer, sequence=sequence, match_id="", player="",
        game=game, layout="rows", split=split,
    )


def _sound(path: Path, game: Game, chunk_rows: int, faults: list[str] | None) -> Iterator[Columns]:
    """The usable rows of one file."""

    def refuse(sentence: str) -> None:
        if faults is None:
            raise ValueError(sentence)
        faults.append(sentence)

    for columns, names in CODECS[path.suffix].read(path, game, chunk_rows, refuse):
        check_columns(names[0], columns, "rows", game)
        try:
            check_values(names[0], columns, "rows", game)
        except ValueError:
            fine = np.ones(len(names), bool)
            for row, name in enumerate(names):
                single = take(columns, np.array([row]))
                try:
                    check_values(name, single, "rows", game)
                except ValueError as fault:
                    fine[row] = False
                    refuse(str(fault).replace(f"chunk {name!r}", name, 1))
            columns = take(columns, np.flatnonzero(fine))
        if len(columns["outcome"]):
            yield tightened(columns)


class Parts:
    """A dataset under construction: a folder whose parts are whole files, numbered from 0."""

    def __init__(self, folder: Path, suffix: str = ".parquet") -> None:
        self.folder, self._suffix = folder, suffix

    def part(self, number: int) -> Path:
        """Where a part is, or will be."""
        return self.folder / f"part-{number:05d}{self._suffix}"

    @property
    def count(self) -> int:
        """Parts without a gap from 0 on."""
        number = 0
        while self.part(number).is_file():
            number += 1
        return number

    def append(self, chunks: Iterable[Chunk], facts: Facts) -> int:
        """Writes the next part and returns its rows."""
        return write(self.part(self.count), chunks, facts)

    def cut(self, count: int) -> None:
        """Forgets all parts from number `count` on."""
        for number in range(self.count - 1, count - 1, -1):     # from the end, so that no gap opens
            self.part(number).unlink()
