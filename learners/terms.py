"""Loss terms as they are added up, and what part of the gradient is whose."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from torch.nn.utils import get_total_norm


@dataclass(frozen=True)
class Terms:
    """The terms of one gradient step, scalars."""

    weighted: dict[str, torch.Tensor]   # see `weighted`; at least one has a gradient
    metrics: dict[str, torch.Tensor]    # without gradient, the terms without their weights

    @property
    def loss(self) -> torch.Tensor:
        """The sum, which the step lowers."""
        return reduce(torch.add, self.weighted.values())

    def gradient_shares(self, parameters: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """`gradient_share_<term>`: the norm of the term's weighted gradient by the sum of these norms, 0 to 1.

        One backward pass for each term; call it before that of the loss, which the graph is kept for.
        """
        norms = {}
        for name, term in self.weighted.items():
            gradients = torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True) \
                if term.requires_grad else ()
            norms[name] = get_total_norm([one for one in gradients if one is not None])
        total = reduce(torch.add, norms.values()).clamp(min=torch.finfo(torch.float32).tiny)
        return {f"gradient_share_{name}": (norm / total).detach() for name, norm in norms.items()}


def weighted(losses: Mapping[str, tuple[float, torch.Tensor]], part: torch.Tensor | float) -> dict[str, torch.Tensor]:
    """`Terms.weighted` of weights and terms, all times `part`.

    Terms of weight 0 are left out, as 0 times an overflow would be no number; but all stay if every weight is 0.
    """
    kept = {name: one for name, one in losses.items() if one[0]} or losses
    return {name: part * weight * loss for name, (weight, loss) in kept.items()}
