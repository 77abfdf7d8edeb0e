"""Win, draw and loss: cross-entropy of three classes, a proper score of their probabilities. Letter: N rows."""
from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy


def wdl_loss(wdl: torch.Tensor, outcome: torch.Tensor) -> torch.Tensor:
    """Cross-entropy in nats of the logits `wdl` `[N, 3]` to what happened, mean over the rows (scalar).

    outcome: `[N]`, each exactly 1 (won, class 0), 0 (drawn, class 1) or -1 (lost, class 2).
    """
    return cross_entropy(wdl, (1 - outcome).long())
