"""A model as others use it: weights, an ONNX graph and what they are, in one folder, without what only learning needs.

`model.safetensors`: the weights to play with. `network.onnx`: from `observation` `[N, *shape]` of the game's dtype to
`logits` `[N, A]` of all actions, illegal ones too, and `value` `[N]`; compared with torch before it is written.
`model.json`: game, options, network, sizes in bytes, how the graph was checked or why there is none. Letters: N rows.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.numpy import load, save

from learners.engines.onnx_graph import INPUT, OUTPUTS, onnx_model
from learners.engines.trace import Trace
from learners.game_facts import game_facts
from learners.networks import Weights, build_network, digest, write_weights
from learners.whole_folder import replace_folder, standing

if TYPE_CHECKING:
    from learners.network_config import Network
    from native.game import Game

FOLDER = "model_inference"
WEIGHTS, GRAPH, FACTS = "model.safetensors", "network.onnx", "model.json"
FORMAT = 1
"""Raised when an older reader could not make sense of a newer folder."""
CHECKED_ROWS = 16
TOLERANCE = 1e-4        # of the graph's outputs, times the largest of torch's where that is above 1


class Exporter:
    """Writes models of one game and network; what does not depend on the weights is made once."""

    def __init__(self, game: Game, network: Network) -> None:
        self._game, self._network = game, network
        self._module = build_network(network, game, seed=0).eval()
        self._trace: Trace | None = None
        self._fault = ""        # why there is no graph
        if network.autoregressive:
            self._fault = "an autoregressive policy is no single graph: later heads wait for what earlier ones choose"
        elif find_spec("onnx") is None:
            self._fault = "package onnx is not installed: pip install 'ludus[inference]'"
        else:
            try:
                self._trace = Trace(self._module)
            except (RuntimeError, TypeError, ValueError) as error:      # all that torch.fx raises
                self._fault = f"the network cannot be traced: {error}"

    def write(self, directory: str | Path, weights: Mapping[str, npt.NDArray[Any]], version: int) -> dict[str, Any]:
        """Writes the folder and returns what `model.json` says; a reader never sees half of it.

        version: of the learner. Raises ValueError for weights that do not fit the network.
        """
        write_weights(self._module, weights)
        graph, checked = self._graph()
        files = {WEIGHTS: save(dict(weights))} | ({} if graph is None else {GRAPH: graph})
        facts = {
            "format": FORMAT,
            **game_facts(self._game),
            "game_options": self._game.options,
            "network": self._network.model_dump(mode="json"),
            "version": version,
            "model_digest": digest(weights),
            "parameters": sum(parameter.numel() for parameter in self._module.parameters()),
            "bytes": {name: len(data) for name, data in files.items()},
            "graph": checked,
        }
        replace_folder(Path(directory), files | {FACTS: json.dumps(facts, indent=2).encode() + b"\n"})
        return facts

    def _graph(self) -> tuple[bytes | None, dict[str, Any]]:
        """The ONNX graph with the present weights, None where it would not say what torch says; and what to tell."""
        if self._trace is None:
            return None, {"absent": self._fault}
        try:
            graph = onnx_model(self._trace, self._game.observation_shape, self._game.observation_dtype)
            return graph, {"checked": self._check(graph)}
        except Exception as error:      # whatever a library raises: the weights are there without a graph, too
            return None, {"absent": (str(error).strip() or type(error).__name__).splitlines()[-1]}

    def _check(self, graph: bytes) -> str:
        """How the graph was found to be right. Raises ValueError, or what a library raises, if it is not."""
        if find_spec("onnxruntime") is None:
            import onnx

            onnx.checker.check_model(graph)
            return f"onnx {onnx.__version__} finds it well formed"
        import onnxruntime

        seen = _random_observations(self._game)
        with torch.inference_mode():
            exact = [tensor.numpy() for tensor in self._module(torch.from_numpy(seen))[:2]]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        error = max(
            float(np.abs(got - want).max()) / max(1.0, float(np.abs(want).max()))
            for got, want in zip(session.run(OUTPUTS, {INPUT: seen}), exact, strict=True)
        )
        if not error <= TOLERANCE:      # nor if it is no number
            raise ValueError(f"ONNX Runtime {onnxruntime.__version__} differs from torch by {error:.1e}, "
                             f"at most {TOLERANCE:g} is allowed")
        return f"ONNX Runtime {onnxruntime.__version__} within {error:.0e} of torch on {CHECKED_ROWS} random rows"


def is_export(directory: Path) -> bool:
    """Whether an exported model is in this folder."""
    return (directory / FACTS).is_file()


def exported_beside(directory: Path) -> Path:
    """Where the export of the learner in `directory` belongs; of an export, the folder itself."""
    return directory if is_export(directory) else directory.with_name(FOLDER)


def read(directory: Path) -> tuple[Weights, dict[str, Any]]:
    """Weights and facts of an exported model.

    Raises FileNotFoundError if there is none, ValueError if it is damaged or of an unknown format.
    """
    directory = standing(directory)
    if not is_export(directory):
        raise FileNotFoundError(f"no exported model in {directory}: it has no {FACTS}")
    try:
        facts = json.loads((directory / FACTS).read_text())
        if (found := facts.pop("format")) != FORMAT:
            raise ValueError(f"exported model {directory} has format {found}, expected {FORMAT}")
        weights: Weights = load((directory / WEIGHTS).read_bytes())
        expected = str(facts.pop("model_digest"))
    except (SafetensorError, json.JSONDecodeError, KeyError, AttributeError, TypeError, OSError) as fault:
        raise ValueError(f"exported model {directory} is damaged: {type(fault).__name__} {fault}") from fault
    if digest(weights) != expected:
        raise ValueError(f"{directory / WEIGHTS} has digest {digest(weights)[:12]}, {FACTS} says {expected[:12]}: "
                         "the file was altered")
    return weights, facts


def _random_observations(game: Game) -> npt.NDArray[Any]:
    """`[CHECKED_ROWS, *shape]`: zeros and ones, or, of a game that observes fractions, what networks see as N(0, 1)."""
    rng = np.random.default_rng(0)
    shape = (CHECKED_ROWS, *game.observation_shape)
    if not np.issubdtype(game.observation_dtype, np.floating):
        return rng.integers(0, 2, shape).astype(game.observation_dtype)
    scale = np.ones(game.observation_shape) if game.observation_scale is None else game.observation_scale
    return np.asarray(rng.normal(size=shape) / np.where(scale == 0, 1, scale), game.observation_dtype)
