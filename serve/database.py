"""One SQLite file in WAL mode, shared by threads and by processes.

Write-ahead logging lets readers go on while one writer commits; `synchronous=NORMAL` keeps every commit through the
death of a process and the file consistent (the last commits may be lost) through the death of the machine
(https://sqlite.org/wal.html, https://sqlite.org/pragma.html#pragma_synchronous). The file must be on a local disk.
"""
from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUSY_TIMEOUT_S = 20.0
"""How long a statement waits for another process's transaction; every transaction here is far shorter."""


class StoreError(RuntimeError):
    """The store's file cannot be used; the message is one sentence that names it."""


class Database:
    """A connection per process to the file `path`, opened when first used; pickles as its path and schema.

    schema: statements that make an empty file into version `version` (kept in `PRAGMA user_version`).
    """

    def __init__(self, path: str | Path, schema: str, version: int) -> None:
        self.path = Path(path).absolute()
        self._schema = schema
        self._version = version
        self._forget()

    def __reduce__(self) -> tuple[type[Database], tuple[Path, str, int]]:
        return Database, (self.path, self._schema, self._version)

    def _forget(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._finalizer: weakref.finalize[[], Database] | None = None

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """This process's connection, held by one thread at a time."""
        if self._pid != os.getpid():
            # SQLite forbids carrying a connection across fork, even to close it: detach() leaves it alone for good.
            if self._finalizer is not None:
                self._finalizer.detach()
                _INHERITED.append(self._connection)
            self._forget()
        with self._lock:
            if self._connection is None:
                self._connection = self._open()
                self._finalizer = weakref.finalize(self, self._connection.close)
            yield self._connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection inside a write transaction: all of the block, or nothing if it raises."""
        with self.connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def close(self) -> None:
        """Closes this process's connection; the next use opens another."""
        with self._lock:
            if self._finalizer is not None:
                self._finalizer()
            self._connection = self._finalizer = None

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection: sqlite3.Connection | None = None
        try:
            connection = sqlite3.connect(self.path, BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            self._prepare(connection)
        except (sqlite3.Error, StoreError) as error:
            if connection is not None:
                connection.close()
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"cannot use the run store {self.path}: {error}") from error
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        _enter_wal_mode(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > self._version:
            raise StoreError(
                f"{self.path} was written by a newer Ludus (store version {found}, this one knows {self._version})"
            )
        if found < self._version:
            # One script, one transaction: a process that opens the file at the same time waits, then repeats it idly.
            connection.executescript(f"BEGIN IMMEDIATE; {self._schema}; PRAGMA user_version = {self._version}; COMMIT")


_INHERITED: list[sqlite3.Connection | None] = []
"""Connections that came through a fork; kept so that the garbage collector does not close them."""


def _enter_wal_mode(connection: sqlite3.Connection) -> None:
    """Switches the file to WAL; two processes that do so at once can see "locked" in spite of the busy timeout."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
