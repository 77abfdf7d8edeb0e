"""The engines by name: which there are, which work here, and what replaces one whose outputs are too far off."""
from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy.typing as npt
import torch

from learners.engines.cuda_engine import CudaEngine
from learners.engines.engine import Engine
from learners.engines.onnxruntime_engine import OnnxRuntimeEngine
from learners.engines.openvino_engine import OpenVinoEngine, Precision
from learners.engines.torch_engine import TorchEngine
from learners.network_config import Network
from native.game import Game

FALLBACKS = {
    "torch-cuda": "torch",
    "torch-mps": "torch",
    "openvino-int8": "openvino-bf16",
    "openvino-bf16": "openvino-fp32",
    "openvino-fp32": "torch",
    "onnxruntime": "torch",
    "torch-bf16": "torch",
    "torch": None,
}
"""Every engine, the usually fastest first, and what takes its place for weights with which it errs too much."""


def missing(name: str) -> str:
    """What the engine called `name` needs and this machine lacks; empty if it works here.

    Raises ValueError for a name that no engine has.
    """
    if name not in FALLBACKS:
        raise ValueError(f"unknown engine {name!r}, expected auto or one of those that work here: {', '.join(here())}")
    if name == "torch-cuda":
        return "" if torch.cuda.is_available() else "an NVIDIA GPU that torch finds"
    if name == "torch-mps":
        return "" if torch.backends.mps.is_available() else "a Mac's GPU that torch finds"
    needed = ["onnx", name.partition("-")[0]] if name.startswith(("openvino", "onnxruntime")) else []
    absent = [package for package in needed if find_spec(package) is None]
    return f"{' and '.join(absent)}: pip install 'ludus[inference]'" if absent else ""


def here() -> list[str]:
    """Names of the engines that work on this machine, the usually fastest first."""
    return [name for name in FALLBACKS if not missing(name)]


def build(name: str, game: Game, network: Network, *, threads: int, calibration: npt.NDArray[Any]) -> Engine:
    """The engine called `name`, with weights that say nothing yet.

    calibration: positions of the game that set the ranges of 8 bits. Raises ValueError for a name that no engine has,
    for one that does not work here, and for a network that it cannot compute.
    """
    if lacks := missing(name):
        raise ValueError(f"engine {name!r} needs {lacks}; those that work here: {', '.join(here())}")

    def openvino(precision: Precision) -> Engine:
        return OpenVinoEngine(game, network, precision=precision, threads=threads, calibration=calibration)

    make: dict[str, Callable[[], Engine]] = {
        "torch": lambda: TorchEngine(game, network),
        "torch-bf16": lambda: TorchEngine(game, network, name=name, bfloat16=True),
        "torch-mps": lambda: TorchEngine(game, network, name=name, device="mps"),
        "torch-cuda": lambda: CudaEngine(game, network),
        "onnxruntime": lambda: OnnxRuntimeEngine(game, network, threads=threads),
        "openvino-fp32": lambda: openvino("fp32"),
        "openvino-bf16": lambda: openvino("bf16"),
        "openvino-int8": lambda: openvino("int8"),
    }
    return make[name]()

