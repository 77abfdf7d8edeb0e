"""The run store's contract, case by case."""
from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serve.database import StoreError
from serve.run_row import ENDED
from serve.run_store import SqliteRunStore, TransitionError, UnknownRunError

CONFIG = {"game": "tic_tac_toe", "seed": 3}
TALLY = {"player": "main", "opponent": "random", "seat": 0, "games": 2, "wins": 1, "draws": 0, "losses": 1,
         "return_sum": 0.5, "length_sum": 14.0}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteRunStore]:
    """An empty store."""
    store = SqliteRunStore(tmp_path / "runs.sqlite")
    yield store
    store.close()


@pytest.fixture
def run(store: SqliteRunStore, tmp_path: Path) -> str:
    """The id of a run that has just been entered."""
    store.create("alpha", tmp_path / "alpha", CONFIG, resume=False)
    return "alpha"


def test_a_new_run_is_starting_and_wanted_running(store: SqliteRunStore, run: str, tmp_path: Path) -> None:
    row = store.run(run)
    assert (row.status, row.desired, row.generation, row.observed_generation) == ("starting", "running", 1, 0)
    assert (row.game, row.config, row.directory) == ("tic_tac_toe", CONFIG, str(tmp_path / "alpha"))
    assert row.at_work()


def test_an_id_is_used_once(store: SqliteRunStore, run: str) -> None:
    with pytest.raises(ValueError, match=r'run "alpha" exists already \(starting\): choose another id, or resume it'):
        store.create(run, "elsewhere", CONFIG, resume=False)


@pytest.mark.parametrize("run_id", ["", "../up", "a/b", ".hidden", "two words", "x" * 101])
def test_an_id_that_is_no_folder_name_is_refused(store: SqliteRunStore, run_id: str) -> None:
    with pytest.raises(ValueError, match="is not usable as a folder name: expected letters"):
        store.create(run_id, "somewhere", CONFIG, resume=False)
    assert store.runs() == []


def test_runs_come_newest_first(store: SqliteRunStore) -> None:
    for run_id in ("one", "two", "three"):
        store.create(run_id, run_id, CONFIG, resume=False)
    assert [row.run_id for row in store.runs()] == ["three", "two", "one"]


def test_an_unknown_run_is_named_with_the_nearest_or_the_newest(store: SqliteRunStore) -> None:
    with pytest.raises(UnknownRunError, match=r'run "alpa" is not in .*runs.sqlite \(there is none yet\)'):
        store.run("alpa")
    store.create("alpha", "alpha", CONFIG, resume=False)
    store.create("omega", "omega", CONFIG, resume=False)
    with pytest.raises(KeyError, match=r'run "alpa" is not in .*\(did you mean "alpha"\?\)'):
        store.observe("alpa", "running")
    with pytest.raises(UnknownRunError, match=r'\(the newest is "omega"\)'):
        store.commit_result("zzz", "m", {}, [])


def test_every_wish_has_a_generation_and_is_audited(store: SqliteRunStore, run: str) -> None:
    store.observe(run, "running", generation=1)
    assert store.set_desired(run, "paused", "cli") == 2
    assert store.set_desired(run, "paused", "api") == 2
    assert store.desired(run) == ("paused", 2)
    assert store.set_desired(run, "running", "api") == 3
    wishes = [(each["generation"], each["desired"], each["source"]) for each in store.changes(run)]
    assert wishes == [(1, "running", "train"), (2, "paused", "cli"), (3, "running", "api")]


def test_a_run_that_is_to_stop_cannot_be_paused_or_resumed(store: SqliteRunStore, run: str) -> None:
    store.set_desired(run, "stopped", "cli")
    with pytest.raises(TransitionError, match='run "alpha" is stopping and cannot be resumed'):
        store.set_desired(run, "running", "cli")
    assert store.set_desired(run, "stopped", "cli") == 2


@pytest.mark.parametrize("status", ENDED)
def test_a_run_that_has_ended_cannot_be_steered(store: SqliteRunStore, run: str, status: str) -> None:
    store.observe(run, status, "because")
    for desired, participle in (("paused", "paused"), ("running", "resumed"), ("stopped", "stopped")):
        with pytest.raises(TransitionError, match=f'run "alpha" is {status} and cannot be {participle}'):
            store.set_desired(run, desired, "cli")
    assert store.desired(run) == ("running", 1)


def test_unknown_states_are_refused(store: SqliteRunStore, run: str) -> None:
    with pytest.raises(ValueError, match='desired state "halted" is unknown, expected one of running, paused'):
        store.set_desired(run, "halted", "cli")
    with pytest.raises(ValueError, match='status "halted" is unknown, expected one of starting, running'):
        store.observe(run, "halted")


def test_an_observation_keeps_what_it_does_not_say(store: SqliteRunStore, run: str) -> None:
    store.observe(run, "running", generation=1, pid=4242)
    store.observe(run, "paused", "asked to")
    row = store.run(run)
    assert (row.status, row.reason, row.observed_generation, row.pid) == ("paused", "asked to", 1, 4242)


def test_a_heartbeat_changes_nothing_else(store: SqliteRunStore, run: str) -> None:
    before = store.run(run)
    store.heartbeat(run)
    after = store.run(run)
    assert after.heartbeat > before.heartbeat
    assert (after.status, after.updated, after.generation) == (before.status, before.updated, before.generation)


