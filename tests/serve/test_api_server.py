"""The API as a process: where it listens, and when it ends."""
from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from serve.api_server import PORTS_TRIED, ApiProcess, listen
from tests.serve.runs import add_run


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the API writes what goes wrong."""
    return tmp_path / "api.log"


def test_the_api_listens_on_loopback_on_the_next_free_port_and_ends_when_closed(tmp_path: Path, log: Path) -> None:
    store = add_run(tmp_path, "alpha")
    with listen(20_000) as taken, log.open("wb") as log_file:
        port = taken.getsockname()[1]
        api = ApiProcess(tmp_path, port, log_file)
        try:
            url = api.url()
            assert url is not None, log.read_text()
            assert urlsplit(url).hostname == "127.0.0.1"
            assert port < int(urlsplit(url).port or 0) < port + PORTS_TRIED
            assert httpx.get(f"{url}/health").json()["runs"] == 1
            assert httpx.post(f"{url}/api/runs/alpha/pause").status_code == 202
            assert store.desired("alpha") == ("paused", 2)
        finally:
            api.close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health")
    assert log.read_text() == ""


def test_the_api_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.serve.api_parent", str(tmp_path), "0"]
    parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    url = parent.stdout.readline().strip()
    assert httpx.get(f"{url}/health").status_code == 200
    parent.send_signal(signal.SIGKILL)
    parent.communicate()  # until nobody holds standard error any more, that is until the API is gone too
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health")


def test_an_api_that_cannot_start_has_no_url(tmp_path: Path, log: Path) -> None:
    with log.open("wb") as log_file:
        api = ApiProcess(tmp_path, 70_000, log_file)
        assert api.url() is None
        api.close()
    assert "no free port on 127.0.0.1 from 70000" in log.read_text()


def test_no_free_port_is_one_sentence() -> None:
    with pytest.raises(OSError, match=r"no free port on 127.0.0.1 from 65536 to 65635"):
        listen(65_536)


def test_a_port_in_use_elsewhere_on_loopback_is_passed_over() -> None:
    with socket.socket() as first:
        first.bind(("127.0.0.1", 0))
        first.listen()
        with listen(first.getsockname()[1]) as second:
            assert second.getsockname()[0] == "127.0.0.1"
            assert second.getsockname()[1] > first.getsockname()[1]
