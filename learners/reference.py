"""A frozen network that the learner is kept near, such as one that imitates people."""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from learners import checkpoint
from learners.game_facts import game_facts
from learners.model import load_model
from learners.networks import build_network, write_weights

if TYPE_CHECKING:
    from native.game import Game


def load_reference(path: str | Path, game: Game, device: torch.device) -> nn.Module:
    """The network in a run's, a checkpoint's or a learner's folder, with the weights to play with, on `device`.

    It may be of another kind or size than the learner's. Raises ValueError for what `load_model` refuses, and for a
    network that sees or does other things than `game` asks for: what differs is named.
    """
    model = load_model(path)
    differs = checkpoint.differences(model.facts, game_facts(game))
    if differs:
        raise ValueError(f"learning.reference: {model.directory} does not fit {game.name}: {'; '.join(differs)}")
    network = build_network(model.network, model.game, seed=0)
    write_weights(network, model.weights)
    return network.to(device).requires_grad_(False)
