"""A network as a policy for batches of rows: forward, then masked sampling in native code."""
from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from learners.autoregressive import Autoregressive
from learners.network_config import Network
from learners.networks import build_network, write_weights
from native.game import Game
from native.sampling import sample


class NetworkPolicy:
    """One set of weights that acts. `version` says which; `forward_s` adds up the seconds inside the network."""

    def __init__(self, game: Game, network: Network) -> None:
        self.game = game
        self.module = build_network(network, game, seed=0).eval()
        self._in_turn = self.module if isinstance(self.module, Autoregressive) else None
        self.version = -1
        self.forward_s = 0.0

    def load(self, version: int, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        """Takes a copy of `weights`. Raises ValueError naming what does not fit."""
        write_weights(self.module, weights)
        self.version = version

    def evaluate(
        self, observations: npt.NDArray[Any]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """`(logits [n, A], values [n])` of `observations [n, *shape]`.

        Raises ValueError for an autoregressive network, which has no logits before it acts.
        """
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

        `temperature` 0 plays the most probable action, head by head. `rng` `[1]` advances.
        """
        if self._in_turn is not None:
            self._act_in_turn(self._in_turn, observations, legal, rng, temperature, actions, log_probs)
            return
        logits, _ = self.evaluate(observations)
        sample(
            logits, legal, temperature, rng, head_sizes=self.game.head_sizes, actions=actions, log_probs=log_probs
        )

    def _act_in_turn(
        self,
        module: Autoregressive,
        observations: npt.NDArray[Any],
        legal: npt.NDArray[np.uint8],
        rng: npt.NDArray[np.uint64],
        temperature: float,
        actions: npt.NDArray[np.int32],
        log_probs: npt.NDArray[np.float32],
    ) -> None:
        """Head after head, each of which knows what was drawn before; otherwise as `act`."""
        masks = np.split(legal, np.cumsum(self.game.head_sizes)[:-1], axis=1)
        with torch.inference_mode():
            start = perf_counter()
            features = module.body(torch.from_numpy(observations)).logits
            for head, mask in enumerate(masks):
                logits = np.ascontiguousarray(module.logits_of(head, features).numpy())
                self.forward_s += perf_counter() - start
                drawn, log_prob = sample(logits, np.ascontiguousarray(mask), temperature, rng)
                actions[:, head], log_probs[:, head] = drawn[:, 0], log_prob[:, 0]
                start = perf_counter()
                features = module.after(head, features, torch.from_numpy(drawn[:, 0]))
            self.forward_s += perf_counter() - start
