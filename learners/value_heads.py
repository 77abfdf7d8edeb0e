"""What a network says of a position besides its policy: the value, and perhaps how difficult the position is.

The value is one number, or the logits of win, draw and loss ("wdl"). Both networks give their raw outputs to `Heads`,
which makes an `Output` of them. Letters: N rows, A actions, V raw outputs of the value: 1 or 3.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from learners.initialisation import normal_
from learners.network_config import Network
from learners.output import Output

if TYPE_CHECKING:
    from native.game import Game

VALUE_GAIN = 1.0
SMALL_STD = 0.01        # Razzle's training plan: the last layers of value and difficulty begin as N(0, 0.01)


@dataclass(frozen=True)
class Heads:
    """Which heads a network has."""

    bounded: bool = True        # the value is in [-1, 1]
    wdl: bool = False
    difficulty: bool = False
    small: bool = False         # last layers of value and difficulty begin small

    @property
    def value_outputs(self) -> int:
        """V, the raw outputs of which the value is made."""
        return 3 if self.wdl else 1

    @property
    def outputs(self) -> int:
        """V, and one more for the difficulty where there is one."""
        return self.value_outputs + self.difficulty

    def shrink(self, weight: torch.Tensor, generator: torch.Generator) -> None:
        """Draws a last layer of value or difficulty from N(0, 0.01), where heads begin small; else leaves it alone."""
        if self.small:
            normal_(weight, SMALL_STD, generator)

    def output(self, logits: torch.Tensor, raw: torch.Tensor, difficulty: torch.Tensor | None) -> Output:
        """What the network says; logits `[N, A]`, raw `[N, V]`, difficulty `[N]`, logits too; of any precision."""
        logits, raw = logits.to(torch.float32), raw.to(torch.float32)
        difficulty = None if difficulty is None else difficulty.to(torch.float32)
        if self.wdl:
            share = raw.softmax(1)
            return Output(logits, share[:, 0] - share[:, 2], raw, difficulty)
        value = raw[:, 0]
        return Output(logits, torch.tanh(value) if self.bounded else value, None, difficulty)


def heads_for(config: Network, game: Game) -> Heads:
    """The heads that a config names, for a game.

    Raises ValueError for win, draw and loss in a game where one seat's win is not the other's loss.
    """
    if config.value == "wdl" and not (game.zero_sum and game.num_players == 2):
        kind = "zero-sum" if game.zero_sum else "not zero-sum"
        raise ValueError(f"network value 'wdl' needs a zero-sum game of 2 seats, {game.name} has "
                         f"{game.num_players} and is {kind}")
    return Heads(bounded=game.zero_sum, wdl=config.value == "wdl", difficulty=config.difficulty,
                 small=config.small_heads)
