"""The embedded run store: what is wanted of every run, what it does, and the league's results, in one SQLite file.

Desired state is written by people (`set_desired`), observed state by the run itself (`observe`, `heartbeat`); the
generation counts the wishes, so that a run can say which one it has acted on. Results are committed exactly once by
match id, together with the payoff they add to.
"""
from __future__ import annotations

import difflib
import json
import os
import re
import socket
import sqlite3
import time
from pathlib import Path
from typing import Any

from serve import league_tables
from serve.database import Database
from serve.run_row import DESIRED, ENDED, STATUSES, RunRow

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT PRIMARY KEY, directory TEXT NOT NULL, game TEXT NOT NULL, config TEXT NOT NULL,
    desired TEXT NOT NULL, generation INTEGER NOT NULL,
    status TEXT NOT NULL, reason TEXT NOT NULL, observed_generation INTEGER NOT NULL,
    pid INTEGER, host TEXT NOT NULL, heartbeat REAL NOT NULL, created REAL NOT NULL, updated REAL NOT NULL);
CREATE TABLE IF NOT EXISTS changes (
    run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, generation INTEGER NOT NULL,
    desired TEXT NOT NULL, source TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (run_id, generation)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, name TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (run_id, name));
""" + league_tables.SCHEMA
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
PARTICIPLE = {"running": "resumed", "paused": "paused", "stopped": "stopped"}


class UnknownRunError(KeyError):
    """No run has this id; the message names the nearest or the newest one there is."""

    def __str__(self) -> str:
        return str(self.args[0])


class RunExistsError(ValueError):
    """A run with this id exists already, or is at work in another process."""


class TransitionError(ValueError):
    """The run is in a state in which this cannot be wished for."""


class SqliteRunStore:
    """The run store in the file `path` (made when first used); safe for threads, processes and pickling."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).absolute()
        self._database = Database(self.path, SCHEMA, SCHEMA_VERSION)

    def __reduce__(self) -> tuple[type[SqliteRunStore], tuple[Path]]:
        return SqliteRunStore, (self.path,)

    def close(self) -> None:
        """Closes the file in this process; the next call opens it again."""
        self._database.close()

    # Runs

    def create(self, run_id: str, directory: str | Path, config: dict[str, Any], resume: bool) -> None:
        """Enters a run that this process is about to start, or (`resume`) takes up one that has ended.

        Raises ValueError for an id that exists (or, with `resume`, that is still at work), UnknownRunError for one
        that does not exist but should.
        """
        if not RUN_ID.fullmatch(run_id):
            raise ValueError(
                f'run id "{run_id}" is not usable as a folder name: '
                "expected letters, digits, dots, dashes and underscores, a letter or digit first, at most 100"
            )
        now = time.time()
        with self._database.transaction() as connection:
            if resume:
                row = self._row(connection, run_id)
                if row.at_work() and row.pid != os.getpid():
                    raise RunExistsError(f'run "{run_id}" is {row.status} in process {row.pid}: stop it first')
                generation, created = row.generation + 1, row.created
                source = "train --resume"
            else:
                found = connection.execute("SELECT status FROM runs WHERE run_id = ?", (run_id,)).fetchone()
                if found is not None:
                    raise RunExistsError(
                        f'run "{run_id}" exists already ({found["status"]}): choose another id, or resume it'
                    )
                generation, created, source = 1, now, "train"
            connection.execute(
                "INSERT INTO runs VALUES (?, ?, ?, ?, 'running', ?, 'starting', '', 0, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET directory = excluded.directory, game = excluded.game,"
                " config = excluded.config, desired = excluded.desired, generation = excluded.generation,"
                " status = excluded.status, reason = excluded.reason, pid = excluded.pid, host = excluded.host,"
                " heartbeat = excluded.heartbeat, updated = excluded.updated",
                (run_id, str(Path(directory).absolute()), str(config.get("game", "")), json.dumps(config), generation,
                 os.getpid(), socket.gethostname(), now, created, now),
            )
            _audit(connection, run_id, generation, "running", source)

    def runs(self) -> list[RunRow]:
        """Every run, newest first."""
        with self._database.connection() as connection:
            found = connection.execute("SELECT * FROM runs ORDER BY created DESC, rowid DESC").fetchall()
        return [_run_row(each) for each in found]

    def run(self, run_id: str) -> RunRow:
        """The run `run_id`; raises UnknownRunError, which names the nearest id."""
        with self._database.connection() as connection:
            return self._row(connection, run_id)

    def delete(self, run_id: str) -> None:
        """Forgets a run with its documents, results and payoff; its folder stays."""
        with self._database.transaction() as connection:
            row = self._row(connection, run_id)
            if row.at_work():
                raise TransitionError(f'run "{run_id}" is {row.status} and cannot be deleted: stop it first')
            connection.execute("DELETE FROM runs WHERE run_id = ?", (run_id,))

    # Desired state, written by people

    def set_desired(self, run_id: str, desired: str, source: str) -> int:
        """Wishes the run `desired` and returns the wish's generation; the wish in force again changes nothing.

        source: who wishes, for the audit. Raises TransitionError when the run has ended or is to stop.
        """
        if desired not in DESIRED:
            raise ValueError(f'desired state "{desired}" is unknown, expected one of {", ".join(DESIRED)}')
        with self._database.transaction() as connection:
            row = self._row(connection, run_id)
            if row.status in ENDED:
                raise TransitionError(f'run "{run_id}" is {row.status} and cannot be {PARTICIPLE[desired]}')
            if row.desired == desired:
                return row.generation
            if row.desired == "stopped":
                raise TransitionError(f'run "{run_id}" is stopping and cannot be {PARTICIPLE[desired]}')
            connection.execute(
                "UPDATE runs SET desired = ?, generation = ?, updated = ? WHERE run_id = ?",
                (desired, row.generation + 1, time.time(), run_id),
            )
            _audit(connection, run_id, row.generation + 1, desired, source)
            return row.generation + 1

    def desired(self, run_id: str) -> tuple[str, int]:
        """What is wanted of the run, and the generation of that wish."""
        row = self.run(run_id)
        return row.desired, row.generation

    def changes(self, run_id: str) -> list[dict[str, Any]]:
        """Every wish, oldest first: generation, desired, source, at (seconds since 1970)."""
        with self._database.connection() as connection:
            self._require(connection, run_id)
            found = connection.execute(
                "SELECT generation, desired, source, at FROM changes WHERE run_id = ? ORDER BY generation", (run_id,)
            )
            return [dict(each) for each in found]

    # Observed state, written by the run

    def observe(
        self, run_id: str, status: str, reason: str = "", generation: int | None = None, pid: int | None = None
    ) -> None:
        """Writes what the run does now; also a heartbeat.

        generation: of the newest wish acted on (unchanged if None). pid: of the process to watch (likewise).
        """
        if status not in STATUSES:
            raise ValueError(f'status "{status}" is unknown, expected one of {", ".join(STATUSES)}')
        now = time.time()
        with self._database.transaction() as connection:
            self._require(connection, run_id)
            connection.execute(
                "UPDATE runs SET status = ?, reason = ?, observed_generation = coalesce(?, observed_generation),"
                " pid = coalesce(?, pid), host = iif(? IS NULL, host, ?), heartbeat = ?, updated = ? WHERE run_id = ?",
                (status, reason, generation, pid, pid, socket.gethostname(), now, now, run_id),
            )

    def heartbeat(self, run_id: str) -> None:
        """Says that the run is still at work."""
        with self._database.transaction() as connection:
            done = connection.execute("UPDATE runs SET heartbeat = ? WHERE run_id = ?", (time.time(), run_id))
            if not done.rowcount:
                self._require(connection, run_id)

    # The league's documents and results

    def load_document(self, run_id: str, name: str) -> dict[str, Any] | None:
        """The document saved under `name`, or None."""
        with self._database.connection() as connection:
            self._require(connection, run_id)
            found = connection.execute(
                "SELECT body FROM documents WHERE run_id = ? AND name = ?", (run_id, name)
            ).fetchone()
        return None if found is None else dict(json.loads(found["body"]))

    def save_document(self, run_id: str, name: str, document: dict[str, Any]) -> None:
        """Saves a JSON document under `name`, in place of the one before."""
        body = json.dumps(document)
        with self._database.transaction() as connection:
            self._require(connection, run_id)
            connection.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", (run_id, name, body))

    def commit_result(
        self, run_id: str, match_id: str, result: dict[str, Any], tallies: list[dict[str, Any]]
    ) -> bool:
        """Enters a match's result once and adds its tallies to the payoff, both or neither; False if it was there.

        tallies: one dict per (player, opponent, seat) with games, wins, draws, losses, return_sum, length_sum.
        """
        with self._database.transaction() as connection:
            self._require(connection, run_id)
            return league_tables.insert_result(connection, run_id, match_id, result, tallies)

    def payoff(self, run_id: str) -> list[dict[str, Any]]:
        """Tallies of every (player, opponent, seat), in that order."""
        with self._database.connection() as connection:
            self._require(connection, run_id)
            return league_tables.read_payoff(connection, run_id)

    def num_results(self, run_id: str) -> int:
        """How many matches have been committed."""
        with self._database.connection() as connection:
            self._require(connection, run_id)
            return league_tables.count_results(connection, run_id)

    def replace_payoff(self, run_id: str, tallies: list[dict[str, Any]]) -> None:
        """Forgets every result; the payoff becomes `tallies`, as `payoff` gave them. How a run goes back in time."""
        with self._database.transaction() as connection:
            self._require(connection, run_id)
            league_tables.replace_payoff(connection, run_id, tallies)

    def _require(self, connection: sqlite3.Connection, run_id: str) -> None:
        if connection.execute("SELECT 1 FROM runs WHERE run_id = ?", (run_id,)).fetchone() is None:
            self._row(connection, run_id)

    def _row(self, connection: sqlite3.Connection, run_id: str) -> RunRow:
        found = connection.execute("SELECT * FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        if found is None:
            ids = [each["run_id"] for each in connection.execute("SELECT run_id FROM runs ORDER BY created DESC")]
            near = difflib.get_close_matches(run_id, ids, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f'the newest is "{ids[0]}"' if ids else "there is none yet"
            raise UnknownRunError(f'run "{run_id}" is not in {self.path} ({hint})')
        return _run_row(found)


def _run_row(found: sqlite3.Row) -> RunRow:
    return RunRow(**{**dict(found), "config": json.loads(found["config"])})


def _audit(connection: sqlite3.Connection, run_id: str, generation: int, desired: str, source: str) -> None:
    connection.execute("INSERT INTO changes VALUES (?, ?, ?, ?, ?)", (run_id, generation, desired, source, time.time()))
