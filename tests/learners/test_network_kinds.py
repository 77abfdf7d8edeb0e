"""Policy heads, transformer and autoregressive heads: definitions, mutants, games they fit, and what they keep to."""
from __future__ import annotations

import importlib
import re
from typing import Any

import numpy as np
import pytest
import torch

from envs import registry
from envs.layout import CardSlots, MoveLayout, TokenLayout
from learners.engines.choice import lively
from learners.engines.onnx_graph import onnx_model
from learners.engines.positions import played
from learners.engines.trace import Trace
from learners.network_config import Network
from learners.networks import build_network, digest, read_weights, write_weights
from learners.prediction import predict
from native.game import Game
from tests.learners.network_checks import CHECKS
from tests.learners.network_mutants import MUTANTS, survivors

torch.set_num_threads(1)
RESIDUAL = Network(kind="residual", channels=6, blocks=2, policy_width=4, value_planes=2, value_width=8)
CARDS = Network(kind="transformer", width=16, attention_heads=2, layers=2, species_width=8)
KINDS: dict[str, tuple[str, Network]] = {
    "spatial moves": ("razzle", RESIDUAL.model_copy(update={"policy_head": "spatial"})),
    "spatial planes": ("tic_tac_toe", RESIDUAL.model_copy(update={"policy_head": "spatial"})),
    "factored": ("razzle", RESIDUAL.model_copy(update={"policy_head": "factored"})),
    "transformer": ("beasty_bar", CARDS),
    "autoregressive": ("arena", Network(hidden=(24, 16), autoregressive=True, autoregressive_width=12)),
}


def inputs(kind: str, rows: int = 12) -> tuple[Game, Network, tuple[torch.Tensor, ...]]:
    name, network = KINDS[kind]
    game = registry.make(name)
    seen = torch.from_numpy(played(game, rows, seed=1))
    if not network.autoregressive:
        return game, network, (seen,)
    rng = np.random.default_rng(2)
    actions = np.stack([rng.integers(0, size, rows) for size in game.head_sizes], 1).astype(np.int32)
    return game, network, (seen, torch.from_numpy(actions))


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_its_definition(name: str, seed: int) -> None:
    CHECKS[name](importlib.import_module(f"learners.{name}"), seed)


def test_every_mutant_dies() -> None:
    assert all(len(mutants) >= 10 for mutants in MUTANTS.values())
    assert survivors() == []


