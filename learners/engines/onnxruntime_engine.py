"""ONNX Runtime on the CPU, float32."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from learners.engines.engine import Evaluation
from learners.engines.onnx_graph import INPUT, OUTPUTS, onnx_model
from learners.engines.trace import Trace
from learners.network_config import Network
from learners.networks import build_network, write_weights
from native.game import Game


class OnnxRuntimeEngine:
    """A session with the weights inside, made anew for new ones: 10 to 20 ms for 64x5."""

    def __init__(self, game: Game, network: Network, *, threads: int) -> None:
        import onnxruntime

        self.name = "onnxruntime"
        self._library = onnxruntime
        self._game = game
        self._module = build_network(network, game, seed=0).eval()
        self._trace = Trace(self._module)
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = threads
        self._options.inter_op_num_threads = 1
        self._open()

    def load(self, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        """See `Engine.load`."""
        write_weights(self._module, weights)
        self._open()

    def evaluate(self, observations: npt.NDArray[Any]) -> Evaluation:
        """See `Engine.evaluate`."""
        logits, value = self._session.run(OUTPUTS, {INPUT: observations})
        return logits, value

    def _open(self) -> None:
        model = onnx_model(self._trace, self._game.observation_shape, self._game.observation_dtype)
        self._session = self._library.InferenceSession(model, self._options, providers=["CPUExecutionProvider"])
