"""Fields of recorded objects: what is missing is 0 and counted, what is of the wrong kind is refused"""
from __future__ import annotations

import reprlib
from collections import Counter
from typing import Any

import numpy as np

LARGEST = float(np.finfo(np.float32).max)
LARGEST_INTEGER = 2**63 - 1


class Fields:
    """Reads fields and counts those that are missing: absent, or null.

    All methods raise ValueError, the end of a sentence, for a value of the wrong kind.
    """

    def __init__(self) -> None:
        self.missing: Counter[str] = Counter()

    def number(self, of: dict[str, Any], name: str) -> float:
        """A number that fits a float32; 0 if missing."""
        value = of.get(name)
        if value is None:
            self.missing[name] += 1
            return 0.0
        return _number(value, name)

    def integer(self, of: dict[str, Any], name: str) -> int:
        """An integer from 0 to 2**63 - 1; 0 if missing."""
        value = of.get(name)
        if value is None:
            self.missing[name] += 1
            return 0
        if type(value) is not int or not 0 <= value <= LARGEST_INTEGER:
            raise ValueError(f"has {name} {reprlib.repr(value)}, expected an integer from 0 on")
        return value

    def flag(self, of: dict[str, Any], name: str) -> bool:
        """True, false, 1 or 0; false if missing."""
        value = of.get(name)
        if value is None:
            self.missing[name] += 1
            return False
        if type(value) not in (bool, int, float) or value not in (0, 1):
            raise ValueError(f"has {name} {reprlib.repr(value)}, expected true or false")
        return bool(value)

    def pair(self, of: dict[str, Any], name: str) -> tuple[float, float]:
        """Two numbers; zeros if missing."""
        value = of.get(name)
        if value is None:
            self.missing[name] += 1
            return 0.0, 0.0
        if type(value) is not list or len(value) != 2:
            raise ValueError(f"has {name} {reprlib.repr(value)}, expected two numbers")
        return _number(value[0], name), _number(value[1], name)

    def text(self, of: dict[str, Any], name: str) -> str:
        """A text; empty if missing."""
        value = of.get(name)
        if value is None:
            self.missing[name] += 1
            return ""
        if type(value) is not str:
            raise ValueError(f"has {name} {reprlib.repr(value)}, expected a text")
        return value

    def texts(self, of: dict[str, Any], name: str) -> list[str]:
        """A list of texts; empty if missing."""
        found = self._list(of, name)
        if not all(type(one) is str for one in found):
            raise ValueError(f"has {name} {reprlib.repr(found)}, expected texts")
        return found

    def object(self, of: dict[str, Any], name: str) -> dict[str, Any]:
        """An object; an empty one if missing."""
        value = of.get(name)
        if value is None:
            self.missing[name] += 1
            return {}
        if type(value) is not dict:
            raise ValueError(f"has {name} {reprlib.repr(value)}, expected an object")
        return value

    def objects(self, of: dict[str, Any], name: str) -> list[dict[str, Any]]:
        """A list of objects; empty if missing."""
        found = self._list(of, name)
        if not all(type(one) is dict for one in found):
            raise ValueError(f"has {name} {reprlib.repr(found)}, expected objects")
        return found

    def _list(self, of: dict[str, Any], name: str) -> list[Any]:
        value = of.get(name)
        if value is None:
            self.missing[name] += 1
            return []
        if type(value) is not list:
            raise ValueError(f"has {name} {reprlib.repr(value)}, expected a list")
        return value


def _number(value: Any, name: str) -> float:
    if type(value) not in (float, int) or not -LARGEST <= value <= LARGEST:     # also refuses what 1e999 is read as
        raise ValueError(f"has {name} {reprlib.repr(value)}, expected a number")
    return float(value)
