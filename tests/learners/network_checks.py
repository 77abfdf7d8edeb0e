"""What a module of learners/ that is part of a network must do, whatever its source: by slow definitions.

`check(module, seed)` raises where the module, or a mutant of it, differs.
"""
from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import exp, sqrt
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from envs.layout import CardSlots, MoveLayout, TokenLayout
from learners.network_config import Network
from learners.output import Output
from learners.value_heads import Heads

Array = npt.NDArray[Any]
HEIGHT, WIDTH, CHANNELS = 2, 3, 5
CELLS = list(product(range(HEIGHT), range(WIDTH)))
CARDS = TokenLayout(3, (
    CardSlots("table", first=2, slots=2, owners=2, features=1),
    CardSlots("hand", first=17, slots=3, numbered=True, features=2, ordered=False, first_action=1, actions=2),
    CardSlots("shop", first=26, slots=2, first_action=8, actions=1),
))
COLUMNS, ACTIONS = 34, 11       # columns 0, 1, 16, 32 and 33 are the rest; actions 0, 7 and 10 name no card


def stir(module: nn.Module, seed: int) -> dict[str, Array]:
    """Random numbers in place of all weights, which it returns."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0.0, 0.4, generator=generator)
    return {name: tensor.detach().numpy().astype(np.float64) for name, tensor in module.named_parameters()}


def check_policy_heads(module: ModuleType, seed: int) -> None:
    """Every logit from the cells that its action names."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2, CHANNELS, HEIGHT, WIDTH, generator=generator)
    for others in (0, 2):
        moves = MoveLayout(HEIGHT, WIDTH, others)
        actions = len(CELLS) ** 2 + others
        spatial = module.Spatial(CHANNELS, (HEIGHT, WIDTH), actions, moves, generator)
        _begins_small(spatial, x)
        weights = stir(spatial, seed)
        assert spatial.state_dict().keys() == weights.keys()        # nothing but what is learned is kept
        found = spatial(x).detach().numpy()
        assert found.shape == (2, actions)
        for n, (source, target) in product(range(2), product(range(6), range(6))):
            (row, column), (to_row, to_column) = CELLS[source], CELLS[target]
            plane = (to_row - row + HEIGHT - 1) * (2 * WIDTH - 1) + to_column - column + WIDTH - 1
            seen = x[n, :, row, column].numpy()
            expected = weights["planes.weight"][plane, :, 0, 0] @ seen + weights["planes.bias"][plane]
            assert found[n, 6 * source + target] == pytest.approx(expected, abs=1e-5)
        _check_others(found, weights, x, others)

        factored = module.Factored(CHANNELS, 4, moves, generator)
        _begins_small(factored, x)
        weights = stir(factored, seed)
        found = factored(x).detach().numpy()
        assert found.shape == (2, actions)
        for n, (source, target) in product(range(2), product(range(6), range(6))):
            u, v = (weights[f"{role}.weight"][:, :, 0, 0] @ x[n, :, *CELLS[cell]].numpy() + weights[f"{role}.bias"]
                    for role, cell in (("source", source), ("target", target)))
            assert found[n, 6 * source + target] == pytest.approx(u @ v / sqrt(4), abs=1e-5)
        _check_others(found, weights, x, others)
    planes = module.Spatial(CHANNELS, (HEIGHT, WIDTH), 12, None, generator)
    weights = stir(planes, seed)
    found = planes(x).detach().numpy()
    for plane, (cell, place) in product(range(2), enumerate(CELLS)):
        expected = weights["planes.weight"][plane, :, 0, 0] @ x[1, :, *place].numpy() + weights["planes.bias"][plane]
        assert found[1, 6 * plane + cell] == pytest.approx(expected, abs=1e-5)
    assert found.shape == (2, 12)


def _begins_small(head: nn.Module, x: torch.Tensor) -> None:
    logits = head(x)
    assert 0 < logits.std() < 0.1       # the first policy is nearly uniform


def _check_others(found: Array, weights: dict[str, Array], x: torch.Tensor, others: int) -> None:
    if others:
        mean = x.mean((2, 3)).numpy()
        expected = mean @ weights["others.last.weight"].T + weights["others.last.bias"]
        np.testing.assert_allclose(found[:, 36:], expected, atol=1e-5)


class Body(nn.Module):
    """Gives half of what it sees as features."""

    def forward(self, observation: torch.Tensor) -> Output:
        """Of `[N, 5]`."""
        return Output(observation / 2, observation[:, 0])


def check_autoregressive(module: ModuleType, seed: int) -> None:
    """Row by row: a head's logits from the features and what stands for the choices before it."""
    generator = torch.Generator().manual_seed(seed)
    sizes = (3, 2, 4)
    network = module.Autoregressive(Body(), 5, sizes, generator)
    x = torch.randn(4, 5, generator=generator)
    action = torch.stack([torch.randint(0, size, (4,), generator=generator) for size in sizes], 1).to(torch.int32)
    assert network(x, action).logits.abs().max() < 0.1
    spread = torch.cat([one.weight.flatten() for one in network.chosen]).std()
    assert 0.4 < spread < 1.1           # about 1 / sqrt(2), of 25 numbers
    weights = stir(network, seed)
    assert network.autoregressive
    out = network(x, action)
    assert torch.equal(out.value, x[:, 0])
    assert out.logits.shape == (4, 9)
    for n in range(4):
        features, at = x[n].numpy() / 2, 0
        for head, size in enumerate(sizes):
            expected = (weights[f"heads.{head}.weight"] @ np.maximum(features, 0) + weights[f"heads.{head}.bias"])
            np.testing.assert_allclose(out.logits[n, at:at + size].detach(), expected, atol=1e-5)
            if head < 2:
                features = features + weights[f"chosen.{head}.weight"][action[n, head]]
            at += size
    with torch.autocast("cpu", torch.bfloat16):
        assert network(x, action).logits.dtype == torch.float32
    with pytest.raises(ValueError, match="gives logits only for actions"):
        network(x)


