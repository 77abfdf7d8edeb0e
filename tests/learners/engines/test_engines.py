"""Every engine that works here gives what torch gives in float32, for every kind of network and size of batch."""
from __future__ import annotations

import subprocess
import sys
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from envs.registry import make
from learners.engines import catalogue
from learners.engines.accuracy import compare
from learners.engines.calibration import input_ranges
from learners.engines.choice import lively
from learners.engines.engine import Engine
from learners.engines.onnx_graph import onnx_model
from learners.engines.positions import mixed, played
from learners.engines.torch_engine import TorchEngine
from learners.engines.trace import Trace
from learners.network_config import Network
from learners.networks import Weights, build_network
from learners.output import Output
from native.game import Game

RESIDUAL = Network(kind="residual", channels=8, blocks=2, policy_planes=4, value_planes=2, value_width=8)
CASES: dict[str, tuple[str, Network]] = {
    "mlp": ("connect_four", Network(hidden=(24, 16))),
    "residual": ("connect_four", RESIDUAL),
    "wdl and difficulty": ("connect_four", RESIDUAL.model_copy(update={"value": "wdl", "difficulty": True})),
    "mlp, wdl and difficulty": ("tic_tac_toe", Network(hidden=(16,), value="wdl", difficulty=True)),
    "scaled planes": ("razzle", RESIDUAL),
    "spatial policy": ("razzle", RESIDUAL.model_copy(update={"policy_head": "spatial"})),
    "spatial policy, a plane": ("tic_tac_toe", RESIDUAL.model_copy(update={"policy_head": "spatial"})),
    "factored policy": ("razzle", RESIDUAL.model_copy(update={"policy_head": "factored", "policy_width": 4})),
    "transformer": ("beasty_bar", Network(kind="transformer", width=16, attention_heads=2, layers=2, species_width=8)),
    "float observations": ("prospector", Network(hidden=(16, 16))),
}
ERRORS = {"torch": 1e-6, "openvino-fp32": 1e-4, "onnxruntime": 1e-4}     # of those that compute in float32


@cache
def case(name: str) -> tuple[Game, Network, Weights, npt.NDArray[Any]]:
    torch.set_num_threads(1)
    rules, network = CASES[name]
    game = make(rules)
    return game, network, lively(build_network(network, game, 1), seed=2), played(game, 96, seed=3)


def engine(kind: str, name: str) -> Engine:
    game, network, _, rows = case(name)
    return catalogue.build(kind, game, network, threads=1, calibration=rows)


@pytest.mark.parametrize("kind", catalogue.here())
@pytest.mark.parametrize("name", CASES)
def test_outputs_are_those_of_torch(kind: str, name: str) -> None:
    game, network, weights, rows = case(name)
    exact, tried = TorchEngine(game, network), engine(kind, name)
    exact.load(weights)
    tried.load(weights)
    assert tried.name == kind
    reference = exact.evaluate(rows)
    assert reference[1].std() > 0.01     # else nothing could go wrong
    for n in (1, 5, 16, 17, 96):
        logits, values = tried.evaluate(rows[:n])
        assert logits.shape == (n, game.num_actions)
        assert values.shape == (n,)
        assert logits.dtype == values.dtype == np.float32
        assert logits.flags.c_contiguous
        errors = compare((logits, values), (reference[0][:n], reference[1][:n]))
        assert errors.value < ERRORS.get(kind, 0.03)
        assert errors.policy < ERRORS.get(kind, 0.03)


@pytest.mark.parametrize("kind", catalogue.here())
def test_answers_are_the_callers_to_keep(kind: str) -> None:
    _, _, weights, rows = case("mlp")
    tried = engine(kind, "mlp")
    tried.load(weights)
    first = tried.evaluate(rows[:8])
    kept = [part.copy() for part in first]
    tried.evaluate(rows[8:16])
    for part, before in zip(first, kept, strict=True):
        np.testing.assert_array_equal(part, before)


