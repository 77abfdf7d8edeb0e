"""The interface of inference engines. Letters: n rows, A actions."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Evaluation = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""Logits `[n, A]`, C-contiguous, and values `[n]`; the caller's to keep."""


class Engine(Protocol):
    """One network in one library. `name` says which, as `learners.engines.catalogue` lists it."""

    @property
    def name(self) -> str: ...

    def load(self, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        """Takes a copy of `weights`, as `read_weights` gives them, and compiles what it must.

        Raises ValueError naming what does not fit, with the engine unchanged.
        """

    def evaluate(self, observations: npt.NDArray[Any]) -> Evaluation:
        """Of observations `[n, *shape]` of the game's dtype, n at least 1."""


def as_input(observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`observations` themselves if a library can read them in place, which wants them contiguous and writable."""
    return np.require(observations, requirements=["C", "W"])
