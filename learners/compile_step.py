"""`torch.compile` for the learner's passes (Ansel et al. 2024, PyTorch 2): forward and, with it, backward.

Compiling takes from ten seconds to minutes for each shape of the input, so only shapes that come again are compiled,
and few of them; what is left over of an update, the odd last minibatch, is computed as it is written. On cuda a
compiled pass is one CUDA graph.
"""
from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from learners.output import Output

WORTH_IT = 2        # times that a shape must come
MOST_SHAPES = 4     # that are compiled; torch gives up on a function after 8


class Compiled:
    """Calls a network, compiled where that pays; its weights stay the network's own. For training, not for acting."""

    def __init__(
        self, network: nn.Module, device: torch.device, *, backend: str | Callable[..., Any] = "inductor"
    ) -> None:
        """backend: of `torch.compile`; another one than inductor, which makes native code, is for tests."""
        self.autoregressive = bool(getattr(network, "autoregressive", False))
        self._network, self._graphs = network, device.type == "cuda" and backend == "inductor"
        mode = "reduce-overhead" if self._graphs else None
        with _without_warnings():
            self._compiled = torch.compile(network, dynamic=False, backend=backend, mode=mode)
        self._came: Counter[Hashable] = Counter()
        self._shapes: set[Hashable] = set()

    def __call__(self, *inputs: torch.Tensor) -> Output:
        """As `network(*inputs)`, but backward may go through a pass once only, and the gradient of a parameter that no
        loss needs is 0, not None.

        Raises RuntimeError where torch cannot compile.
        """
        if not self._is_compiled(torch.is_grad_enabled(), *((x.shape, x.stride(), x.dtype) for x in inputs)):
            return self._network(*inputs)       # type: ignore[no-any-return]
        if self._graphs:
            torch.compiler.cudagraph_mark_step_begin()      # type: ignore[no-untyped-call]
        try:
            with _without_warnings():
                output: Any = self._compiled(*inputs)
        except RuntimeError as error:
            from torch._dynamo.exc import TorchDynamoException  # takes seconds to import, and is there by now

            if not isinstance(error, TorchDynamoException):
                raise
            why = " ".join(str(error).strip().splitlines()[:2])
            raise RuntimeError(f"learning.compile is true, but torch cannot compile the network here: {why}") from error
        if self._graphs:    # the graph's next run overwrites its outputs
            return Output._make(None if part is None else part.clone() for part in output)
        return Output._make(output)

    def _is_compiled(self, *shape: Hashable) -> bool:
        if shape not in self._shapes and len(self._shapes) < MOST_SHAPES:
            self._came[shape] += 1
            if self._came[shape] >= WORTH_IT:
                self._shapes.add(shape)
        return shape in self._shapes


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Without those of torch about its own modules, which it imports when it first compiles."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
