"""The coordinator in a process of its own, found by name; its state is in the run store."""
from __future__ import annotations

import os

from league.coordinator import Coordinator


class CoordinatorActor(Coordinator):
    """See `league.coordinator`. Restarted, it goes on from the store."""

    def process(self) -> int:
        """Process id, for whoever supervises it."""
        return os.getpid()
