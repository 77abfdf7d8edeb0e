"""Searched decisions as lines of JSON, for people and for other programs.

The first line says what the dataset is of: `{"ludus_dataset": {"format": 1, "game": ..., ...}}`. Every other line is
one decision: `{"episode": 0, "ply": 3, "observation": [flat], "legal": [actions], "action": 2,
"policy": {"2": 0.75, "5": 0.25}, "root_value": 0.1, "outcome": 1.0, "surprise": 0.3, "version": 0}`.
Letters: N rows, K targets.
"""
from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from learners.columns import expected_rows
from learners.dataset_split import Columns
from native.game import Game

KEY = "ludus_dataset"
PLAIN = {"root_value": float, "outcome": float, "surprise": float, "episode": int, "ply": int, "version": int}
LARGEST = {"episode": 2**63 - 1, "ply": 2**31 - 1, "version": 2**31 - 1}
KEYS = {"observation", "legal", "action", "policy", *PLAIN}


def write(path: Path, parts: Iterable[Columns], facts: dict[str, Any]) -> int:
    """Writes the facts and a line per row; returns the rows."""
    rows = 0
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps({KEY: facts}) + "\n")
        for columns in parts:
            file.writelines(f"{line}\n" for line in _lines(columns))
            rows += len(columns["outcome"])
    return rows


def read_facts(path: Path) -> dict[str, Any]:
    """What the first line says. Raises ValueError."""
    with path.open(encoding="utf-8", errors="replace") as file:
        first = file.readline()
    try:
        facts = json.loads(first)[KEY]
    except (json.JSONDecodeError, KeyError, TypeError):
        facts = None
    if not isinstance(facts, dict):
        raise ValueError(f"{path} line 1 is {first[:80].strip()!r}, expected what the dataset is of, below {KEY!r}")
    return facts


def read(
    path: Path, game: Game, chunk_rows: int, refuse: Callable[[str], None]
) -> Iterator[tuple[Columns, list[str]]]:
    """Columns of at most `chunk_rows` rows and the name of each row; `refuse` hears of lines that cannot be read."""
    rows: list[dict[str, Any]] = []
    names: list[str] = []
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if number == 1:
                continue
            try:
                rows.append(_parsed(line, game))
                names.append(f"{path} line {number}")
            except ValueError as fault:
                refuse(f"{path} line {number} {fault}")
            if len(rows) == chunk_rows:
                yield _columns(rows, game), names
                rows, names = [], []
    if rows:
        yield _columns(rows, game), names


def _lines(columns: Columns) -> Iterator[str]:
    plain = {name: _numbers(columns[name]) for name in PLAIN}
    observation = _numbers(columns["observation"].reshape(len(columns["outcome"]), -1))
    legal = np.unpackbits(columns["legal"], axis=1, bitorder="little")
    action, prob = columns["target_action"].tolist(), _numbers(columns["target_prob"])
    for row, played in enumerate(columns["action"][:, 0].tolist()):
        yield json.dumps({
            **{name: plain[name][row] for name in ("episode", "ply")},
            "observation": observation[row],
            "legal": np.flatnonzero(legal[row]).tolist(),
            "action": played,
            "policy": {str(a): p for a, p in zip(action[row], prob[row], strict=True) if p > 0},
            **{name: plain[name][row] for name in ("root_value", "outcome", "surprise", "version")},
        })


def _numbers(column: npt.NDArray[Any]) -> Any:
    """Nested lists; a float32 as the shortest decimal that reads back as the same float32."""
    if column.dtype.kind != "f":
        return column.tolist()
    return column.astype(str).astype(np.float64).tolist()


def _parsed(line: str, game: Game) -> dict[str, Any]:
    """The decision of a line. Raises ValueError with the end of a sentence."""
    try:
        row = json.loads(line)
    except json.JSONDecodeError as fault:
        raise ValueError(f"is not JSON: {fault.msg} at character {fault.pos}") from None
    if not isinstance(row, dict) or set(row) != KEYS:
        found = sorted(row) if isinstance(row, dict) else type(row).__name__
        raise ValueError(f"has {found}, expected {sorted(KEYS)}")
    for name, kind in PLAIN.items():
        if type(row[name]) not in (kind, int):
            raise ValueError(f"has {name} {row[name]!r}, expected {'a number' if kind is float else 'an integer'}")
        if kind is int and not 0 <= row[name] <= LARGEST[name]:
            raise ValueError(f"has {name} {row[name]}, expected 0 to {LARGEST[name]}")
    size = int(np.prod(game.observation_shape))
    observation = row["observation"]
    if not isinstance(observation, list) or len(observation) != size or not _all_numbers(observation, float):
        raise ValueError(f"has an observation that is not a list of {size} numbers")
    if game.observation_dtype.kind != "f":
        limits = np.iinfo(game.observation_dtype)
        if not all(type(x) is int and limits.min <= x <= limits.max for x in observation):
            raise ValueError(f"has an observation with values that are not {game.observation_dtype}")
    _check_actions(row, game.num_actions)
    return row


def _check_actions(row: dict[str, Any], num_actions: int) -> None:
    legal, policy, action = row["legal"], row["policy"], row["action"]
    if not isinstance(legal, list) or not _all_numbers(legal, int) or not all(0 <= a < num_actions for a in legal):
        raise ValueError(f"has legal {legal!r}, expected a list of actions from 0 to {num_actions - 1}")
    if type(action) is not int or action not in legal:
        raise ValueError(f"has action {action!r}, expected one of legal {legal}")
    if not isinstance(policy, dict) or not policy or not _all_numbers(list(policy.values()), float):
        raise ValueError(f"has policy {policy!r}, expected actions with probabilities")
    allowed = {str(a) for a in legal}
    for one in policy:
        if one not in allowed:
            raise ValueError(f"has policy for action {one!r}, expected one of legal {legal}")


def _all_numbers(values: list[Any], kind: type) -> bool:
    return all(type(value) in (kind, int) for value in values)


def _columns(rows: list[dict[str, Any]], game: Game) -> Columns:
    expected = expected_rows(game, len(rows), max(len(row["policy"]) for row in rows))
    columns = {name: np.zeros(shape, dtype) for name, (dtype, shape) in expected.items()}
    for name in PLAIN:
        try:
            columns[name][:] = [row[name] for row in rows]
        except OverflowError:
            raise ValueError(f"has a number in {name} that is too large") from None
    columns["action"][:, 0] = [row["action"] for row in rows]
    columns["observation"][:] = np.array([row["observation"] for row in rows]).reshape(columns["observation"].shape)
    legal = np.zeros((len(rows), game.num_actions), np.uint8)
    for at, row in enumerate(rows):
        legal[at, row["legal"]] = 1
        columns["target_action"][at, : len(row["policy"])] = [int(action) for action in row["policy"]]
        columns["target_prob"][at, : len(row["policy"])] = list(row["policy"].values())
    columns["legal"] = np.packbits(legal, axis=1, bitorder="little")
    return columns
