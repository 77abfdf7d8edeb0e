"""Builds the network that a config names, for a game; and moves weights between networks and numpy.

Every network maps observations `[N, ...]` of any dtype to an `Output` in float32. The value is in [-1, 1] (tanh, or
win less loss) for a zero-sum game, unbounded otherwise.
"""
from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from pydantic import ValidationError
from torch import nn

from envs import registry
from learners.autoregressive import Autoregressive
from learners.initialisation import POLICY_GAIN, RELU_GAIN
from learners.mlp import Mlp
from learners.network_config import Network
from learners.network_fit import check_network
from learners.residual import Residual
from learners.transformer import Transformer
from learners.value_heads import Heads

if TYPE_CHECKING:
    from envs.layout import TokenLayout
    from native.game import Game

Weights = dict[str, npt.NDArray[Any]]


def build_network(config: Network, game: Game, seed: int) -> nn.Module:
    """A fresh network on the CPU, the same for the same seed; torch's global generator is not touched.

    Its attribute `autoregressive` says how it is called: `network(observation)`, or, where that is true,
    `network(observation, action)` with what was played, int `[N, H]`.
    Raises ValueError if the game does not suit the network (see `check_network`).
    """
    heads = check_network(config, game)
    generator = torch.Generator().manual_seed(seed)
    if not config.autoregressive:
        return _body(config, game, game.num_actions, POLICY_GAIN, heads, generator)
    features = config.autoregressive_width
    body = _body(config, game, features, RELU_GAIN, heads, generator)
    return Autoregressive(body, features, game.head_sizes, generator)


def _body(
    config: Network, game: Game, outputs: int, policy_gain: float, heads: Heads, generator: torch.Generator
) -> nn.Module:
    """A network with `outputs` in place of logits."""
    shape, columns = game.observation_shape, math.prod(game.observation_shape)
    scale = None if game.observation_scale is None else torch.from_numpy(game.observation_scale)
    if config.kind == "mlp":
        return Mlp(columns, outputs, config.hidden, scale=scale, heads=heads, generator=generator,
                   policy_gain=policy_gain)
    if config.kind == "transformer":
        layout = cast("TokenLayout", registry.token_layout(game))      # `check_network` has looked
        return Transformer(layout, columns, outputs, config, scale=scale, heads=heads, generator=generator,
                           policy_gain=policy_gain)
    return Residual((shape[0], shape[1], shape[2]), outputs, config, scale=scale, heads=heads, generator=generator,
                    policy_gain=policy_gain, moves=registry.move_layout(game))


def with_defaults(network: object) -> object:
    """The network section of an older checkpoint, as plain values, with what it did not have yet; others unchanged."""
    try:
        return Network.model_validate(network).model_dump(mode="json")
    except ValidationError:
        return network


def read_weights(network: nn.Module) -> Weights:
    """Copies of all parameters and buffers by name."""
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in network.state_dict().items()}


def write_weights(network: nn.Module, weights: Mapping[str, npt.NDArray[Any]]) -> None:
    """Copies `weights`, as `read_weights` gives them, into the network.

    Raises ValueError naming what differs, with the network unchanged.
    """
    state = network.state_dict()
    check_arrays("weights", {name: tuple(tensor.shape) for name, tensor in state.items()}, weights)
    with torch.no_grad():
        for name, tensor in state.items():
            if tensor.device.type == "cpu":
                np.copyto(tensor.numpy(), weights[name])    # `weights` may be read-only, which torch does not wrap
            else:
                tensor.copy_(torch.tensor(weights[name]))


def check_arrays(what: str, shapes: Mapping[str, tuple[int, ...]], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Raises ValueError, naming each difference, unless `arrays` are float32 of exactly these names and shapes."""
    faults = [f"no {name}" for name in sorted(shapes.keys() - arrays.keys())]
    faults += [f"unknown {name}" for name in sorted(arrays.keys() - shapes.keys())]
    for name in sorted(shapes.keys() & arrays.keys()):
        array = arrays[name]
        if array.shape != shapes[name] or array.dtype != np.float32:
            faults.append(f"{name} is {array.dtype} {list(array.shape)}, expected float32 {list(shapes[name])}")
    if faults:
        raise ValueError(f"{what} do not fit the network: {'; '.join(faults)}")


def digest(weights: Mapping[str, npt.NDArray[Any]]) -> str:
    """SHA-256, in hex, of the names, dtypes, shapes and bytes, in order of name."""
    total = hashlib.sha256()
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name])
        total.update(f"{name} {array.dtype.str} {weights[name].shape}\n".encode())
        total.update(array.tobytes())
    return total.hexdigest()
