"""Torch on an NVIDIA GPU: bfloat16, and one CUDA graph for each of a few batch sizes.

A graph replays a forward pass on fixed memory, which saves launching its kernels one by one: for small networks that
takes longer than what they compute.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import torch

from learners.engines.engine import Evaluation, as_input
from learners.network_config import Network
from learners.networks import build_network, write_weights
from native.game import Game

SMALLEST = 16
WARM_UP = 3     # passes before a capture, in which libraries allocate and choose algorithms


@dataclass
class Recorded:
    """A graph and the memory it reads and writes; rows beyond those asked for hold whatever was there before."""

    graph: torch.cuda.CUDAGraph
    rows: torch.Tensor
    logits: torch.Tensor
    value: torch.Tensor


class CudaEngine:
    """Batches are padded to the next power of two, whose graph is captured when it is first needed."""

    def __init__(self, game: Game, network: Network) -> None:
        self.name = "torch-cuda"
        self._module = build_network(network, game, seed=0).eval().cuda()
        self._graphs: dict[int, Recorded] = {}

    def load(self, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        """See `Engine.load`. Parameters stay where they are in memory, so that the graphs remain true."""
        write_weights(self._module, weights)

    def evaluate(self, observations: npt.NDArray[Any]) -> Evaluation:
        """See `Engine.evaluate`."""
        n = len(observations)
        size = max(SMALLEST, 1 << (n - 1).bit_length())
        rows = torch.from_numpy(as_input(observations))
        if size not in self._graphs:
            self._graphs[size] = self._record(torch.zeros((size, *rows.shape[1:]), dtype=rows.dtype, device="cuda"))
        recorded = self._graphs[size]
        with torch.inference_mode():
            recorded.rows[:n].copy_(rows)
            recorded.graph.replay()
            return recorded.logits[:n].cpu().numpy(), recorded.value[:n].cpu().numpy()

    @torch.inference_mode()
    def _record(self, rows: torch.Tensor) -> Recorded:
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                self._forward(rows)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            logits, value = self._forward(rows)
        return Recorded(graph, rows, logits, value)

    def _forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        # autocast's cache of rounded weights would be read by the graph after it is gone
        with torch.autocast("cuda", torch.bfloat16, cache_enabled=False):
            out = self._module(rows)
        return out.logits.float().contiguous(), out.value.float().contiguous()