def test_resuming_takes_up_an_ended_run_with_its_results(store: SqliteRunStore, run: str) -> None:
    store.commit_result(run, "m1", {}, [TALLY])
    store.set_desired(run, "stopped", "cli")
    store.observe(run, "stopped", "asked to", generation=2)
    store.create(run, store.run(run).directory, {**CONFIG, "seed": 4}, resume=True)
    row = store.run(run)
    assert (row.status, row.reason, row.desired, row.generation) == ("starting", "", "running", 3)
    assert row.config["seed"] == 4
    assert store.num_results(run) == 1
    assert store.changes(run)[-1]["source"] == "train --resume"


def test_resuming_what_another_process_drives_is_refused(store: SqliteRunStore, run: str) -> None:
    store.observe(run, "running", pid=1)
    with pytest.raises(ValueError, match='run "alpha" is running in process 1: stop it first'):
        store.create(run, "alpha", CONFIG, resume=True)


def test_resuming_nothing_is_refused(store: SqliteRunStore) -> None:
    with pytest.raises(UnknownRunError):
        store.create("alpha", "alpha", CONFIG, resume=True)


def test_deleting_forgets_everything_about_one_run(store: SqliteRunStore, run: str) -> None:
    store.create("other", "other", CONFIG, resume=False)
    for each in (run, "other"):
        store.commit_result(each, "m1", {}, [TALLY])
        store.save_document(each, "players", {"main": 1})
    with pytest.raises(TransitionError, match="is starting and cannot be deleted: stop it first"):
        store.delete(run)
    store.observe(run, "completed")
    store.delete(run)
    assert [row.run_id for row in store.runs()] == ["other"]
    store.create(run, "alpha", CONFIG, resume=False)
    assert store.payoff(run) == []
    assert store.num_results(run) == 0
    assert store.load_document(run, "players") is None
    assert store.payoff("other") == [TALLY]


def test_documents_are_replaced_whole(store: SqliteRunStore, run: str) -> None:
    assert store.load_document(run, "players") is None
    store.save_document(run, "players", {"a": 1})
    store.save_document(run, "players", {"b": [2, None, "é"]})
    assert store.load_document(run, "players") == {"b": [2, None, "é"]}


def test_a_match_counts_once(store: SqliteRunStore, run: str) -> None:
    numbers: dict[str, Any] = {"games": np.int64(3), "wins": np.int32(3), "return_sum": np.float32(3.0)}
    assert store.commit_result(run, "m1", {"steps": 20}, [TALLY])
    assert not store.commit_result(run, "m1", {"steps": 20}, [TALLY])
    assert store.commit_result(run, "m2", {}, [{**TALLY, **numbers}, {**TALLY, "seat": 1}])
    first, second = store.payoff(run)
    assert first == {**TALLY, "games": 5, "wins": 4, "losses": 2, "return_sum": 3.5, "length_sum": 28.0}
    assert second == {**TALLY, "seat": 1}
    assert store.num_results(run) == 2


def test_a_result_that_fails_half_way_leaves_nothing(store: SqliteRunStore, run: str) -> None:
    broken = {key: value for key, value in TALLY.items() if key != "losses"}
    with pytest.raises(KeyError, match="losses"):
        store.commit_result(run, "m1", {}, [TALLY, broken])
    assert store.num_results(run) == 0
    assert store.payoff(run) == []


def test_the_payoff_goes_back_to_what_it_was(store: SqliteRunStore, run: str) -> None:
    store.commit_result(run, "m1", {"steps": 20}, [TALLY])
    payoff = store.payoff(run)
    assert payoff == [TALLY]
    store.commit_result(run, "m2", {}, [TALLY, {**TALLY, "opponent": "perfect"}])
    store.replace_payoff(run, payoff)
    assert store.payoff(run) == payoff
    assert store.num_results(run) == 0
    assert store.commit_result(run, "m2", {}, [TALLY])


def test_going_back_half_way_changes_nothing(store: SqliteRunStore, run: str) -> None:
    store.commit_result(run, "m1", {}, [TALLY])
    with pytest.raises(KeyError):
        store.replace_payoff(run, [TALLY, {"player": "main"}])
    assert (store.payoff(run), store.num_results(run)) == ([TALLY], 1)


def test_a_pickled_store_opens_the_same_file(store: SqliteRunStore, run: str) -> None:
    twin = pickle.loads(pickle.dumps(store))
    twin.set_desired(run, "paused", "cli")
    assert store.desired(run) == ("paused", 2)
    twin.close()


def test_a_closed_store_opens_again(store: SqliteRunStore, run: str) -> None:
    store.close()
    assert store.run(run).run_id == run


def test_a_file_of_a_newer_ludus_is_refused(store: SqliteRunStore, run: str) -> None:
    store.close()
    with sqlite3.connect(store.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match=r"was written by a newer Ludus \(store version 99, this one knows 1\)"):
        store.runs()


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs.sqlite").write_bytes(b"not a database at all, only a text of some length" * 100)
    with pytest.raises(StoreError, match=r"cannot use the run store .*runs.sqlite: file is not a database"):
        SqliteRunStore(tmp_path / "runs.sqlite").runs()