def check_transformer(module: ModuleType, seed: int) -> None:
    """One row by numpy in float64: tokens, attention, feed-forward, heads."""
    config = Network(kind="transformer", width=8, attention_heads=2, layers=2, species_width=4, difficulty=True)
    generator = torch.Generator().manual_seed(seed)
    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.5, 2, COLUMNS).astype(np.float32)
    network = module.Transformer(CARDS, COLUMNS, ACTIONS, config, scale=torch.from_numpy(scale),
                                 heads=Heads(difficulty=True), generator=generator)
    observation = rng.integers(0, 2, (3, COLUMNS)).astype(np.int16)
    observation[:, [17, 20, 23]] = rng.integers(0, 4, (3, 3))       # the numbered species
    first = network(torch.from_numpy(observation))
    assert first.logits.abs().max() < 0.1
    entries = network.rest(torch.from_numpy(observation[:, network.rest_columns] * scale[network.rest_columns]))
    assert 0.1 < entries.std() < 4
    weights = stir(network, seed)
    out = network(torch.from_numpy(observation))
    for n in range(3):
        logits, value, difficulty = by_definition(observation[n].astype(np.float64), scale, weights)
        np.testing.assert_allclose(out.logits[n].detach(), logits, atol=2e-4)
        assert out.value[n].item() == pytest.approx(np.tanh(value), abs=2e-4)
        assert out.difficulty[n].item() == pytest.approx(difficulty, abs=2e-4)
    plain = module.Transformer(CARDS, COLUMNS, ACTIONS, config, scale=None, heads=Heads(), generator=generator)
    plain.load_state_dict({name: tensor[:1] if name.startswith("value.") else tensor
                           for name, tensor in network.state_dict().items()})
    unscaled = torch.from_numpy(observation.astype(np.float32) * scale)
    unscaled[:, [17, 20, 23]] = torch.from_numpy(observation[:, [17, 20, 23]].astype(np.float32))
    torch.testing.assert_close(plain(unscaled).logits, out.logits, atol=1e-4, rtol=1e-4)
    small = module.Transformer(CARDS, COLUMNS, ACTIONS, config, scale=None, heads=Heads(small=True),
                               generator=generator)
    assert small.value.weight.std() < 0.03


def by_definition(seen: Array, scale: Array, weights: dict[str, Array]) -> tuple[Array, float, float]:
    """Logits, raw value and difficulty of one observation `[COLUMNS]`."""
    scaled = seen * scale

    def apply(name: str, x: Array) -> Array:
        return np.asarray(weights[f"{name}.weight"] @ x + weights[f"{name}.bias"])

    def norm(name: str, x: Array) -> Array:
        return np.asarray(weights[f"{name}.weight"] * (x - x.mean()) / sqrt(x.var() + 1e-5) + weights[f"{name}.bias"])

    def card(place: int, species: Array, features: Array) -> Array:
        return apply(f"places.{place}.project", np.concatenate([weights["species.weight"] @ species, features]))

    tokens = [apply("rest", scaled[[0, 1, 16, 32, 33]])]
    for slot in range(2):
        block = scaled[2 + 7 * slot:9 + 7 * slot]       # [owner, species], one feature
        pair = block[:6].reshape(2, 3)
        tokens.append(card(0, pair.sum(0), np.array([*pair.sum(1), block[6]])) + weights["places.0.place"][slot])
    for slot in range(3):
        at = 17 + 3 * slot
        tokens.append(card(1, np.eye(4)[int(seen[at])][1:], scaled[at + 1:at + 3]))
    for slot in range(2):
        block = scaled[26 + 3 * slot:29 + 3 * slot]
        tokens.append(card(2, block, np.array([block.sum()])) + weights["places.2.place"][slot])
    for layer in range(2):
        tokens = block_by_definition(f"blocks.{layer}", tokens, apply, norm)
    tokens = [norm("norm", token) for token in tokens]
    general, logits = apply("policy", tokens[0]), np.zeros(ACTIONS)
    logits[[0, 7, 10]] = general
    for slot in range(3):
        logits[1 + 2 * slot:3 + 2 * slot] = apply("of_slots.hand", tokens[3 + slot])
    for slot in range(2):
        logits[8 + slot] = apply("of_slots.shop", tokens[6 + slot])[0]
    value, difficulty = apply("value", tokens[0])
    return logits, float(value), float(difficulty)


def block_by_definition(
    name: str, tokens: list[Array], apply: Callable[[str, Array], Array], norm: Callable[[str, Array], Array]
) -> list[Array]:
    """A block of two attention heads of 4 numbers each."""
    each = [apply(f"{name}.query_key_value", norm(f"{name}.attention_norm", token)).reshape(3, 2, 4)
            for token in tokens]
    after = []
    for token, (query, _, _) in zip(tokens, each, strict=True):
        mixed = []
        for head in range(2):
            share = np.array([exp(query[head] @ key[head] / sqrt(4)) for _, key, _ in each])
            mixed.append(sum(s * value[head] for s, (_, _, value) in zip(share / share.sum(), each, strict=True)))
        x = token + apply(f"{name}.attended", np.concatenate(mixed))
        hidden = np.maximum(apply(f"{name}.expand", norm(f"{name}.forward_norm", x)), 0)
        after.append(x + apply(f"{name}.contract", hidden))
    return after


CHECKS: dict[str, Callable[[ModuleType, int], None]] = {
    "policy_heads": check_policy_heads,
    "autoregressive": check_autoregressive,
    "transformer": check_transformer,
}
