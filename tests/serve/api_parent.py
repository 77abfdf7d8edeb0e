"""A process with the API as its child, that waits to be killed: `python -m tests.serve.api_parent RUNS_DIR PORT`.

Prints the API's URL. The API inherits standard error, so that whoever reads it sees the end of both processes.
"""
from __future__ import annotations

import sys
from pathlib import Path

from serve.api_server import ApiProcess


def main() -> None:
    """Starts the API and waits for a line that never comes."""
    api = ApiProcess(Path(sys.argv[1]), int(sys.argv[2]), sys.stderr.buffer)
    print(api.url(), flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
