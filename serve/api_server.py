"""Runs the HTTP API in a process of its own: `python -m serve.api_server --runs-dir runs --port 8000`.

It listens on 127.0.0.1 only, on the next free port if the one asked for is taken, and says where in its first line of
output: {"api_url": "http://127.0.0.1:8001"}. With --exit-with-parent it ends when its standard input does, that is
when the process that started it is gone, however that one died.
"""
from __future__ import annotations

import argparse
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import uvicorn

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 8000
PORTS_TRIED = 100
START_TIMEOUT_S = 30.0
SHUTDOWN_S = 2


class ApiProcess:
    """The API as a child of this process; it ends when this process does, or at `close`."""

    def __init__(self, runs_dir: Path, port: int, log: IO[bytes]) -> None:
        command = [sys.executable, "-m", "serve.api_server", "--runs-dir", str(runs_dir), "--port", str(port)]
        # A session of its own: Ctrl-C in the terminal is for the run, whose last minute the API still shows.
        self._process = subprocess.Popen(
            [*command, "--exit-with-parent"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def url(self, timeout_s: float = START_TIMEOUT_S) -> str | None:
        """Waits for the child's first line; its URL, or None if it died or took too long. Call once."""
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        line, deadline = b"", time.monotonic() + timeout_s
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([output], [], [], max(0.0, deadline - time.monotonic()))
            received = os.read(output, 4096) if ready else b""
            if not received:
                return None
            line += received
        return str(json.loads(line)["api_url"])

    def close(self) -> None:
        """Ends the child and waits for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(SHUTDOWN_S + 3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def listen(port: int) -> socket.socket:
    """A listening socket on loopback at `port`, or at the next free one above it; raises OSError if there is none."""
    for candidate in range(port, min(port + PORTS_TRIED, 65536)):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, candidate))
            listener.listen(128)
        except OSError:
            listener.close()
        else:
            return listener
    raise OSError(f"no free port on {LOOPBACK} from {port} to {port + PORTS_TRIED - 1}")


def serve(runs_dir: Path, port: int, exit_with_parent: bool = False) -> None:
    """Serves the API over `runs_dir` until a signal comes, or (`exit_with_parent`) until standard input ends."""
    import uvicorn

    from serve.api import create_app
    from serve.run_control import open_store

    listener = listen(port)
    config = uvicorn.Config(
        create_app(open_store(runs_dir)), log_level="warning", timeout_graceful_shutdown=SHUTDOWN_S
    )
    server = uvicorn.Server(config)
    if exit_with_parent:
        threading.Thread(target=_exit_at_end_of_input, args=(server,), daemon=True).start()
    host, bound = listener.getsockname()
    print(json.dumps({"api_url": f"http://{host}:{bound}"}), flush=True)
    server.run(sockets=[listener])


def _exit_at_end_of_input(server: uvicorn.Server) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.should_exit = True


def main() -> None:
    """The command line of `python -m serve.api_server`."""
    parser = argparse.ArgumentParser(prog="python -m serve.api_server", description="The HTTP API over a runs folder.")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"), help="folder of all runs")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="first port to try on 127.0.0.1")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when standard input does")
    arguments = parser.parse_args()
    serve(arguments.runs_dir, arguments.port, arguments.exit_with_parent)


if __name__ == "__main__":
    main()
