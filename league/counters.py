"""What a run has done so far, and means of what its updates said."""
from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class Counters:
    """What a run has done; continued exactly by a resumed one."""

    updates: int = 0
    env_steps: int = 0          # decisions learned from
    window: int = 0             # windows closed
    window_began: int = 0       # env_steps when the running window began
    elapsed_s: float = 0.0      # of training; pauses not counted
    snapshot_at: int = 0        # updates at the latest snapshot


@dataclass
class Means:
    """Means of the figures of some updates; those of a skipped update that are not finite do not count."""

    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            if math.isfinite(value):
                self.sums[name] = self.sums.get(name, 0.0) + value
                self.counts[name] = self.counts.get(name, 0) + 1

    def take(self) -> dict[str, float]:
        """The means so far; begins anew."""
        means = {name: total / self.counts[name] for name, total in self.sums.items()}
        self.sums, self.counts = {}, {}
        return means
