"""Loss terms as they are added up, and what part of the gradient is whose."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.utils import get_total_norm


@dataclass(frozen=True)
class Terms:
    """The terms of one gradient step, scalars."""

    weighted: dict[str, torch.Tensor]   # weight times term, with gradient; those of weight 0 are left out
    metrics: dict[str, torch.Tensor]    # without gradient, the terms without their weights
    anchor: torch.Tensor                # 0, depends on the network: something to derive where every weight is 0

    @property
    def loss(self) -> torch.Tensor:
        """The sum, which the step lowers."""
        return sum(self.weighted.values(), start=self.anchor)

    def gradient_shares(self, parameters: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """`gradient_share_<term>`: the norm of the term's weighted gradient by the sum of these norms, 0 to 1.

        One backward pass for each term; call it before that of the loss, which the graph is kept for.
        """
        norms = {}
        for name, term in self.weighted.items():
            gradients = torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True)
            norms[name] = get_total_norm([one for one in gradients if one is not None])
        total = sum(norms.values(), start=torch.zeros_like(self.anchor)).clamp(min=torch.finfo(torch.float32).tiny)
        return {f"gradient_share_{name}": (norm / total).detach() for name, norm in norms.items()}
