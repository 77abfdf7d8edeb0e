"""Action heads that know what the heads before them have chosen (Vinyals et al. 2019, doi:10.1038/s41586-019-1724-z).

pi(a | o) is the product over h of pi_h(a_h | o, a_1 .. a_h-1), so the log-probability of an action is still the sum of
its heads'. Letters: N rows, H heads, A mask bytes: the sum of the head sizes, F features.
"""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from learners.initialisation import POLICY_GAIN, embedding, linear
from learners.output import Output


class Autoregressive(nn.Module):
    """A body whose "logits" are F features, to which each head adds what stands for its choice; a ReLU, then logits."""

    autoregressive = True       # the logits depend on the actions: `network(observation, action)`

    def __init__(
        self, body: nn.Module, features: int, head_sizes: Sequence[int], generator: torch.Generator
    ) -> None:
        super().__init__()
        self.body = body
        self.heads = nn.ModuleList(linear(features, size, POLICY_GAIN, generator) for size in head_sizes)
        # together they weigh about as much as the features
        std = (len(head_sizes) - 1) ** -0.5
        self.chosen = nn.ModuleList(embedding(size, features, std, generator) for size in head_sizes[:-1])

    def forward(self, observation: torch.Tensor, action: torch.Tensor | None = None) -> Output:
        """Of observations `[N, ...]` and what was played there, int `[N, H]`: logits `[N, A]` of every head.

        Raises ValueError without the actions.
        """
        if action is None:
            raise ValueError("an autoregressive network gives logits only for actions: those of a head depend on what "
                             "the heads before it have chosen")
        out = self.body(observation)
        features, logits = out.logits, []
        for head in range(len(self.heads)):
            logits.append(self.logits_of(head, features))
            features = self.after(head, features, action[:, head])
        return out._replace(logits=torch.cat(logits, 1))    # type: ignore[no-any-return]

    def logits_of(self, head: int, features: torch.Tensor) -> torch.Tensor:
        """float32 `[N, size of the head]` of features `[N, F]` after the choices of the heads before it."""
        return self.heads[head](torch.relu(features)).to(torch.float32)     # type: ignore[no-any-return]

    def after(self, head: int, features: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
        """Features `[N, F]` for the heads after `head`, which has chosen `action`, int `[N]`."""
        return features + self.chosen[head](action) if head < len(self.chosen) else features
