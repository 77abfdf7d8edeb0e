"""What the run store says of one run, and whether the process that wrote it is still there."""
from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from typing import Any

HEARTBEAT_TIMEOUT_S = 15.0
"""A run at work writes a heartbeat at least every few seconds; after this long without one it counts as gone."""

DESIRED = ("running", "paused", "stopped")
ACTIVE = ("starting", "running", "paused", "stopping")
ENDED = ("stopped", "completed", "failed", "interrupted")
STATUSES = ACTIVE + ENDED


@dataclass(frozen=True)
class RunRow:
    """One run: what is wanted of it (`desired`, `generation`), and what was last observed (all below `status`).

    Times are seconds since 1970; `pid` is a process of `host`. `observed_generation` is the generation of the newest
    wish that the run has acted on.
    """

    run_id: str
    directory: str
    game: str
    config: dict[str, Any]
    desired: str
    generation: int
    status: str
    reason: str
    observed_generation: int
    pid: int | None
    host: str
    heartbeat: float
    created: float
    updated: float

    @property
    def resumable(self) -> bool:
        """Whether its method can go on from a checkpoint: of RLlib's optimisers and processes nothing is kept."""
        return self.config.get("method") != "baseline"

    def absence(self) -> str:
        """Why a run that should be at work is not ("process 412 is gone"), or "" when it is at work or has ended."""
        if self.status not in ACTIVE:
            return ""
        if self.pid is not None and self.host == socket.gethostname() and not _process_exists(self.pid):
            return f"process {self.pid} is gone"
        silent_s = time.time() - self.heartbeat
        return f"no heartbeat for {silent_s:.0f} s" if silent_s > HEARTBEAT_TIMEOUT_S else ""

    def at_work(self) -> bool:
        """True while a process drives this run."""
        return self.status in ACTIVE and not self.absence()


def _process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is there, and somebody else's
        return True
    return True
