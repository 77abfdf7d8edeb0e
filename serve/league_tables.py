"""The league's part of the run store: results, entered once by match id, and the payoff they add up to."""
from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS results (
    run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, match_id TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (run_id, match_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS payoff (
    run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    player TEXT NOT NULL, opponent TEXT NOT NULL, seat INTEGER NOT NULL,
    games INTEGER NOT NULL, wins INTEGER NOT NULL, draws INTEGER NOT NULL, losses INTEGER NOT NULL,
    return_sum REAL NOT NULL, length_sum REAL NOT NULL,
    PRIMARY KEY (run_id, player, opponent, seat)) WITHOUT ROWID
"""
COUNTS = ("games", "wins", "draws", "losses")
SUMS = ("return_sum", "length_sum")
_ADD_TALLY = """
INSERT INTO payoff VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET games = games + excluded.games, wins = wins + excluded.wins,
    draws = draws + excluded.draws, losses = losses + excluded.losses,
    return_sum = return_sum + excluded.return_sum, length_sum = length_sum + excluded.length_sum
"""


def insert_result(
    connection: sqlite3.Connection, run_id: str, match_id: str, result: dict[str, Any], tallies: list[dict[str, Any]]
) -> bool:
    """Enters a result and adds its tallies; False, and no change, if the match id is there already."""
    done = connection.execute(
        "INSERT INTO results VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (run_id, match_id, json.dumps(result))
    )
    if not done.rowcount:
        return False
    connection.executemany(_ADD_TALLY, _rows(run_id, tallies))
    return True


def count_results(connection: sqlite3.Connection, run_id: str) -> int:
    """How many match ids have been entered."""
    return int(connection.execute("SELECT count(*) FROM results WHERE run_id = ?", (run_id,)).fetchone()[0])


def read_payoff(connection: sqlite3.Connection, run_id: str) -> list[dict[str, Any]]:
    """Tallies of every (player, opponent, seat), in that order."""
    found = connection.execute(
        "SELECT player, opponent, seat, games, wins, draws, losses, return_sum, length_sum"
        " FROM payoff WHERE run_id = ? ORDER BY player, opponent, seat", (run_id,)
    )
    return [dict(each) for each in found]


def replace_payoff(connection: sqlite3.Connection, run_id: str, tallies: list[dict[str, Any]]) -> None:
    """Forgets the run's results and puts `tallies`, as `read_payoff` gives them, in place of their sums."""
    connection.execute("DELETE FROM results WHERE run_id = ?", (run_id,))
    connection.execute("DELETE FROM payoff WHERE run_id = ?", (run_id,))
    connection.executemany(_ADD_TALLY, _rows(run_id, tallies))


def _rows(run_id: str, tallies: Iterable[dict[str, Any]]) -> list[tuple[Any, ...]]:
    # int and float: sqlite3 refuses NumPy integers
    return [
        (run_id, str(tally["player"]), str(tally["opponent"]), int(tally["seat"]),
         *(int(tally[name]) for name in COUNTS), *(float(tally[name]) for name in SUMS))
        for tally in tallies
    ]
