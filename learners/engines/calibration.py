"""Which layers of a network compute in 8 bits, and the range of numbers that each reads.

Only the large layers within do: rounding the first ones, which read the observation, or the last ones before the
outputs costs accuracy and saves little. Ranges are the widest of a sample of positions and a margin: numbers beyond are
clipped, which errs far more than a coarser scale.
"""
from __future__ import annotations

from typing import Any

import numpy.typing as npt
import torch
from torch import fx

from learners.engines.trace import Trace, ancestors

MARGIN = 1.25
LEAST_SHARE = 0.25      # of the multiplications of the network's largest layer


def input_ranges(trace: Trace, observations: npt.NDArray[Any]) -> dict[fx.Node, tuple[float, float]]:
    """The layers that may compute in 8 bits and the range of their inputs, over `observations [n, *shape]`."""
    run = _Run(trace)
    run(observations)
    cost = {node: layer.weight[0].numel() * run.sizes[node] for node, layer in trace.layers.items()}
    return {
        node: run.ranges[node]
        for node in trace.layers
        if cost[node] >= LEAST_SHARE * max(cost.values()) and _within(trace, node)
    }


def _within(trace: Trace, node: fx.Node) -> bool:
    """Whether other layers come before and after this one."""
    before = ancestors((node,)) - {node}
    after = [layer for layer in trace.layers if layer is not node and node in ancestors((layer,))]
    return bool(before & trace.layers.keys()) and bool(after)


class _Run(fx.Interpreter):
    """A forward pass that looks at what the layers read and at how much each writes for a row."""

    def __init__(self, trace: Trace) -> None:
        graph = fx.Graph()
        copies: dict[fx.Node, fx.Node] = {}
        for node in trace.nodes:
            copies[node] = graph.node_copy(node, copies.__getitem__)
        graph.output(tuple(copies[end] for end in trace.ends))
        super().__init__(fx.GraphModule(trace.module, graph))
        self._layers = {copies[node]: node for node in trace.layers}
        self.ranges: dict[fx.Node, tuple[float, float]] = {}
        self.sizes: dict[fx.Node, int] = {}

    def __call__(self, observations: npt.NDArray[Any]) -> None:
        with torch.inference_mode():
            self.run(torch.from_numpy(observations))

    def run_node(self, n: fx.Node) -> Any:
        layer = self._layers.get(n)
        if layer is not None:
            low, high = (float(end) for end in torch.aminmax(self.env[n.all_input_nodes[0]]))
            self.ranges[layer] = (MARGIN * low, MARGIN * high)
        out = super().run_node(n)
        if layer is not None:
            self.sizes[layer] = out[0].numel()
        return out
