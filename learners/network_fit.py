"""Whether a network's settings fit a game: what can be said without building the network."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from envs import registry
from envs.layout import TokenLayout
from learners.network_config import Network
from learners.transformer import card_columns, slot_actions
from learners.value_heads import Heads, heads_for

if TYPE_CHECKING:
    from native.game import Game


def check_network(config: Network, game: Game) -> Heads:
    """The heads of value and difficulty. Raises ValueError, in one sentence, for the first thing that does not fit."""
    shape = game.observation_shape
    if config.kind == "residual" and len(shape) != 3:
        raise ValueError(f"network kind 'residual' needs observations [C, H, W], {game.name} has {list(shape)}")
    if config.policy_head != "flat":
        _check_policy_head(config, game)
    if config.kind == "transformer":
        layout = registry.token_layout(game)
        if layout is None:
            raise ValueError(f"network kind 'transformer' needs a game that declares its cards (token_layout), "
                             f"{game.name} declares none")
        _check_layout(layout, game)
        if config.autoregressive and slot_actions(layout):
            raise ValueError(f"network.autoregressive and kind 'transformer' exclude each other in {game.name}, whose "
                             "actions name cards")
    if config.autoregressive and len(game.head_sizes) == 1:
        raise ValueError(f"network.autoregressive needs a game of several action heads, {game.name} has one")
    return heads_for(config, game)


def _check_policy_head(config: Network, game: Game) -> None:
    name, actions = config.policy_head, game.num_actions
    if config.kind != "residual":
        raise ValueError(f"network.policy_head {name!r} needs kind 'residual', got {config.kind!r}")
    if len(game.head_sizes) > 1:
        raise ValueError(f"network.policy_head {name!r} needs a game of one action head, {game.name} has "
                         f"{len(game.head_sizes)}")
    _, height, width = game.observation_shape
    cells, moves = height * width, registry.move_layout(game)
    if moves is not None:
        if (moves.height, moves.width, cells**2 + moves.others) != (height, width, actions):
            raise ValueError(f"{game.name} declares {moves}, which does not fit its observations "
                             f"{list(game.observation_shape)} and {actions} actions")
    elif name == "factored":
        raise ValueError("network.policy_head 'factored' needs a game that declares moves from cell to cell "
                         f"(move_layout), {game.name} declares none")
    elif actions % cells:
        raise ValueError(f"network.policy_head 'spatial' needs actions that are planes x {height} x {width}, "
                         f"{game.name} has {actions}")


def _check_layout(layout: TokenLayout, game: Game) -> None:
    columns, cards, named = math.prod(game.observation_shape), card_columns(layout), slot_actions(layout)
    declared = sum(place.slots * place.columns(layout.species) for place in layout.places)
    if len(cards) < declared or not cards <= set(range(columns)) or len(cards) == columns:
        raise ValueError(f"the token_layout of {game.name} has cards in {declared} columns, expected some of the "
                         f"observation's {columns}, each at most once, and some left")
    if len(set(named)) < len(named) or not set(named) <= set(range(game.num_actions)):
        raise ValueError(f"the token_layout of {game.name} names {len(named)} actions, expected some of its "
                         f"{game.num_actions}, each at most once")
