"""What people want of a running run, and obeying it: pause, resume, stop, a signal."""
from __future__ import annotations

import time
from collections.abc import Callable

from league.run_context import RunContext

POLL_S = 0.25           # between two looks at the desired state


class Ended(Exception):
    """Somebody wants the run to end: status and reason."""


class Wishes:
    """Looks at the desired state in the run store, a few times a second at most."""

    def __init__(self, context: RunContext) -> None:
        self._run_id, self._directory = context.run_id, context.directory
        self._store, self._emit = context.store, context.emit
        self._interrupt = context.interrupt
        self._polled_s = 0.0

    def listen(self, before_pause: Callable[[], None], after_pause: Callable[[], None]) -> tuple[str, str] | None:
        """Obeys; answers how the run ends, as status and reason, if it does.

        A pause lasts until somebody wants otherwise: `before_pause` brings everything to disk, `after_pause` begins
        clocks anew.
        """
        if self._interrupt.is_set():
            return "interrupted", "interrupted by a signal"
        now = time.monotonic()
        if now - self._polled_s < POLL_S:
            return None
        self._polled_s = now
        desired, generation = self._store.desired(self._run_id)
        if desired == "paused":
            before_pause()
            self._pause(generation)
            after_pause()
            desired, generation = self._store.desired(self._run_id)
            if self._interrupt.is_set():
                return "interrupted", "interrupted while paused"
        if desired == "stopped":
            return "stopped", "stopped as asked"
        return None

    def _pause(self, generation: int) -> None:
        self._say("paused", "paused as asked", generation)
        desired = "paused"
        while desired == "paused" and not self._interrupt.wait(POLL_S):
            self._store.heartbeat(self._run_id)
            desired, generation = self._store.desired(self._run_id)
        if desired == "running":
            self._say("running", "resumed as asked", generation)

    def _say(self, status: str, reason: str, generation: int) -> None:
        self._store.observe(self._run_id, status, reason, generation)
        self._directory.update_metadata(status=status, reason=reason)
        self._emit({"kind": "status", "status": status, "reason": reason})
