"""The command line as people type it: output, exit statuses, one sentence for every mistake."""
from __future__ import annotations

import inspect
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from serve import cli
from serve.run_control import STORE_NAME
from serve.run_store import SqliteRunStore
from tests import benchmarks
from tests.serve import fake_league
from tests.serve.runs import add_rows, add_run, dead_pid

Ludus = Callable[..., Result]


@pytest.fixture
def ludus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ludus:
    """Runs `ludus` with these words in a folder of its own, on a wide screen."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("LUDUS_RUNS_DIR", raising=False)
    return lambda *words, **options: CliRunner().invoke(cli.app, list(words), **options)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """The folder that `ludus` takes for the runs if it is not told."""
    return tmp_path / "runs"


def test_help_teaches_by_examples() -> None:
    script = Path(sys.executable).with_name("ludus")
    done = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    for words in ("ludus games", "ludus train configs/connect_four.yaml", "ludus runs pause RUN", "train --resume"):
        assert words in done.stdout


def test_what_only_looks_does_not_import_what_trains() -> None:
    code = "import sys, serve.cli; print({'torch', 'ray', 'numpy', 'fastapi', 'uvicorn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_games_are_listed_with_their_sizes(ludus: Ludus) -> None:
    lines = [" ".join(line.split()) for line in ludus("games").stdout.splitlines()]
    start = lines.index("connect_four: four in a row on a board of 7 columns and 6 rows")
    assert lines[start + 1:start + 4] == ["players 2", "actions 7", "observation 2 x 6 x 7 uint8"]
    assert "kind zero-sum" in lines


def test_no_runs_yet(ludus: Ludus, runs: Path) -> None:
    assert ludus("runs", "list").stdout.startswith("no runs in runs yet; start one with: ludus train ")
    assert ludus("runs", "list", "--json").stdout == "[]\n"
    done = ludus("runs", "pause", "alpha")
    sentence = f"ludus: there are no runs in runs: expected the file {STORE_NAME} there\n"
    assert (done.exit_code, done.stderr) == (2, sentence)
    assert not runs.exists()


def test_runs_are_listed_with_what_is_wished_of_them(ludus: Ludus, runs: Path) -> None:
    add_run(runs, "alpha").set_desired("alpha", "paused", "test")
    add_run(runs, "beta", pid=dead_pid())
    rows = [line.split() for line in ludus("runs", "list").stdout.splitlines() if "tic_tac_toe" in line]
    assert [row[0] for row in rows] == ["beta", "alpha"]
    assert "interrupted, resumable with: ludus train --resume --run-id beta" in " ".join(rows[0])
    assert "running, to be paused" in " ".join(rows[1])
    assert [run["status"] for run in json.loads(ludus("runs", "list", "--json").stdout)] == ["interrupted", "running"]


def test_the_folder_of_runs_is_an_option_or_a_variable(ludus: Ludus, tmp_path: Path) -> None:
    add_run(tmp_path / "else where", "alpha")
    assert "alpha" in ludus("runs", "list", "--runs-dir", "else where").stdout
    assert "alpha" in ludus("runs", "list", env={"LUDUS_RUNS_DIR": "else where"}).stdout


def test_show_prints_everything_of_one_run(ludus: Ludus, runs: Path) -> None:
    add_run(runs, "alpha")
    add_rows(runs, "alpha", "training", [{"updates": 3, "loss_total": 0.5}])
    text = ludus("runs", "show", "alpha").stdout
    for line in ("status: running", "  seed: 5", "  loss_total: 0.5", "  source: train"):
        assert line in text.splitlines()
    assert json.loads(ludus("runs", "show", "alpha", "--json").stdout)["training"] == {"updates": 3, "loss_total": 0.5}


def test_an_unknown_run_is_one_sentence(ludus: Ludus, runs: Path) -> None:
    add_run(runs, "alpha")
    for verb in ("show", "pause", "resume", "stop", "delete"):
        done = ludus("runs", verb, "alpah")
        assert done.exit_code == 2
        assert done.stderr.startswith('ludus: run "alpah" is not in ')
        assert done.stderr.endswith('(did you mean "alpha"?)\n')
        assert done.stdout == ""


@pytest.fixture
def obedient(runs: Path) -> Iterator[SqliteRunStore]:
    """A run `alpha` that does what is wished of it, until it is to stop."""
    store = add_run(runs, "alpha")
    ended = threading.Event()

    def obey() -> None:
        while not ended.wait(0.002):
            row = store.run("alpha")
            if row.observed_generation < row.generation:
                store.observe("alpha", row.desired, "as asked", row.generation)

    thread = threading.Thread(target=obey)
    thread.start()
    yield store
    ended.set()
    thread.join()


def test_pause_resume_and_stop_return_when_it_is_done(ludus: Ludus, obedient: SqliteRunStore) -> None:
    for verb, status in (("pause", "paused"), ("resume", "running"), ("stop", "stopped")):
        done = ludus("runs", verb, "alpha")
        assert (done.exit_code, done.stderr) == (0, "")
        assert done.stdout.splitlines()[-1] == f"alpha is {status} (as asked)"
        assert obedient.run("alpha").status == status
    done = ludus("runs", "pause", "alpha")
    assert (done.exit_code, done.stderr) == (1, 'ludus: run "alpha" is stopped and cannot be paused\n')


def test_a_run_that_ends_instead_is_no_success(ludus: Ludus, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = add_run(runs, "alpha")
    monkeypatch.setattr(time, "sleep", lambda _: store.observe("alpha", "completed", "budget used up"))
    done = ludus("runs", "pause", "alpha")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-1] == "alpha is completed (budget used up)"


def test_one_need_not_wait(ludus: Ludus, runs: Path) -> None:
    store = add_run(runs, "alpha")
    done = ludus("runs", "pause", "alpha", "--no-wait")
    assert (done.exit_code, done.stdout) == (0, "alpha is running, to be paused\n")
    done = ludus("runs", "pause", "alpha", "--timeout", "0")
    assert (done.exit_code, done.stderr) == (1, 'ludus: run "alpha" is still running after 0 s\n')
    assert store.desired("alpha") == ("paused", 2)


def test_delete_asks_first(ludus: Ludus, runs: Path) -> None:
    add_run(runs, "alpha", "completed")
    assert ludus("runs", "delete", "alpha", input="n\n").exit_code == 1
    assert (runs / "alpha").exists()
    done = ludus("runs", "delete", "alpha", input="y\n")
    assert done.stdout.endswith("alpha is deleted\n")
    assert not (runs / "alpha").exists()


def test_delete_refuses_a_run_at_work(ludus: Ludus, runs: Path) -> None:
    add_run(runs, "alpha")
    done = ludus("runs", "delete", "alpha", "--yes")
    assert (done.exit_code, done.stderr) == (1, 'ludus: run "alpha" is running and cannot be deleted: stop it first\n')


@pytest.mark.parametrize(
    ("text", "words", "named"),
    [
        ("game: tic_tac_toe\nlearnign: {}", [], "learnign"),
        ("game: tik_tac_toe", [], "tik_tac_toe"),
        ("game: tic_tac_toe\nseed: -1", [], "seed"),
        ("game: tic_tac_toe", ["seed=many"], "many"),
        ("game: tic_tac_toe", ["sede=3"], "sede"),
        ("game: tic_tac_toe", ["--profile", "mainframe"], "mainframe"),
    ],
)
def test_a_mistake_in_a_config_is_one_sentence_before_anything_starts(
    ludus: Ludus, runs: Path, tmp_path: Path, text: str, words: list[str], named: str
) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    done = ludus("train", "mine.yaml", *words)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("ludus: ")
    assert done.stderr.count("\n") == 1
    assert named in done.stderr
    assert not runs.exists()


def test_train_without_a_config_says_what_is_expected(ludus: Ludus) -> None:
    sentence = "ludus: no config was given, expected for example: ludus train configs/connect_four.yaml\n"
    for words in ([], ["seed=3"]):
        done = ludus("train", *words)
        assert (done.exit_code, done.stdout, done.stderr) == (2, "", sentence)


def test_train_ends_with_the_status_of_the_run(
    ludus: Ludus, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.yaml").write_text("game: tic_tac_toe")
    monkeypatch.setattr("serve.train_command.import_train", lambda: lambda config, **others: {"status": "interrupted"})
    done = ludus("train", "mine.yaml", "seed=7", "--no-serve", "--run-id", "alpha")
    assert done.exit_code == 130
    assert SqliteRunStore(runs / STORE_NAME).run("alpha").config["seed"] == 7


@pytest.fixture
def two_benchmarks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Puts two benchmarks, and a module that is none, in place of tests/benchmarks."""
    for name in ("first", "second"):
        record = f'{{"bench": "{name}", "value": 1.5, "peers": peers}}'
        (tmp_path / f"{name}.py").write_text(f"def run(peers):\n    yield {record}\n    yield {record}\n")
    (tmp_path / "ruler.py").write_text("")
    monkeypatch.setattr(benchmarks, "__path__", [str(tmp_path)])
    yield
    for name in ("first", "second", "ruler"):
        sys.modules.pop(f"tests.benchmarks.{name}", None)
        vars(benchmarks).pop(name, None)


