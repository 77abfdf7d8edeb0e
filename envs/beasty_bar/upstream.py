"""The network input of the beastybar project, for networks that were trained there: 988 numbers in 0 .. 1."""
from __future__ import annotations

import numpy as np
import numpy.typing as npt

from envs.beasty_bar.positions import POINTS, SPECIES, to_dict
from native.game import State

SLOT = 17           # present, owner (1 the viewer's, 0 not, 0.5 empty), 12 species, strength, points, place
ALPHABETICAL = [sorted(SPECIES).index(species) for species in SPECIES]


def encode_upstream(state: State, viewer: int) -> npt.NDArray[np.float32]:
    """What `viewer` sees, `[988]` float32. Raises ValueError unless the state is one of two seats.

    Slots of 17 (queue 5, bar 24, out 24, own hand 4), then 3 numbers for each of 4 cards of the other hand, then 7
    scalars. Train new networks on `State.observe`, which also tells what is left in the draw piles.
    """
    if state.game.num_players != 2 or viewer not in (0, 1):
        raise ValueError(f"encode_upstream is for seat 0 or 1 of two, got seat {viewer} of {state.game.num_players}")
    position = to_dict(state)
    hands, decks = position["h"], position["d"]
    own = [100 * viewer + strength for strength in hands[viewer]]
    parts: list[npt.NDArray[np.float32]] = []
    for cards, places in ((position["q"], 5), (position["bar"], 24), (position["out"], 24), (own, 4)):
        zone = np.zeros((places, SLOT), np.float32)
        zone[:, 1] = 0.5
        zone[:, 16] = np.arange(places) / (places - 1)
        for place, code in enumerate(cards):
            owner, strength = divmod(code, 100)
            zone[place, 0], zone[place, 1] = 1, owner == viewer
            zone[place, 2 + ALPHABETICAL[strength - 1]] = 1
            zone[place, 14], zone[place, 15] = strength / 12, POINTS[strength - 1] / 4
        parts.append(zone.reshape(-1))
    other = np.zeros((4, 3), np.float32)
    other[: len(hands[1 - viewer]), 0] = 1
    other[:, 1] = np.arange(4) / 3
    scalars = [len(decks[viewer]) / 12, len(decks[1 - viewer]) / 12, len(own) / 4, len(hands[1 - viewer]) / 4,
               position["p"] == viewer, min(position["t"] / 100, 1), len(position["q"]) / 5]
    return np.concatenate([*parts, other.reshape(-1), np.array(scalars, np.float32)])
