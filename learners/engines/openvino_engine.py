"""OpenVINO on the CPU: float32, bfloat16 or 8 bits.

New weights are new constants in a new compiled model. What a change of batch size costs decides how batches of any
size are served: about 0.3 ms, which is nothing beside convolutions, so there one compiled model takes them all (padded
to a multiple of 16 rows, for it prepares itself for every size it meets); but twice the time of a small perceptron,
for which a few models of fixed size are compiled as they are needed.
"""
from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from learners.engines.calibration import input_ranges
from learners.engines.engine import Evaluation, as_input
from learners.engines.onnx_graph import onnx_model
from learners.engines.trace import Trace
from learners.network_config import Network
from learners.networks import build_network, write_weights
from native.game import Game

Precision = Literal["fp32", "bf16", "int8"]
STEP = 16                               # rows; batches of convolutional networks are padded to a multiple of it
SIZES = (8, 32, 64, 96, 128, 192, 256, 384, 512)    # rows; batches of others are padded to the next, or cut up


def import_openvino() -> Any:
    """The library, without its telemetry: importing it would report to Google Analytics and write into the home folder.

    It does without the package of that name where there is none.
    """
    modules: dict[str, Any] = sys.modules
    here = "openvino_telemetry" in modules
    modules.setdefault("openvino_telemetry", None)
    try:
        return importlib.import_module("openvino")
    finally:
        if not here:
            del modules["openvino_telemetry"]


class OpenVinoEngine:
    """calibration: observations whose intermediate numbers set the ranges of 8 bits, for precision "int8" only."""

    def __init__(
        self, game: Game, network: Network, *, precision: Precision, threads: int, calibration: npt.NDArray[Any]
    ) -> None:
        self.name = f"openvino-{precision}"
        self._library = import_openvino()
        self._core = self._library.Core()
        self._game = game
        self._module = build_network(network, game, seed=0).eval()
        self._trace = Trace(self._module)
        self._calibration = calibration if precision == "int8" else None
        self._options = {
            "INFERENCE_PRECISION_HINT": "f32" if precision == "fp32" else "bf16",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
        }
        self._one_for_all = self._trace.convolutional
        self._padding = np.zeros((0, *game.observation_shape), game.observation_dtype)
        self._write()

    def load(self, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        """See `Engine.load`."""
        write_weights(self._module, weights)
        self._write()

    def evaluate(self, observations: npt.NDArray[Any]) -> Evaluation:
        """See `Engine.evaluate`."""
        n = len(observations)
        if n > SIZES[-1] and not self._one_for_all:
            parts = [self.evaluate(observations[at:at + SIZES[-1]]) for at in range(0, n, SIZES[-1])]
            return np.concatenate([logits for logits, _ in parts]), np.concatenate([values for _, values in parts])
        size = -(-n // STEP) * STEP if self._one_for_all else next(size for size in SIZES if size >= n)
        if n == size:
            rows = as_input(observations)
        else:
            if len(self._padding) < size:
                self._padding = np.zeros((size, *self._game.observation_shape), self._game.observation_dtype)
            rows = self._padding[:size]
            rows[:n] = observations
        request = self._request(size)
        request.set_input_tensor(self._library.Tensor(rows, shared_memory=True))
        request.infer()
        # the request writes into the same memory next time
        return request.get_output_tensor(0).data[:n].copy(), request.get_output_tensor(1).data[:n].copy()

    def _request(self, size: int) -> Any:
        """Of the compiled model for batches of `size`."""
        key = 0 if self._one_for_all else size
        if key not in self._requests:
            model = self._core.read_model(self._model)
            if key:
                model.reshape([size, *self._game.observation_shape])
            self._requests[key] = self._core.compile_model(model, "CPU", self._options).create_infer_request()
        return self._requests[key]

    def _write(self) -> None:
        ranges = None if self._calibration is None else input_ranges(self._trace, self._calibration)
        self._model = onnx_model(self._trace, self._game.observation_shape, self._game.observation_dtype, ranges)
        self._requests: dict[int, Any] = {}
