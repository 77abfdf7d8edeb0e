"""The inference actor as an engine."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from actors.inference import Answer
from actors.remote import ask
from learners.engines.engine import Evaluation


class RemoteEngine:
    """Has `policy` evaluated by an inference actor, and asks again while that one restarts.

    The actor follows the weight store on its own: `load` changes nothing here, and `version` tells which weights
    answered last.
    """

    def __init__(self, inference: Any, policy: str) -> None:
        self.name = "remote"
        self.version = -1
        self._inference = inference
        self._policy = policy

    def load(self, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        """Does nothing."""

    def evaluate(self, observations: npt.NDArray[Any]) -> Evaluation:
        """See `Engine.evaluate`. Raises TimeoutError if the actor stays away."""
        answer: Answer = ask(
            f"evaluating positions for {self._policy!r}",
            lambda: self._inference.evaluate.remote(self._policy, observations),
        )
        self.version = answer.version
        # what Ray hands over is read-only
        return answer.logits.copy(), answer.values.copy()