@pytest.mark.parametrize("kind", KINDS)
def test_outputs(kind: str) -> None:
    game, network, given = inputs(kind)
    module = build_network(network.model_copy(update={"difficulty": True}), game, 1)
    assert module.autoregressive == network.autoregressive
    out = module(*given)
    assert (out.logits.shape, out.value.shape, out.difficulty.shape) == ((12, game.num_actions), (12,), (12,))
    assert out.logits.dtype == out.value.dtype == torch.float32
    assert 0 < out.logits.std() < 0.1       # the first policy is nearly uniform
    assert out.value.std() > 0.01
    if game.zero_sum and game.num_players == 2:
        out = build_network(network.model_copy(update={"value": "wdl"}), game, 1)(*given)
        assert out.wdl.shape == (12, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides_and_the_global_generator_is_left_alone(kind: str) -> None:
    game, network, _ = inputs(kind, 1)
    before = torch.get_rng_state()
    digests = [digest(read_weights(build_network(network, game, seed))) for seed in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_does_not_depend_on_its_neighbours(kind: str) -> None:
    game, network, given = inputs(kind)
    module = build_network(network, game, 1)
    write_weights(module, lively(module, 1))
    together, alone = module(*given), module(*(part[:3] for part in given))
    torch.testing.assert_close(together.logits[:3], alone.logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(together.value[:3], alone.value, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_learns(kind: str) -> None:
    game, network, given = inputs(kind, 64)
    module = build_network(network.model_copy(update={"difficulty": True}), game, 1)
    optimiser = torch.optim.SGD(module.parameters(), 0.1)
    pushed = torch.randn(64, game.num_actions, generator=torch.Generator().manual_seed(3))
    for _ in range(3):      # second convolutions start at 0 and hide the first ones at the first step
        optimiser.zero_grad()
        out = module(*given)
        (((out.logits - pushed).square().mean() + (out.value - 0.5).square().mean()
          + out.difficulty.sigmoid().mean()).backward())
        optimiser.step()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert torch.any(parameter.grad != 0), name


def test_what_the_flat_heads_build_is_what_they_built_before_there_were_others() -> None:
    """Older checkpoints fit, and a seed gives the weights it gave."""
    network = Network(kind="residual", channels=6, blocks=1)
    weights = read_weights(build_network(network, registry.make("tic_tac_toe"), 1))
    assert list(weights) == [
        "stem.weight", "stem.bias", "tower.0.scale", "tower.0.first.weight", "tower.0.first.bias",
        "tower.0.second.weight", "tower.0.second.bias", "policy_planes.weight", "policy_planes.bias", "policy.weight",
        "policy.bias", "value.planes.weight", "value.planes.bias", "value.hidden.weight", "value.hidden.bias",
        "value.last.weight", "value.last.bias",
    ]
    assert float(np.abs(weights["policy.weight"]).sum()) == pytest.approx(1.218522, rel=1e-5)


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("connect_four", {"kind": "residual", "policy_head": "spatial"},
     "'spatial' needs actions that are planes x 6 x 7, connect_four has 7"),
    ("connect_four", {"kind": "residual", "policy_head": "factored"},
     "'factored' needs a game that declares moves from cell to cell (move_layout), connect_four declares none"),
    ("connect_four", {"policy_head": "factored"}, "policy_head 'factored' needs kind 'residual', got 'mlp'"),
    ("beasty_bar", {"kind": "residual"}, "needs observations [C, H, W], beasty_bar has [242]"),
    ("connect_four", {"kind": "transformer"},
     "'transformer' needs a game that declares its cards (token_layout), connect_four declares none"),
    ("connect_four", {"autoregressive": True}, "needs a game of several action heads, connect_four has one"),
    ("beasty_bar", {"kind": "transformer", "autoregressive": True},
     "network.autoregressive and kind 'transformer' exclude each other in beasty_bar"),
]


@pytest.mark.parametrize(("game", "settings", "sentence"), REFUSED)
def test_what_does_not_fit_a_game_is_one_sentence(game: str, settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        build_network(Network.model_validate(settings), registry.make(game), 1)
    assert "\n" not in str(caught.value)


def test_layouts_that_do_not_fit_their_game_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    game = registry.make("beasty_bar")
    queue = CardSlots("queue", first=0, slots=4, owners=2)
    for places, sentence in (
        ((queue, CardSlots("hand", first=95, slots=4)), "has cards in 144 columns"),
        ((CardSlots("hand", first=240, slots=4),), "has cards in 48 columns"),
        ((queue, CardSlots("hand", first=96, slots=4, actions=32)), "names 128 actions"),
    ):
        monkeypatch.setattr(registry, "token_layout", lambda game, places=places: TokenLayout(12, places))
        with pytest.raises(ValueError, match=f"the token_layout of beasty_bar {sentence}, expected some of"):
            build_network(CARDS, game, 1)
    monkeypatch.setattr(registry, "move_layout", lambda game: MoveLayout(7, 8, 1))
    with pytest.raises(ValueError, match=r"razzle declares MoveLayout\(height=7.* does not fit its observations"):
        build_network(KINDS["factored"][1], registry.make("razzle"), 1)


@pytest.mark.parametrize("players", [2, 4])
def test_cards_of_the_hand_may_change_places_and_those_of_the_queue_may_not(players: int) -> None:
    game = registry.make("beasty_bar", players=players)
    module = build_network(CARDS, game, 1)
    write_weights(module, lively(module, 1))
    seen = played(game, 20, seed=1)
    layout = registry.token_layout(game)
    assert layout is not None
    queue, hand = layout.places
    order = [2, 0, 3, 1]

    def moved(place: CardSlots) -> torch.Tensor:
        columns, other = np.arange(seen.shape[1]), seen.copy()
        size = place.columns(layout.species)
        span = slice(place.first, place.first + place.slots * size)
        other[:, span] = seen[:, columns[span].reshape(4, size)[order].ravel()]
        assert (other != seen).any()
        return torch.from_numpy(other)

    before, after = module(torch.from_numpy(seen)), module(moved(hand))
    of_slots, of_slots_after = (out.logits.view(-1, 4, 31) for out in (before, after))
    torch.testing.assert_close(of_slots_after, of_slots[:, order], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(after.value, before.value, atol=1e-4, rtol=1e-4)
    assert (of_slots[:, 0] - of_slots[:, 1]).abs().max() > 0.1
    assert (module(moved(queue)).value - before.value).abs().max() > 0.01


def test_a_head_knows_what_came_before_it_and_nothing_of_what_comes_after() -> None:
    game, network, (seen, action) = inputs("autoregressive")
    module = build_network(network, game, 1)
    write_weights(module, lively(module, 1))
    before = module(seen, action).logits.split(list(game.head_sizes), 1)
    changed = action.clone()
    changed[:, 3] = (changed[:, 3] + 1) % game.head_sizes[3]
    after = module(seen, changed).logits.split(list(game.head_sizes), 1)
    for head, (one, other) in enumerate(zip(before, after, strict=True)):
        assert torch.equal(one, other) is (head <= 3), head


def test_predictions_of_an_autoregressive_network_are_those_after_what_was_played() -> None:
    game, network, (seen, action) = inputs("autoregressive", 1500)      # more than a batch
    module = build_network(network, game, 1)
    cpu = torch.device("cpu")
    found = predict(module, seen.numpy(), cpu, action.numpy())
    torch.testing.assert_close(torch.from_numpy(found.logits), module(seen, action).logits.detach(), atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="gives logits only for actions"):
        predict(module, seen.numpy(), cpu)


def test_an_engine_refuses_an_autoregressive_network() -> None:
    game, network, _ = inputs("autoregressive")
    with pytest.raises(ValueError, match="gives logits only for actions"):
        onnx_model(Trace(build_network(network, game, 1)), game.observation_shape, game.observation_dtype)


def test_bfloat16_is_near() -> None:
    for kind in KINDS:
        game, network, given = inputs(kind)
        module = build_network(network, game, 1)
        write_weights(module, lively(module, 1))
        exact = module(*given)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = module(*given)
        assert rounded.logits.dtype == torch.float32
        assert (rounded.logits - exact.logits).abs().max() < 0.1 * exact.logits.abs().max(), kind
