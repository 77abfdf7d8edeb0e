"""Asking a network while it learns. Letters: N rows, H action heads."""
from __future__ import annotations

from collections.abc import Callable

import torch

from learners.output import Output

Forward = Callable[[torch.Tensor, torch.Tensor], Output]
"""A network, of observations `[N, ...]` and the actions `[N, H]` that were taken."""


def ask(network: Callable[..., Output], observation: torch.Tensor, action: torch.Tensor | None = None) -> Output:
    """What the network says; only an autoregressive one is told the actions, on which its later heads depend."""
    told = (observation, action) if getattr(network, "autoregressive", False) else (observation,)
    return network(*told)
