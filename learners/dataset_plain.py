"""Games and decisions of other origin, as lines of JSON, turned into rows of a dataset.

Format "games", a line per game: `{"moves": [3, 3, 2], "result": 1}`. Every move becomes a row.
Format "decisions", a line per decision: `{"moves": [3, 3], "action": 2}`: what was played after these moves.

Moves are action numbers or texts in the game's notation. "result": return of seat 0 in a zero-sum game of two, or the
returns of all seats; it may be missing where the moves reach the game's end, and must agree with the rules there.
"seed" (0): of the game's chance. What was played becomes the whole policy; the value of the search, which nobody knows,
is 0, and so is the outcome of a decision without a result: `known` of the dataset's facts lacks them then.
"""
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from envs import registry
from learners.columns import expected_rows
from learners.dataset_split import Columns
from native.game import Game, State

KEYS = {"games": ({"moves"}, {"result", "seed"}), "decisions": ({"moves", "action"}, {"result", "seed"})}
"""Of each format: the keys that must be there, and those that may."""


@dataclass
class Row:
    """One decision, before its outcome is in."""

    observation: npt.NDArray[Any]
    legal: npt.NDArray[np.uint8]
    action: int
    seat: int
    so_far: float       # return of that seat before the decision
    ply: int


class Replay:
    """One game, replayed from its beginning."""

    def __init__(self, game: Game, seed: int) -> None:
        self.state: State = game.new_state(seed)
        self.returns = np.zeros(game.num_players, np.float64)
        self.ply = 0
        self._notation = registry.notation(game.name)

    def action(self, move: Any) -> int:
        """The number of a move. Raises ValueError for one that is not legal here."""
        if self.state.is_terminal:
            raise ValueError(f"has move {move!r} after the end of the game")
        number = self._notation.action_from_text(self.state, move) if isinstance(move, str) else move
        if type(number) is not int or number not in self.state.legal_actions():
            raise ValueError(f"has move {self.ply + 1} {move!r}, legal are {self.state.legal_actions()}")
        return number

    def row(self, action: int) -> Row:
        """The decision for `action` here."""
        seat = self.state.to_act()
        return Row(self.state.observe(), self.state.legal(), action, seat, float(self.returns[seat]), self.ply)

    def apply(self, action: int) -> None:
        """Plays on."""
        self.state.apply(action)
        self.returns += self.state.rewards()
        self.ply += 1


def detect(path: Path) -> str:
    """The format of a file, by its name and its first line: rows, games or decisions. Raises ValueError."""
    if path.suffix == ".parquet" or path.is_dir():
        return "rows"
    with path.open(encoding="utf-8", errors="replace") as file:
        line = file.readline()
    try:
        first = json.loads(line)
    except json.JSONDecodeError:
        raise ValueError(f"{path} line 1 is not JSON: {line[:80].strip()!r}") from None
    if isinstance(first, dict):
        if "ludus_dataset" in first:
            return "rows"
        for name, (needed, allowed) in KEYS.items():
            if needed <= set(first) <= needed | allowed:
                return name
    raise ValueError(f"{path} line 1 has no known format: {line[:80].strip()!r}; name it, or see `--help`")


def read_plain(
    path: Path, game: Game, kind: str, refuse: Callable[[str], None], chunk_rows: int
) -> Iterator[tuple[Columns, bool]]:
    """Columns of about `chunk_rows` rows, whole lines, and whether all their outcomes are known.

    kind: "games" or "decisions". `refuse` hears, with file and line, of lines that cannot be used. Every line counts as
    one game. Raises ValueError for a game of several actions at once.
    """
    if game.simultaneous or len(game.head_sizes) > 1:
        raise ValueError(f"{game.name} is not played one action at a time; a dataset needs that")
    rows: list[tuple[Row, float, int]] = []
    known = True
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                of_line, returns = _decisions(line, game, kind)
            except ValueError as fault:
                refuse(f"{path} line {number} {fault}")
                continue
            known &= returns is not None
            rows += [
                (row, 0.0 if returns is None else returns[row.seat] - row.so_far, number) for row in of_line
            ]
            if len(rows) >= chunk_rows:
                yield _columns(rows, game), known
                rows = []
    if rows:
        yield _columns(rows, game), known


def _decisions(line: str, game: Game, kind: str) -> tuple[list[Row], list[float] | None]:
    """Rows of a line and the returns of the whole game by seat, if known. Raises ValueError, the end of a sentence."""
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as fault:
        raise ValueError(f"is not JSON: {fault.msg} at character {fault.pos}") from None
    needed, allowed = KEYS[kind]
    if not isinstance(entry, dict) or not needed <= set(entry) <= needed | allowed:
        found = sorted(entry) if isinstance(entry, dict) else type(entry).__name__
        raise ValueError(f"has {found}, expected {sorted(needed)}, perhaps {sorted(allowed)}")
    if not isinstance(entry["moves"], list):
        raise ValueError(f"has moves {entry['moves']!r}, expected a list")
    if kind == "games" and not entry["moves"]:
        raise ValueError("has no moves")
    seed = entry.get("seed", 0)
    if type(seed) is not int or not 0 <= seed < 2**64:
        raise ValueError(f"has seed {seed!r}, expected a number from 0 to 2**64 - 1")
    replay, rows = Replay(game, seed), []
    for move in entry["moves"]:
        action = replay.action(move)
        if kind == "games":
            rows.append(replay.row(action))
        replay.apply(action)
    if kind == "decisions":
        rows.append(replay.row(replay.action(entry["action"])))
    returns = _returns(entry.get("result"), game)
    if replay.state.is_terminal:
        by_rules = replay.returns.tolist()
        if returns is not None and not np.allclose(returns, by_rules, atol=1e-5):
            raise ValueError(f"has result {entry['result']}, by the rules it is {by_rules}")
        return rows, by_rules
    if returns is None and kind == "games":
        raise ValueError(f"has no result, and the game is not over after {len(entry['moves'])} moves")
    return rows, returns


def _returns(result: Any, game: Game) -> list[float] | None:
    seats = game.num_players
    if result is None:
        return None
    if type(result) in (int, float) and seats <= 2 and (game.zero_sum or seats == 1):
        result = [result, -result][:seats]
    if not isinstance(result, list) or len(result) != seats or not all(type(one) in (int, float) for one in result):
        raise ValueError(f"has result {result!r}, expected the returns of {seats} seats")
    try:
        return [float(one) for one in result]
    except OverflowError:
        raise ValueError(f"has a result that is too large: {str(result)[:60]}") from None


def _columns(rows: list[tuple[Row, float, int]], game: Game) -> Columns:
    expected = expected_rows(game, len(rows), 1)
    columns = {name: np.zeros(shape, dtype) for name, (dtype, shape) in expected.items()}
    columns["observation"][:] = [row.observation for row, _, _ in rows]
    columns["legal"] = np.packbits(np.stack([row.legal for row, _, _ in rows]) != 0, axis=1, bitorder="little")
    columns["action"][:, 0] = columns["target_action"][:, 0] = [row.action for row, _, _ in rows]
    columns["target_prob"][:] = 1
    columns["outcome"][:] = [outcome for _, outcome, _ in rows]
    columns["episode"][:] = [number for _, _, number in rows]
    columns["ply"][:] = [row.ply for row, _, _ in rows]
    return columns