@pytest.mark.parametrize("kind", catalogue.here())
def test_batches_of_any_size_and_layout(kind: str) -> None:
    _, _, weights, rows = case("mlp")
    tried = engine(kind, "mlp")
    tried.load(weights)
    logits, values = tried.evaluate(rows)
    many = np.concatenate([rows] * 12)      # more than any batch that is compiled
    many.flags.writeable = False
    for found, once in zip(tried.evaluate(many), (logits, values), strict=True):
        np.testing.assert_allclose(found, np.concatenate([once] * 12), atol=2e-2)
    np.testing.assert_allclose(tried.evaluate(rows[::2])[1], values[::2], atol=2e-2)


@pytest.mark.parametrize("kind", catalogue.here())
def test_new_weights_take_the_place_of_old_ones(kind: str) -> None:
    game, network, weights, rows = case("residual")
    tried, other = engine(kind, "residual"), lively(build_network(network, game, 7), seed=8)
    tried.load(weights)
    before = tried.evaluate(rows)
    tried.load(other)
    after = tried.evaluate(rows)
    assert np.abs(before[1] - after[1]).max() > 0.1
    tried.load(weights)
    np.testing.assert_array_equal(tried.evaluate(rows)[0], before[0])
    with pytest.raises(ValueError, match="do not fit the network: no stem"):
        tried.load({name: array for name, array in other.items() if "stem" not in name})
    np.testing.assert_array_equal(tried.evaluate(rows)[0], before[0])


def test_only_large_inner_layers_compute_in_8_bits() -> None:
    game, network, _, rows = case("residual")
    trace = Trace(build_network(network, game, 1))
    ranges = input_ranges(trace, rows)
    assert {str(node.target) for node in ranges} == {
        f"network.tower.{block}.{which}" for block in (0, 1) for which in ("first", "second")
    }
    assert all(low >= 0 and high > 0 for low, high in ranges.values())     # they read what a ReLU wrote
    mlp = Trace(build_network(Network(hidden=(24, 24)), game, 1))
    assert [str(node.target) for node in input_ranges(mlp, rows)] == ["network.body.1"]


def test_ranges_hold_all_that_was_seen() -> None:
    game, network, weights, rows = case("residual")
    module = build_network(network, game, 1)
    module.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    seen: dict[str, float] = {}
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_pre_hook(lambda _, args, name=name: seen.__setitem__(name, float(args[0].max())))
    with torch.inference_mode():
        module(torch.from_numpy(rows))
    for node, (_, high) in input_ranges(Trace(module), rows).items():
        assert seen[str(node.target).removeprefix("network.")] <= high


class Unusual(nn.Module):
    """Does what no network here does."""

    def forward(self, observation: torch.Tensor) -> Output:
        x = torch.cumsum(observation.to(torch.float32), 1)
        return Output(x, x[:, 0])


def test_an_operation_that_is_not_known_is_named() -> None:
    pytest.importorskip("onnx")
    with pytest.raises(ValueError, match="cumsum"):
        onnx_model(Trace(Unusual()), (3,), np.dtype(np.uint8))


def test_openvino_comes_without_its_telemetry() -> None:
    pytest.importorskip("openvino_telemetry")
    code = (
        "import sys; from learners.engines.openvino_engine import import_openvino; import_openvino().Core(); "
        "print([name for name in sys.modules if name.startswith('openvino_telemetry')])"
    )
    seen = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert seen.strip() == "[]"


@pytest.mark.parametrize("name", ["connect_four", "razzle", "leduc_poker", "arena"])
def test_positions_are_many_and_repeat_themselves(name: str) -> None:
    game = make(name)
    rows = played(game, 40, seed=1)
    assert rows.shape == (40, *game.observation_shape)
    assert rows.dtype == game.observation_dtype
    np.testing.assert_array_equal(rows, played(game, 40, seed=1))
    assert len(np.unique(rows.reshape(40, -1), axis=0)) >= 20


def test_mixtures_keep_what_stands_in_every_place() -> None:
    rows = played(make("connect_four"), 50, seed=1)
    random = mixed(rows, seed=2)
    np.testing.assert_array_equal(np.sort(random, axis=0), np.sort(rows, axis=0))
    assert (random != rows).any(axis=(1, 2, 3)).mean() > 0.9
