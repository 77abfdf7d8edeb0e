"""The verbs that the command line and the API share."""
from __future__ import annotations

import threading
from pathlib import Path

import pytest

from serve import run_control
from serve.run_control import RunSummary
from serve.run_row import HEARTBEAT_TIMEOUT_S
from serve.run_store import TransitionError, UnknownRunError
from tests.serve.runs import TALLY, add_rows, add_run, dead_pid, silence


def test_a_run_whose_process_is_gone_is_interrupted(tmp_path: Path) -> None:
    gone = dead_pid()
    store = add_run(tmp_path, "alpha", "paused", pid=gone)
    (run,) = run_control.list_runs(store)
    assert (run.status, run.reason) == ("interrupted", f"process {gone} is gone")
    assert run_control.state(run) == "interrupted, resumable with: ludus train --resume --run-id alpha"


def test_a_silent_run_is_interrupted_after_its_heartbeat_timeout(tmp_path: Path) -> None:
    store = add_run(tmp_path, "alpha")
    silence(store, "alpha", HEARTBEAT_TIMEOUT_S - 5)
    assert run_control.show_run(store, "alpha").status == "running"
    silence(store, "alpha", 6)
    run = run_control.show_run(store, "alpha")
    assert (run.status, run.reason) == ("interrupted", "no heartbeat for 16 s")


@pytest.mark.parametrize("status", ["completed", "stopped", "failed", "interrupted"])
def test_an_ended_run_stays_what_it_is(tmp_path: Path, status: str) -> None:
    store = add_run(tmp_path, "alpha", status, pid=dead_pid())
    silence(store, "alpha", 1000)
    assert run_control.show_run(store, "alpha").status == status


def test_an_interrupted_run_cannot_be_steered_and_the_message_says_what_can_be_done(tmp_path: Path) -> None:
    store = add_run(tmp_path, "alpha", pid=dead_pid())
    with pytest.raises(TransitionError, match=r"is gone\) and cannot be stopped: ludus train --resume --run-id alpha"):
        run_control.stop(store, "alpha", "cli")
    assert store.desired("alpha") == ("running", 1)


def test_a_baseline_that_is_gone_is_gone_for_good(tmp_path: Path) -> None:
    store = add_run(tmp_path, "alpha", pid=dead_pid(), method="baseline")
    (run,) = run_control.list_runs(store)
    assert run_control.state(run) == "interrupted"
    with pytest.raises(TransitionError, match=r"is gone\) and cannot be stopped: start another one"):
        run_control.stop(store, "alpha", "cli")


def test_a_wish_shows_beside_what_is(tmp_path: Path) -> None:
    store = add_run(tmp_path, "alpha")
    store.create("beta", tmp_path / "beta", {"game": "tic_tac_toe"}, resume=False)
    assert run_control.state(run_control.show_run(store, "beta")) == "starting"
    assert run_control.state(run_control.pause(store, "beta", "cli")) == "starting, to be paused"
    assert run_control.state(run_control.pause(store, "alpha", "cli")) == "running, to be paused"
    store.observe("alpha", "paused", generation=2)
    assert run_control.state(run_control.show_run(store, "alpha")) == "paused"
    assert run_control.state(run_control.resume(store, "alpha", "cli")) == "paused, to be running"
    assert run_control.state(run_control.stop(store, "alpha", "api")) == "paused, to be stopped"
    assert [each["source"] for each in store.changes("alpha")] == ["train", "cli", "cli", "api"]


def test_show_has_settings_wishes_metadata_and_the_newest_rows(tmp_path: Path) -> None:
    store = add_run(tmp_path, "alpha")
    (tmp_path / "alpha" / "run_metadata.json").write_text('{"latest_window": 2}')
    add_rows(tmp_path, "alpha", "training", [{"updates": 1}, {"updates": 2}])
    add_rows(tmp_path, "alpha", "windows", [{"window": 0}])
    details = run_control.show_run(store, "alpha")
    assert details.config == {"game": "tic_tac_toe", "seed": 5}
    assert details.metadata == {"latest_window": 2}
    assert (details.training, details.window) == ({"updates": 2}, {"window": 0})
    assert details.changes[0]["desired"] == "running"


def test_waiting_returns_when_the_run_has_acted_on_the_wish(tmp_path: Path) -> None:
    store = add_run(tmp_path, "alpha", "paused")
    run_control.resume(store, "alpha", "cli")
    run_control.pause(store, "alpha", "cli")  # still paused, of the first wish
    seen: list[str] = []
    asked = threading.Event()

    def act() -> None:
        asked.wait(30)
        for status, generation in (("running", 2), ("paused", 3)):
            store.observe("alpha", status, generation=generation)

    run = threading.Thread(target=act)
    run.start()

    def on_change(summary: RunSummary) -> None:
        seen.append(summary.status)
        asked.set()

    summary = run_control.wait_for(store, "alpha", ("paused",), 30, on_change)
    run.join()
    assert (summary.status, summary.observed_generation) == ("paused", 3)
    assert seen[0] == "paused"


def test_waiting_ends_when_the_run_does(tmp_path: Path) -> None:
    store = add_run(tmp_path, "alpha")
    run_control.pause(store, "alpha", "cli")
    store.observe("alpha", "completed")
    assert run_control.wait_for(store, "alpha", ("paused",), 30).status == "completed"


def test_waiting_in_vain_says_what_the_run_does(tmp_path: Path) -> None:
    store = add_run(tmp_path, "alpha")
    run_control.pause(store, "alpha", "cli")
    with pytest.raises(TimeoutError, match='run "alpha" is still running after 0 s'):
        run_control.wait_for(store, "alpha", ("paused",), 0)


def test_delete_removes_the_folder_unless_told_not_to(tmp_path: Path) -> None:
    for run_id, keep in (("alpha", False), ("beta", True)):
        store = add_run(tmp_path, run_id, "completed")
        store.commit_result(run_id, "m", {}, [TALLY])
        assert run_control.delete(store, run_id, keep_files=keep) == tmp_path / run_id
        assert (tmp_path / run_id).exists() == keep
        with pytest.raises(UnknownRunError):
            store.run(run_id)


def test_delete_leaves_a_run_at_work_and_foreign_folders_alone(tmp_path: Path) -> None:
    store = add_run(tmp_path, "alpha")
    with pytest.raises(TransitionError, match="is running and cannot be deleted: stop it first"):
        run_control.delete(store, "alpha")
    store.create("beta", tmp_path, {"game": "g"}, resume=False)
    store.observe("beta", "completed")
    with pytest.raises(TransitionError, match="not one of its name: delete it by hand"):
        run_control.delete(store, "beta")
    assert (tmp_path / "alpha").exists()
    assert store.run("beta").status == "completed"
