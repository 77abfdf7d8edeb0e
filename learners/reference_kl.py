"""Distance to a reference policy, a teacher's for example (Vinyals et al. 2019, AlphaStar, Nature 575, methods).

Letters: `[...]` any leading axes, A actions: those of several heads one after another.
"""
from __future__ import annotations

import torch

from learners.masked import masked_mean


def reference_kl(
    log_p: torch.Tensor, reference_log_p: torch.Tensor, legal: torch.Tensor, valid: torch.Tensor,
) -> torch.Tensor:
    """KL(reference || policy) in nats, added over the heads, mean over the valid rows (scalar).

    log_p: `[..., A]`, log-probabilities of the policy that learns, each head normalised over its legal actions.
    reference_log_p: the same of the reference under the same mask; a constant. legal: bool `[..., A]`; what illegal
    actions hold, infinities too, does not matter, nor is one looked at to which the reference gives probability 0.
    valid: `[...]`.
    """
    reference = reference_log_p.detach()
    counts = legal & (reference > -torch.inf)
    reference = torch.where(counts, reference, 0)
    excess = reference - torch.where(counts, log_p, 0)
    return masked_mean((reference.exp() * excess).sum(-1), valid)
