"""An engine whose outputs are compared with those of torch in float32 whenever it takes weights.

Where it errs beyond the bounds of `learners.engines.accuracy`, a more exact one takes its place, for these weights and
for a few more loads: trying costs time. What is in use is compared at every load all the same.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy.typing as npt

from learners.engines.accuracy import Errors, compare
from learners.engines.catalogue import FALLBACKS
from learners.engines.engine import Engine, Evaluation
from learners.engines.torch_engine import TorchEngine
from learners.network_config import Network
from native.game import Game

EXACT = "torch"
MOST_PAUSE = 16     # loads


class CheckedEngine:
    """The engine called `preferred`, or what replaces it; `build` makes one by name.

    sample: the observations they are compared on, a few dozen. Figures: `loads`, and at how many of them an
    engine was found to err too much (`fallbacks`); `errors` of the present weights; `report`, one sentence on the
    latest load, which `on_fallback` gets as well where there was one.
    """

    def __init__(
        self, preferred: str, game: Game, network: Network, *, build: Callable[[str], Engine],
        sample: npt.NDArray[Any], on_fallback: Callable[[str], None] = lambda report: None,
    ) -> None:
        self.preferred = preferred
        self.loads = 0
        self.fallbacks = 0
        self.errors = Errors(0.0, 0.0, 0.0)
        self.report = "no weights yet"
        self._build = build
        self._exact = TorchEngine(game, network)
        self._built: dict[str, Engine] = {EXACT: self._exact}
        self._sample = sample
        self._on_fallback = on_fallback
        self._pause = self._rest = 0    # loads without the preferred engine: after the latest failure, and still left
        self._engine = self._get(preferred)

    @property
    def name(self) -> str:
        """Of the engine that evaluates the present weights."""
        return self._engine.name

    def load(self, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        """See `Engine.load`; then the check."""
        self._exact.load(weights)
        exact = self._exact.evaluate(self._sample)
        found = []
        name: str | None = self.preferred if self._rest == 0 else self.name
        while name is not None:
            engine = self._get(name)
            if engine is not self._exact:
                engine.load(weights)
            self._engine = engine
            self.errors = compare(engine.evaluate(self._sample), exact)
            found.append(f"{name} (errors: {self.errors})")
            if self.errors.acceptable:
                break
            name = FALLBACKS[name]
        self.loads += 1
        self._wait(failed=len(found) > 1)
        self.report = " errs too much, taken instead: ".join(found)
        if len(found) > 1:
            self.fallbacks += 1
            self._on_fallback(self.report)

    def _wait(self, *, failed: bool) -> None:
        """How long the preferred engine is left alone after it has erred too much: twice as long every time."""
        if failed:
            self._pause = min(MOST_PAUSE, max(1, 2 * self._pause))
            self._rest = self._pause
        elif self._rest > 0:
            self._rest -= 1
        else:
            self._pause = 0

    def evaluate(self, observations: npt.NDArray[Any]) -> Evaluation:
        """See `Engine.evaluate`."""
        return self._engine.evaluate(observations)

    def _get(self, name: str) -> Engine:
        if name not in self._built:
            self._built[name] = self._build(name)
        return self._built[name]
