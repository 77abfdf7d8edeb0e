"""What games declare of their observations and actions is what their rules make of them."""
from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from envs import registry
from envs.beasty_bar.positions import SPECIES, to_dict
from envs.razzle.notation import action_to_text
from native.game import State


def states(name: str, players: int | None = None, seed: int = 0) -> list[State]:
    """Of a few games of random play."""
    game = registry.make(name) if players is None else registry.make(name, players=players)
    rng, found = np.random.default_rng(seed), []
    for number in range(6):
        state = game.new_state(number)
        while not state.is_terminal:
            found.append(state.clone())
            state.apply(int(rng.choice(state.legal_actions())))
    return found


@pytest.mark.parametrize("players", [2, 3, 4])
def test_cards_of_beasty_bar(players: int) -> None:
    layout = registry.token_layout(registry.make("beasty_bar", players=players))
    assert layout is not None
    assert layout.species == len(SPECIES)
    queue, hand = layout.places
    assert (queue.ordered, hand.ordered) == (True, False)
    full = 0
    for state in states("beasty_bar", players):
        viewer, position = state.to_act(), to_dict(state)
        seen = state.observe(viewer)
        size = queue.columns(layout.species)
        for slot in range(queue.slots):
            block = seen[queue.first + slot * size:queue.first + (slot + 1) * size].reshape(players, layout.species)
            found = [(int(owner) + viewer) % players * 100 + int(species) + 1 for owner, species in np.argwhere(block)]
            assert found == list(position["q"][slot:slot + 1])
        for slot in range(hand.slots):
            at = hand.first + slot * layout.species
            found = [int(species) + 1 for species in np.flatnonzero(seen[at:at + layout.species])]
            assert found == list(position["h"][viewer][slot:slot + 1])
            first = hand.first_action + slot * hand.actions
            assert state.legal(viewer)[first:first + hand.actions].any() <= bool(found)
        full += len(position["q"]) == queue.slots
    assert full > 5
    assert hand.slots * hand.actions == registry.make("beasty_bar").num_actions


def test_moves_of_razzle() -> None:
    game = registry.make("razzle")
    layout = registry.move_layout(game)
    assert layout is not None
    assert (layout.height, layout.width) == game.observation_shape[1:]
    cells = layout.height * layout.width
    assert cells**2 + layout.others == game.num_actions
    named = 0
    for state in states("razzle")[::20]:
        planes = state.observe()
        for action in state.legal_actions():
            if action >= cells**2:
                continue
            (row, column), (to_row, to_column) = (divmod(cell, layout.width) for cell in divmod(action, cells))
            squares = [f"{'abcdefg'[right]}{up + 1}" for up, right in ((row, column), (to_row, to_column))]
            assert action_to_text(state, action) == "-".join(squares)
            assert planes[0, row, column] == 1      # one's own piece stands there
            named += 1
    assert named > 20


def test_games_that_declare_nothing_have_none() -> None:
    assert registry.token_layout(registry.make("razzle")) is None
    assert registry.move_layout(registry.make("beasty_bar")) is None
    assert registry.move_layout(registry.make("connect_four")) is None


def test_a_layout_cannot_be_changed() -> None:
    layout = registry.token_layout(registry.make("beasty_bar"))
    with pytest.raises(FrozenInstanceError):
        layout.species = 3      # type: ignore[misc, union-attr]
