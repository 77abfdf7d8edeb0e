"""What is in steps: counts, histograms of the action heads, ranges of rewards and features, added up part by part

Letters: N rows, F features.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from learners.importers.steps import Columns, StepFacts


class Tally:
    """Sums over any number of parts in constant memory, but for the numbers of the episodes."""

    def __init__(self, facts: StepFacts) -> None:
        self._facts = facts
        self.rows = 0
        self._episodes: set[int] = set()
        self._stretches = self._done = self._known = self._zero = 0
        self._heads = {name: np.zeros(size, np.int64) for name, size in facts.heads.items()}
        # Column 0 is the reward, the others are the features. float64 [1 + F] each
        width = 1 + len(facts.observation)
        self._low, self._high, self._sum = np.full(width, np.inf), np.full(width, -np.inf), np.zeros(width)

    def add(self, columns: Columns) -> None:
        """Adds rows, N at least 1; `columns` as `learners.importers.steps.read` gives them."""
        self.rows += len(columns["reward"])
        self._episodes.update(np.unique(columns["episode"]).tolist())
        self._stretches += int(columns["begins"].sum())
        self._done += int(columns["done"].sum())
        self._known += int(np.isfinite(columns["log_prob"]).sum())
        self._zero += int((columns["reward"] == 0).sum())
        for head, (name, counts) in enumerate(self._heads.items()):
            self._heads[name] = counts + np.bincount(columns["action"][:, head], minlength=len(counts))
        values = np.column_stack([columns["reward"], columns["observation"]]).astype(np.float64)
        self._low, self._high = np.minimum(self._low, values.min(axis=0)), np.maximum(self._high, values.max(axis=0))
        self._sum += values.sum(axis=0)

    def figures(self) -> dict[str, Any]:
        """Plain figures; of no rows, their number alone."""
        if not self.rows:
            return {"rows": 0}
        ranges = [
            {"min": float(low), "max": float(high), "mean": float(total) / self.rows}
            for low, high, total in zip(self._low, self._high, self._sum, strict=True)
        ]
        return {
            "rows": self.rows,
            "episodes": len(self._episodes),
            "stretches": self._stretches,       # of rows that follow one another
            "done": self._done,
            "log_prob_known": self._known,
            "actions": {name: counts.tolist() for name, counts in self._heads.items()},
            "reward": {**ranges[0], "zero": self._zero / self.rows},
            "observation": dict(zip(self._facts.observation, ranges[1:], strict=True)),
        }
