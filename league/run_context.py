"""What surrounds whoever trains in a run."""
from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from league.run_directory import RunDirectory
from league.store import RunStore

Emit = Callable[[dict[str, Any]], None]
"""Hears what happens, as events; see `league.run.train`."""


@dataclass(frozen=True)
class RunContext:
    """The run's name and files, the store that says what people want, who listens, and the wish to end at once."""

    run_id: str
    directory: RunDirectory
    store: RunStore
    emit: Emit
    interrupt: threading.Event
