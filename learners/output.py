"""What every network says of an observation. Letters: N rows, A actions."""
from __future__ import annotations

from typing import NamedTuple

import torch


class Output(NamedTuple):
    """float32; the first two are what acting needs."""

    logits: torch.Tensor                    # [N, A]
    value: torch.Tensor                     # [N], expected return of the seat that decides
    wdl: torch.Tensor | None = None         # [N, 3], logits of win, draw and loss, of which `value` is made
    difficulty: torch.Tensor | None = None  # [N], logits: how much a search will change the policy
