"""The operations of a network that lead to its logits and its value, as `torch.fx` lists them, without other heads."""
from __future__ import annotations

from typing import Any

import torch
from torch import fx, nn


class Acting(nn.Module):
    """What acting needs of a network: logits and value."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, observation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`(logits [N, A], value [N])`."""
        out = self.network(observation)
        return out.logits, out.value


class Trace:
    """Of `network`, whose weights may change later: `module` holds it, `nodes` are in order, `ends` are the outputs."""

    def __init__(self, network: nn.Module) -> None:
        self.module = Acting(network)
        graph = fx.Tracer().trace(self.module)
        answer: Any = next(node for node in graph.nodes if node.op == "output").args[0]
        self.ends: tuple[fx.Node, fx.Node] = (answer[0], answer[1])
        needed = ancestors(self.ends)
        self.nodes = [node for node in graph.nodes if node in needed]
        self.layers: dict[fx.Node, nn.Linear | nn.Conv2d] = {}
        self.norms: dict[fx.Node, nn.LayerNorm] = {}
        for node in self.nodes:
            if node.op == "call_module":
                layer = self.module.get_submodule(str(node.target))
                if isinstance(layer, nn.LayerNorm):
                    self.norms[node] = layer
                elif isinstance(layer, nn.Linear | nn.Conv2d):
                    self.layers[node] = layer
                else:
                    raise ValueError(f"layer {node.target} is a {type(layer).__name__}, expected Linear, Conv2d or "
                                     "LayerNorm")

    @property
    def convolutional(self) -> bool:
        """Whether there are convolutions."""
        return any(isinstance(layer, nn.Conv2d) for layer in self.layers.values())


def ancestors(nodes: tuple[fx.Node, ...]) -> set[fx.Node]:
    """`nodes` and all that they are computed from."""
    found: set[fx.Node] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += node.all_input_nodes
    return found
