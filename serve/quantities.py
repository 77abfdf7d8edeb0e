"""Numbers as people read them: 1.23 M, 4 min 10 s."""
from __future__ import annotations


def quantity(value: float) -> str:
    """Three digits and a letter for the thousands: 950, 1.23 k, 45.6 M."""
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= 0.9995 * size:
            return f"{value / size:.{_decimals(value / size)}f}{letter}"
    return f"{value:.{0 if value == int(value) else _decimals(value)}f}"


def duration(seconds: float) -> str:
    """The two largest units: 42 s, 4 min 10 s, 3 h 25 min, 2 d 4 h."""
    whole = round(seconds)
    minutes, hours = whole // 60, whole // 3600
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{minutes} min {whole % 60} s"
    if whole < 86400:
        return f"{hours} h {minutes % 60} min"
    return f"{hours // 24} d {hours % 24} h"


def _decimals(value: float) -> int:
    return 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
