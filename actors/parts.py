"""Arrays of several parts in one dictionary, as files of arrays want them: `part.name`."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]


def flat(parts: Mapping[str, Mapping[str, npt.NDArray[Any]]]) -> Arrays:
    """All arrays of all parts; no part's name holds a dot."""
    return {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}


def nested(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Arrays]:
    """The parts that `flat` was given."""
    parts: dict[str, Arrays] = {}
    for key, array in arrays.items():
        part, _, name = key.partition(".")
        parts.setdefault(part, {})[name] = array
    return parts
