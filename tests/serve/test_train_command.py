"""`ludus train` around a league that is not there: requests, exit statuses, signals, heartbeats, the API beside it."""
from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from envs import registry
from league.config import load_config
from learners.config import Learning
from learners.learner import Learner
from learners.network_config import Network
from serve import train_command
from serve.live_view import PatientConsole
from serve.run_control import open_store
from serve.train_command import TrainRequest, execute
from tests.serve import fake_league
from tests.serve.fake_league import Settings, request
from tests.serve.runs import add_run

Train = Callable[..., dict[str, Any]]


class Baseline(Settings):
    """Of a run that cannot be resumed."""

    method: str = "baseline"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config file; the fake league does not read what is in it."""
    path = tmp_path / "my config.yaml"
    path.touch()
    return path


def run(asked: TrainRequest, train: Train) -> tuple[int, str]:
    """Exit status and output."""
    output = io.StringIO()
    status = execute(asked, fake_league.load, lambda: train, PatientConsole(file=output, width=200),
                     lambda: fake_league.check)
    return status, output.getvalue()


def returning(status: str, seen: dict[str, Any] | None = None) -> Train:
    """A run that ends at once as `status`, and keeps what it was called with in `seen`."""

    def train(config: Settings, **others: Any) -> dict[str, Any]:
        if seen is not None:
            seen.update(others, config=config)
        return {"status": status}

    return train


@pytest.mark.parametrize(("status", "code"), [("completed", 0), ("stopped", 0), ("interrupted", 130), ("failed", 1)])
def test_the_exit_status_says_how_the_run_ended(tmp_path: Path, config: Path, status: str, code: int) -> None:
    assert run(request(tmp_path, config), returning(status))[0] == code


def test_a_new_run_is_entered_and_gets_what_was_asked_for(tmp_path: Path, config: Path) -> None:
    seen: dict[str, Any] = {}
    asked = request(tmp_path, config, overrides=["seed=7"], profile="laptop", run_id="alpha")
    _, output = run(asked, returning("completed", seen))
    row = open_store(tmp_path).run("alpha")
    assert seen["config"] == Settings(overrides=["seed=7"], profile="laptop")
    assert row.config == {"game": "tic_tac_toe", "overrides": ["seed=7"], "profile": "laptop"}
    assert (seen["run_id"], seen["resume"], seen["api_url"]) == ("alpha", False, None)
    assert seen["directory"] == tmp_path / "alpha" == Path(row.directory)
    assert seen["directory"].is_dir()
    assert not seen["interrupt"].is_set()
    assert output == f"training alpha from {config}\n"


def test_a_run_is_named_after_its_config_and_the_time(tmp_path: Path, config: Path) -> None:
    seen: dict[str, Any] = {}
    run(request(tmp_path, config), returning("completed", seen))
    assert seen["run_id"].startswith("my-config-20")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"config": None}, "no config was given, expected for example: ludus train configs/connect_four.yaml"),
        ({"config": Path("missing.yaml")}, "missing.yaml is no file"),
        ({"run_id": "a/b"}, 'run id "a/b" is not usable as a folder name'),
        ({"run_id": "taken"}, r'run "taken" exists already \(completed\): choose another id, or resume it'),
        ({"resume": True, "run_id": "token"}, r'run "token" is not in .* \(did you mean "taken"\?\)'),
        ({"resume": True, "run_id": "busy"}, 'run "busy" is running in process 1: stop it first'),
        ({"resume": True, "run_id": "yard"}, 'run "yard" is a baseline, which cannot be resumed: start another one'),
        ({"resume": True, "config": None}, "there is no run to resume in .*: start one without --resume"),
        ({"resume": True, "config": Path("c4.yaml")}, "there is no run of c4.yaml to resume in"),
    ],
)
def test_an_impossible_request_is_refused_before_anything_starts(
    tmp_path: Path, config: Path, changes: dict[str, Any], sentence: str
) -> None:
    changes = dict(changes)
    runs_dir = tmp_path / "runs"
    add_run(runs_dir, "taken", "completed")
    add_run(runs_dir, "busy", "running", pid=1)
    add_run(runs_dir, "yard", "failed", method="baseline")
    (runs_dir / "busy" / "config.yaml").touch()
    before = sorted(path.name for path in runs_dir.iterdir()), open_store(runs_dir).runs()
    asked = request(runs_dir, changes.pop("config", config), serve=True, **changes)
    with pytest.raises((ValueError, KeyError), match=sentence):
        run(asked, returning("completed"))
    assert (sorted(path.name for path in runs_dir.iterdir()), open_store(runs_dir).runs()) == before


def test_resuming_reads_the_config_of_the_run(tmp_path: Path, config: Path) -> None:
    seen: dict[str, Any] = {}
    run(request(tmp_path, config, run_id="alpha"), returning("interrupted"))
    open_store(tmp_path).observe("alpha", "interrupted")
    (tmp_path / "alpha" / "config.yaml").touch()
    asked = request(tmp_path, None, run_id="alpha", resume=True, overrides=["seed=8"])
    _, output = run(asked, returning("completed", seen))
    assert (seen["resume"], seen["config"].overrides) == (True, ["seed=8"])
    assert output == f"continuing alpha from {tmp_path / 'alpha' / 'config.yaml'}\n"


def test_without_an_id_the_newest_run_that_was_cut_short_is_resumed(tmp_path: Path) -> None:
    for run_id, status in (("c4-1", "interrupted"), ("c4-2", "stopped"), ("ttt-1", "failed"), ("c4-3", "completed"),
                           ("c4-4", "failed")):
        add_run(tmp_path, run_id, status)
        (tmp_path / run_id / "config.yaml").touch()
    checkpoint(tmp_path / "ttt-1")          # which the other one that failed does not have
    for config, expected in ((None, "ttt-1"), (Path("configs/c4.yaml"), "c4-2")):
        seen: dict[str, Any] = {}
        run(request(tmp_path, config, resume=True), returning("completed", seen))
        assert seen["run_id"] == expected


RESUME = "ludus train --resume --run-id alpha goes back to"


@pytest.mark.parametrize(("kept", "way"), [
    ("", "it has no checkpoint: start another run"),
    ("checkpoints/ckpt_1/run.json", f"{RESUME} its last checkpoint"),
    ("checkpoints/ckpt_1/learner/learner.json", "it has no checkpoint: start another run"),     # half of one
    ("cells/mse_0.json", f"{RESUME} what it had finished"),
    ("datasets/.data.parquet.parts/part-00000.parquet", f"{RESUME} what it had finished"),
])
def test_a_run_that_breaks_is_entered_as_failed(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str], kept: str, way: str
) -> None:
    def train(config: Settings, **others: Any) -> dict[str, Any]:
        if kept:
            (others["directory"] / kept).parent.mkdir(parents=True)
            (others["directory"] / kept).touch()
        raise RuntimeError("no data for 90 s")

    assert run(request(tmp_path, config, run_id="alpha"), train)[0] == 1
    row = open_store(tmp_path).run("alpha")
    assert (row.status, row.reason) == ("failed", "RuntimeError: no data for 90 s")
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].startswith("Traceback")
    assert errors[-1] == f"ludus: alpha failed; {way}"


@pytest.mark.parametrize(("status", "error", "first"), [
    ("starting", ValueError("that cannot be"), "ludus: that cannot be"),
    ("starting", UnicodeDecodeError("utf-8", b"", 0, 1, "odd"), "Traceback (most recent call last):"),
    ("running", ValueError("shapes differ"), "Traceback (most recent call last):"),
])
def test_what_cannot_be_is_a_sentence_and_a_bug_has_a_traceback(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str], status: str, error: ValueError, first: str
) -> None:
    def train(config: Settings, **others: Any) -> dict[str, Any]:
        others["emit"]({"kind": "status", "status": status, "reason": ""})
        others["emit"]({"kind": "message", "text": "more"})
        raise error

    assert run(request(tmp_path, config, run_id="alpha"), train)[0] == 1
    assert open_store(tmp_path).run("alpha").status == "failed"
    assert capsys.readouterr().err.splitlines()[0] == first


def checkpoint(directory: Path) -> Path:
    """A whole checkpoint, but for the learner."""
    folder = directory / "checkpoints" / "ckpt_000001_000000001"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    return folder


@pytest.mark.parametrize(("changes", "sentence"), [
    (["game=connect_four"], "game is connect_four, but the run to be resumed has tic_tac_toe"),
    (["learning.network.hidden=[8]"], r"does not fit this learner: network\.hidden is \[16\], expected \[8\]"),
])
def test_a_run_is_resumed_as_what_it_is_or_stays_as_it_was(
    tmp_path: Path, changes: list[str], sentence: str
) -> None:
    tree = {"game": "tic_tac_toe", "backend": "local", "learning": {"network": {"hidden": [16]}}}
    settings = tmp_path / "mine.yaml"
    settings.write_text(json.dumps(tree))
    seen: dict[str, Any] = {}

    def started(resume: bool, overrides: list[str]) -> int:
        asked = request(tmp_path / "runs", None if resume else settings, run_id="alpha", resume=resume,
                        overrides=overrides)
        return execute(asked, load_config, lambda: returning("completed", seen), PatientConsole(file=io.StringIO()))

    started(False, [])
    store = open_store(tmp_path / "runs")
    store.observe("alpha", "completed")
    learner = Learner(registry.make("tic_tac_toe"), Learning(network=Network(hidden=(16,))), seed=1)
    learner.save(checkpoint(tmp_path / "runs" / "alpha") / "learner")
    settings.rename(tmp_path / "runs" / "alpha" / "config.yaml")
    before = store.run("alpha"), store.changes("alpha")
    with pytest.raises(ValueError, match=sentence):
        started(True, changes)
    assert (store.run("alpha"), store.changes("alpha")) == before
    assert started(True, ["learning.discount=0.9"]) == 0
    assert seen["config"].learning.discount == 0.9


def test_a_model_that_is_not_there_is_missed_before_a_run_exists(tmp_path: Path) -> None:
    settings = tmp_path / "mine.yaml"
    settings.write_text("game: tic_tac_toe\nlearning: {initialise_from: nowhere}")
    with pytest.raises(ValueError, match="there is no model in nowhere: there is no such folder"):
        execute(request(tmp_path / "runs", settings), load_config, lambda: returning("completed"),
                PatientConsole(file=io.StringIO()))
    assert not (tmp_path / "runs").exists()


def test_of_a_baseline_that_breaks_nothing_can_be_resumed(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake_league, "load", lambda *arguments: Baseline())

    def train(config: Settings, **others: Any) -> dict[str, Any]:
        raise RuntimeError("no data for 90 s")

    assert run(request(tmp_path, config, run_id="alpha"), train)[0] == 1
    assert capsys.readouterr().err.splitlines()[-1] == "ludus: alpha failed"


def test_a_busy_run_keeps_its_heartbeat(tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_command, "HEARTBEAT_S", 0.001)
    beats: set[float] = set()

    def train(config: Settings, **others: Any) -> dict[str, Any]:
        while len(beats) < 3:
            beats.add(others["store"].run(others["run_id"]).heartbeat)
        return {"status": "completed"}

    assert run(request(tmp_path, config), train)[0] == 0
    assert train_command.HEARTBEAT_THREAD not in {thread.name for thread in threading.enumerate()}


def test_the_api_answers_while_the_run_lasts(tmp_path: Path, config: Path) -> None:
    urls = []

    def train(config: Settings, **others: Any) -> dict[str, Any]:
        urls.append(others["api_url"])
        assert httpx.post(f"{others['api_url']}/api/runs/alpha/stop").status_code == 202
        return {"status": others["store"].desired("alpha")[0]}

    status, output = run(request(tmp_path, config, run_id="alpha", serve=True), train)
    assert status == 0
    assert f"watch and steer: {urls[0]}/docs" in output
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{urls[0]}/health")


def test_an_api_that_does_not_start_does_not_keep_the_run_from_training(tmp_path: Path, config: Path) -> None:
    status, output = run(request(tmp_path, config, run_id="alpha", serve=True, port=70_000), returning("completed"))
    assert status == 0
    assert "the HTTP API did not start, see " in output
    assert "no free port" in (tmp_path / "alpha" / "api.log").read_text()


def start(runs_dir: Path, how: str) -> tuple[subprocess.Popen[str], str]:
    """A training process, and the URL of its API once it trains."""
    command = [sys.executable, "-m", "tests.serve.fake_league", str(runs_dir), how]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("training http"):
            return process, line.split()[1]
    raise AssertionError(process.communicate())


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_first_signal_asks_for_a_checkpoint(tmp_path: Path, first: signal.Signals) -> None:
    process, url = start(tmp_path, "obedient")
    process.send_signal(first)
    output, errors = process.communicate()
    assert process.returncode == 130
    assert output.endswith("checkpoint written\n")
    assert errors.strip() == "finishing: writing a checkpoint (Ctrl-C again stops at once)"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health")


def test_a_closed_terminal_asks_for_a_checkpoint(tmp_path: Path) -> None:
    process, _ = start(tmp_path, "obedient")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()      # whoever read is gone, as a terminal is
    process.stderr.close()
    process.send_signal(signal.SIGHUP)
    assert process.wait(30) == 130


def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    process, _ = start(tmp_path, "stubborn")
    assert process.stderr is not None
    process.send_signal(signal.SIGINT)
    assert (process.stderr.readline(), process.stderr.readline()[:9]) == ("\n", "finishing")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate()
    assert process.returncode == 130
    assert "checkpoint" not in output
