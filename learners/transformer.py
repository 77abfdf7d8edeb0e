"""Transformer over the cards of a game (Vaswani et al. 2017, arXiv:1706.03762), normalised before each part of a block.

Tokens: one for each slot that may hold a card, and before them one for all the rest of the observation, from which
policy and value are read; actions that name a slot are read from that slot's token. Normalisation is of each token by
itself (Ba, Kiros, Hinton 2016, arXiv:1607.06450), so a row's output does not depend on its neighbours in the batch.
Letters: N rows, T tokens, K slots of a place, W width of a token, S species, A actions.
"""
from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from envs.layout import CardSlots, TokenLayout
from learners.initialisation import POLICY_GAIN, RELU_GAIN, linear, normal_
from learners.network_config import Network
from learners.output import Output
from learners.value_heads import VALUE_GAIN, Heads

EXPANSION = 4       # width of the feed-forward layer, in widths of a token


class Block(nn.Module):
    """Attention among a row's tokens, then a layer for each token; both add to what comes in."""

    def __init__(self, config: Network, tokens: int, generator: torch.Generator) -> None:
        super().__init__()
        width, part = config.width, (2 * config.layers) ** -0.5     # so that all parts together add about 1
        # a row's tokens in its heads' numbers for query, key and value
        self.shape = (tokens, 3, config.attention_heads, width // config.attention_heads)
        self.width, self.scale = width, self.shape[3] ** -0.5
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = linear(width, 3 * width, math.sqrt(3.0), generator)
        self.attended = linear(width, width, part, generator)
        self.forward_norm = nn.LayerNorm(width)
        self.expand = linear(width, EXPANSION * width, RELU_GAIN, generator)
        self.contract = linear(EXPANSION * width, width, part, generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of all rows' tokens `[N * T, W]`, as `x`."""
        each = self.query_key_value(self.attention_norm(x)).view(-1, *self.shape)
        query, key, value = each.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = functional.scaled_dot_product_attention(query, key, value, scale=self.scale)
        x = x + self.attended(mixed.permute(0, 2, 1, 3).reshape(-1, self.width))
        return x + self.contract(torch.relu_(self.expand(self.forward_norm(x))))    # type: ignore[no-any-return]


class Place(nn.Module):
    """Tokens of the card slots of one place: what stands for the species, features, and the slot where order counts."""

    numbers: torch.Tensor | None

    def __init__(self, slots: CardSlots, species: int, config: Network, generator: torch.Generator) -> None:
        super().__init__()
        self.slots, self.species, self.width = slots, species, config.width
        self.columns = slots.columns(species)
        features = slots.features + (0 if slots.numbered else slots.owners)
        # species and owner have length 1, and a token's entries shall be about 1
        self.project = linear(config.species_width + features, config.width, math.sqrt(config.width), generator)
        self.place = nn.Parameter(torch.empty(slots.slots, config.width)) if slots.ordered else None
        if self.place is not None:
            normal_(self.place, 1.0, generator)
        numbers = torch.arange(1, species + 1, dtype=torch.float32) if slots.numbered else None
        self.register_buffer("numbers", numbers, persistent=False)

    def forward(self, flat: torch.Tensor, scaled: torch.Tensor, embed: nn.Linear) -> torch.Tensor:
        """Tokens `[N, K, W]` of observations `[N, columns]` as they are and scaled; embed: of species."""
        last = self.slots.first + self.slots.slots * self.columns
        cards = scaled[:, self.slots.first:last].reshape(-1, self.columns)
        if self.numbers is not None:
            number = flat[:, self.slots.first:last].reshape(-1, self.columns)[:, :1]
            species, features = (number == self.numbers).to(torch.float32), cards[:, 1:]
        else:
            coded = self.slots.owners * self.species
            pair = cards[:, :coded].reshape(-1, self.slots.owners, self.species)
            species, features = pair.sum(1), torch.cat([pair.sum(2), cards[:, coded:]], 1)
        tokens: torch.Tensor = self.project(torch.cat([embed(species), features], 1))
        tokens = tokens.view(-1, self.slots.slots, self.width)
        return tokens if self.place is None else tokens + self.place


class Transformer(nn.Module):
    """Blocks over tokens, a last normalisation, and linear heads."""

    autoregressive = False
    scale: torch.Tensor | None
    rest_columns: torch.Tensor
    order: torch.Tensor | None

    def __init__(
        self, layout: TokenLayout, inputs: int, num_actions: int, config: Network, *, scale: torch.Tensor | None,
        heads: Heads, generator: torch.Generator, policy_gain: float = POLICY_GAIN,
    ) -> None:
        """config: its width, attention heads, layers and width of a species are read. inputs: columns in all."""
        super().__init__()
        self.register_buffer("scale", None if scale is None else scale.flatten(), persistent=False)
        width, cards, named = config.width, card_columns(layout), slot_actions(layout)
        rest = [column for column in range(inputs) if column not in cards]
        self.register_buffer("rest_columns", torch.tensor(rest), persistent=False)
        # entries of the first token are about 1 where half of the rest are ones
        self.rest = linear(len(rest), width, math.sqrt(2 * width / len(rest)), generator)
        self.species = linear(layout.species, config.species_width, 1.0, generator, bias=False)
        self.places = nn.ModuleList(Place(slots, layout.species, config, generator) for slots in layout.places)
        self.width, self.tokens = width, 1 + sum(slots.slots for slots in layout.places)
        self.blocks = nn.Sequential(*(Block(config, self.tokens, generator) for _ in range(config.layers)))
        self.norm = nn.LayerNorm(width)
        self.of_slots = nn.ModuleDict({
            slots.name: linear(width, slots.actions, policy_gain, generator) for slots in layout.places if slots.actions
        })
        general = sorted(set(range(num_actions)) - set(named))
        self.policy = linear(width, len(general), policy_gain, generator) if general else None
        found = torch.tensor([*named, *general])
        in_order = torch.equal(found, torch.arange(num_actions))
        self.register_buffer("order", None if in_order else found.argsort(), persistent=False)
        self.value = linear(width, heads.outputs, VALUE_GAIN, generator)
        heads.shrink(self.value.weight, generator)
        self.heads, self.layout = heads, layout

    def forward(self, observation: torch.Tensor) -> Output:
        """Of observations `[N, ...]` of any dtype."""
        flat = observation.flatten(1).to(torch.float32)
        scaled = flat if self.scale is None else flat * self.scale
        rest = self.rest(scaled.index_select(1, self.rest_columns)).view(-1, 1, self.width)
        tokens = torch.cat([rest, *(place(flat, scaled, self.species) for place in self.places)], 1)
        x = self.norm(self.blocks(tokens.view(-1, self.width))).view(-1, self.tokens, self.width)
        general = x[:, 0]
        raw = self.value(general)
        values = self.heads.value_outputs
        difficulty = raw[:, values] if self.heads.difficulty else None
        return self.heads.output(self._logits(x, general), raw[:, :values], difficulty)

    def _logits(self, x: torch.Tensor, general: torch.Tensor) -> torch.Tensor:
        parts, first = [], 1
        for slots in self.layout.places:
            if slots.actions:
                tokens = x[:, first:first + slots.slots].reshape(-1, self.width)
                parts.append(self.of_slots[slots.name](tokens).view(-1, slots.slots * slots.actions))
            first += slots.slots
        if self.policy is not None:
            parts.append(self.policy(general))
        logits = torch.cat(parts, 1)
        return logits if self.order is None else logits.index_select(1, self.order)


def card_columns(layout: TokenLayout) -> set[int]:
    """Columns of the observation that are cards."""
    return {column for slots in layout.places
            for column in range(slots.first, slots.first + slots.slots * slots.columns(layout.species))}


def slot_actions(layout: TokenLayout) -> list[int]:
    """Actions that name a slot: place by place, slot by slot."""
    return [action for slots in layout.places
            for action in range(slots.first_action, slots.first_action + slots.slots * slots.actions)]
