"""Ctrl-C, SIGTERM or a closed terminal while a run trains: the first asks for a checkpoint, the second ends at once."""
from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from serve.live_view import restore_terminal

INTERRUPTED = 130
"""Exit status of a program ended by Ctrl-C: 128 + SIGINT."""

FIRST = b"\nfinishing: writing a checkpoint (Ctrl-C again stops at once)\n"


@contextmanager
def interruption() -> Iterator[threading.Event]:
    """An event that the first SIGINT, SIGTERM or SIGHUP sets; the second ends the process without any clean-up.

    For the main thread. The handlers that were there come back at the end.
    """
    interrupted = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        # os.write: a handler may run in the middle of a print, which must not be entered twice
        if number == signal.SIGHUP:
            _leave_terminal()
        if interrupted.is_set():
            restore_terminal()
            os._exit(INTERRUPTED)
        interrupted.set()
        os.write(2, FIRST)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave_terminal() -> None:
    """Sends all further output nowhere: what is written to a terminal that has gone would raise."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
