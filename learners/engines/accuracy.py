"""How far an engine's outputs are from those of torch in float32, and how far they may be.

The bounds are about the noise that a search hardly notices: with 32 visits, a policy that is off by 0.03 in one action
moves one visit; a value that is off by 0.02 is well below the error of the value itself.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from learners.engines.engine import Evaluation

MAX_VALUE_ERROR = 0.02          # largest, in units of returns; relative to the largest value where that is above 1
MAX_POLICY_ERROR = 0.03         # largest difference of a probability, softmax over all actions
MEAN_POLICY_ERROR = 0.01        # probability that changes its action (total variation), mean over the rows


@dataclass(frozen=True)
class Errors:
    """Of an engine's outputs on some rows; each is to be compared with the bound of the like name."""

    value: float
    policy: float
    policy_mean: float

    @property
    def acceptable(self) -> bool:
        """Whether all are within their bounds; outputs that are not numbers never are."""
        return (self.value <= MAX_VALUE_ERROR and self.policy <= MAX_POLICY_ERROR
                and self.policy_mean <= MEAN_POLICY_ERROR)

    def __str__(self) -> str:
        return f"value {self.value:.4f}, policy {self.policy:.4f}, mean {self.policy_mean:.4f}"


def compare(found: Evaluation, exact: Evaluation) -> Errors:
    """The errors of `found` against `exact`, on the same rows."""
    difference = np.abs(_softmax(found[0]) - _softmax(exact[0]))
    scale = max(1.0, float(np.abs(exact[1]).max()))
    return Errors(
        float(np.abs(found[1].astype(np.float64) - exact[1]).max()) / scale,
        float(difference.max()),
        float(difference.sum(1).mean()) / 2,
    )


def _softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    shifted = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    return np.asarray(shifted / shifted.sum(1, keepdims=True))
