"""A network as a policy for batches of rows: forward, then masked sampling in native code."""
from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from learners.network_config import Network
from learners.networks import build_network, write_weights
from native.game import Game
from native.sampling import sample


class NetworkPolicy:
    """One set of weights that acts. `version` says which; `forward_s` adds up the seconds inside the network."""

    def __init__(self, game: Game, network: Network) -> None:
        self.game = game
        self.module = build_network(network, game, seed=0).eval()
        self.version = -1
        self.forward_s = 0.0

    def load(self, version: int, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        """Takes a copy of `weights`. Raises ValueError naming what does not fit."""
        write_weights(self.module, weights)
        self.version = version

    def evaluate(
        self, observations: npt.NDArray[Any]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """`(logits [n, A], values [n])` of `observations [n, *shape]`."""
        start = perf_counter()
        with torch.inference_mode():
            out = self.module(torch.from_numpy(observations))
        self.forward_s += perf_counter() - start
        return np.ascontiguousarray(out.logits.numpy()), np.ascontiguousarray(out.value.numpy())

    def act(
        self,
        observations: npt.NDArray[Any],
        legal: npt.NDArray[np.uint8],
        rng: npt.NDArray[np.uint64],
        temperature: float,
        actions: npt.NDArray[np.int32],
        log_probs: npt.NDArray[np.float32],
    ) -> None:
        """Writes an action `[n, H]` and its log-probability under the tempered policy `[n, H]` for each row.

        `temperature` 0 plays the most probable action. `rng` `[1]` advances.
        """
        logits, _ = self.evaluate(observations)
        sample(
            logits, legal, temperature, rng, head_sizes=self.game.head_sizes, actions=actions, log_probs=log_probs
        )
