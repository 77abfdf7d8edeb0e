"""Torch on the CPU or on a Mac's GPU."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from learners.engines.engine import Evaluation, as_input
from learners.network_config import Network
from learners.networks import build_network, write_weights
from native.game import Game


class TorchEngine:
    """The module as it is. bfloat16: layers compute in bfloat16, which pays where the processor does so itself.

    On the CPU it uses the threads of the process (`torch.set_num_threads`).
    """

    def __init__(
        self, game: Game, network: Network, *, name: str = "torch", device: str = "cpu", bfloat16: bool = False
    ) -> None:
        self.name = name
        self._device = torch.device(device)
        self._bfloat16 = bfloat16
        self._module = build_network(network, game, seed=0).eval().to(self._device)

    def load(self, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        """See `Engine.load`."""
        write_weights(self._module, weights)

    def evaluate(self, observations: npt.NDArray[Any]) -> Evaluation:
        """See `Engine.evaluate`."""
        rows = torch.from_numpy(as_input(observations)).to(self._device)
        with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16, enabled=self._bfloat16):
            out = self._module(rows)
            logits, value = out.logits.float().cpu(), out.value.float().cpu()
        return np.ascontiguousarray(logits.numpy()), np.ascontiguousarray(value.numpy())