@pytest.mark.usefixtures("two_benchmarks")
def test_bench_prints_one_object_per_line(ludus: Ludus) -> None:
    first, second = ({"bench": name, "value": 1.5, "peers": False} for name in ("first", "second"))
    for words, expected in ((["second"], [second] * 2), (["all"], [first] * 2 + [second] * 2)):
        assert [json.loads(line) for line in ludus("bench", *words).stdout.splitlines()] == expected
    assert json.loads(ludus("bench", "first", "--peers").stdout.splitlines()[0])["peers"] is True


@pytest.mark.usefixtures("two_benchmarks")
@pytest.mark.parametrize("name", ["third", "ruler"])
def test_an_unknown_benchmark_names_those_there_are(ludus: Ludus, name: str) -> None:
    done = ludus("bench", name)
    sentence = f'ludus: benchmark "{name}" is unknown, expected one of first, second, or all\n'
    assert (done.exit_code, done.stderr) == (2, sentence)


def test_every_benchmark_can_be_asked_for_with_all() -> None:
    modules = cli._benchmarks("all")
    assert {module.__name__ for module in modules} >= {"tests.benchmarks.end_to_end", "tests.benchmarks.envs"}
    for module in modules:
        inspect.signature(module.run).bind(False)       # raises TypeError where it does not take `peers` alone


def test_a_reader_that_goes_away_does_not_end_a_run(tmp_path: Path) -> None:
    code = (
        "from serve.live_view import LiveView, PatientConsole\n"
        "with LiveView(PatientConsole(), ['first']) as view:\n"
        "    for i in range(10000): view({'kind': 'message', 'text': 'x' * 100})\n"
        "open('ended', 'w').close()\n"
    )
    root = Path(fake_league.__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(root)}, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"first\n"
    process.stdout.close()
    assert process.wait() == 0
    assert (tmp_path / "ended").exists()
