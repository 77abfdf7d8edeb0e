"""`ludus train` over a real Ray as a person ends it: Ctrl-C, SIGTERM, kill -9; and it goes on from where it was."""
from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from league.config import dump_config
from league.run_directory import WINDOWS, RunDirectory
from tests.league.test_ray_run import over_ray

pytestmark = pytest.mark.ray


@pytest.fixture
def folder() -> Iterator[Path]:
    # not tmp_path: the names of Ray's sockets must stay short
    path = Path(tempfile.mkdtemp(prefix="ludus-"))
    (path / "tiny.yaml").write_text(dump_config(over_ray(path)))
    yield path
    shutil.rmtree(path, ignore_errors=True)


class Shell:
    """`ludus train` in a process group of its own, as a terminal would start it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "serve.cli", "train", *arguments, "--no-serve", "--runs-dir", str(folder)]
        self.process = subprocess.Popen(
            command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.output = ""

    def read_until(self, text: str) -> None:
        """Reads on until a line holds `text`; fails if the process ends before."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if text in line:
                return
        pytest.fail(f"ended without {text!r}:\n{self.output}")

    def end(self, number: int, *, group: bool) -> int:
        """Sends a signal, to the whole group as Ctrl-C does or to the process alone; answers the exit status."""
        if group:
            os.killpg(self.process.pid, number)
        else:
            os.kill(self.process.pid, number)
        self.output += self.process.communicate(timeout=60)[0]
        return self.process.returncode


def test_every_way_to_end_leaves_a_run_that_goes_on(folder: Path) -> None:
    config, run = str(folder / "tiny.yaml"), folder / "r"
    first = Shell(folder, config, "--run-id", "r")
    first.read_until("evaluation at update")
    assert first.end(signal.SIGINT, group=True) == 130, first.output
    updates = [json.loads((run / "run_metadata.json").read_text())["updates"]]
    assert updates[0] > 0

    second = Shell(folder, "--resume", "--run-id", "r")
    second.read_until("evaluation at update")
    assert second.end(signal.SIGTERM, group=False) == 130, second.output
    updates.append(json.loads((run / "run_metadata.json").read_text())["updates"])

    third = Shell(folder, "--resume", "--run-id", "r")
    third.read_until("evaluation at update")
    third.read_until("evaluation at update")
    assert third.end(signal.SIGKILL, group=False) == -signal.SIGKILL

    last = Shell(folder, "--resume", "--run-id", "r", f"budget={{updates: {updates[1] + 2000}}}")
    last.read_until("evaluation at update")
    assert last.end(signal.SIGINT, group=True) == 130, last.output
    updates.append(json.loads((run / "run_metadata.json").read_text())["updates"])
    assert updates == sorted(set(updates))
    windows = [row["window"] for row in RunDirectory(run).rows(WINDOWS)]
    assert windows == list(range(1, len(windows) + 1))
