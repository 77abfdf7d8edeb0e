"""The run store with several processes and threads at once, and under kill -9."""
from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from serve.database import Database
from serve.run_store import RunExistsError, SqliteRunStore

WRITER = "tests.serve.store_writer"
NUM_MATCHES = 3000


def start_writer(store: SqliteRunStore, first: int, last: int) -> subprocess.Popen[str]:
    """A process that commits the matches from `first` to before `last`."""
    command = [sys.executable, "-m", WRITER, str(store.path), "alpha", str(first), str(last)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def store(tmp_path: Path) -> SqliteRunStore:
    """A store with one run in it."""
    store = SqliteRunStore(tmp_path / "runs.sqlite")
    store.create("alpha", tmp_path / "alpha", {"game": "g"}, resume=False)
    return store


def test_two_processes_and_this_one_lose_and_double_nothing(store: SqliteRunStore) -> None:
    writers = [start_writer(store, 0, 2000), start_writer(store, 1000, NUM_MATCHES)]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()  # both are at work, and so is this process
    for generation in range(2, 202):
        desired = "paused" if generation % 2 == 0 else "running"
        assert store.set_desired("alpha", desired, "test") == generation
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    (tally,) = store.payoff("alpha")
    assert store.num_results("alpha") == NUM_MATCHES
    assert tally["games"] == tally["wins"] == NUM_MATCHES
    assert tally["length_sum"] == sum(range(NUM_MATCHES))
    assert len(store.changes("alpha")) == 201


def test_a_writer_killed_in_the_middle_loses_and_doubles_nothing(store: SqliteRunStore) -> None:
    for acknowledged_before_kill in (1, 20, 75):
        store.replace_payoff("alpha", [])
        writer = start_writer(store, 0, 100_000)
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline().strip() for _ in range(acknowledged_before_kill)]
        writer.send_signal(signal.SIGKILL)
        acknowledged += writer.communicate()[0].split("\n")[:-1]
        assert writer.returncode == -signal.SIGKILL

        with sqlite3.connect(store.path) as reader:
            survived = [match_id for (match_id,) in reader.execute("SELECT match_id FROM results")]
        reader.close()
        assert set(acknowledged) <= set(survived)
        assert len(survived) <= len(acknowledged) + 1, "at most the commit under way came through unacknowledged"
        assert store.payoff("alpha")[0]["games"] == len(survived)
        with sqlite3.connect(store.path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()

        again = start_writer(store, 0, len(survived) + 10)
        again.communicate()
        assert store.num_results("alpha") == len(survived) + 10
        assert store.payoff("alpha")[0]["length_sum"] == sum(range(len(survived) + 10))


def test_threads_share_one_store(store: SqliteRunStore) -> None:
    tally = {"player": "a", "opponent": "b", "seat": 0, "games": 1, "wins": 0, "draws": 1, "losses": 0,
             "return_sum": 0.0, "length_sum": 9.0}
    with ThreadPoolExecutor(8) as pool:
        new = list(pool.map(lambda i: store.commit_result("alpha", f"m{i % 50}", {}, [tally]), range(200)))
    assert sum(new) == 50
    assert store.payoff("alpha")[0]["games"] == 50


def test_one_process_of_many_creates_a_run_and_the_file(tmp_path: Path) -> None:
    def create(_: int) -> bool:
        store = SqliteRunStore(tmp_path / "new" / "runs.sqlite")
        try:
            store.create("beta", "beta", {"game": "g"}, resume=False)
        except RunExistsError:
            return False
        finally:
            store.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(16))) == 1


def test_a_forked_child_opens_a_connection_of_its_own(tmp_path: Path) -> None:
    database = Database(tmp_path / "forked.sqlite", "CREATE TABLE IF NOT EXISTS seen (number INTEGER)", 1)
    with database.connection() as connection:
        before = connection
    child = os.fork()
    if child == 0:
        try:
            with database.transaction() as connection:
                connection.execute("INSERT INTO seen VALUES (7)")
            os._exit(0 if connection is not before else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with database.connection() as connection:
        assert connection is before
        assert connection.execute("SELECT number FROM seen").fetchone()["number"] == 7
