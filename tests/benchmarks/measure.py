"""Timing: seconds per call, repeated, and the record of one case that `ludus bench` prints.

The process runs on one core where a benchmark does not say otherwise; what it compares is measured in the same run.
"""
from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence


def measure(function: Callable[[], object], repeats: int = 7, minimum_s: float = 0.2) -> list[float]:
    """Seconds per call of `function`, once per repeat; each repeat makes as many calls as fill `minimum_s`.

    A first call warms up, a second one tells how many are needed; neither counts.
    """
    function()
    calls = max(1, round(minimum_s / max(_seconds(function, 1), 1e-7)))
    return [_seconds(function, calls) / calls for _ in range(repeats)]


def _seconds(function: Callable[[], object], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return time.perf_counter() - start


def record(bench: str, case: str, values: Sequence[float], unit: str) -> dict[str, object]:
    """One line of results: the median of `values`, the smallest and the largest."""
    return {
        "bench": bench,
        "case": case,
        "value": statistics.median(values),
        "unit": unit,
        "low": min(values),
        "high": max(values),
        "repeats": len(values),
    }
