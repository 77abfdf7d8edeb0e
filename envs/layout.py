"""What a game may declare of the meaning of its observation's columns and its actions' numbers, for networks to use.

A game declares it in `layout.py` beside its rules; `envs.registry.token_layout` and `move_layout` find it by name.
"""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CardSlots:
    """Slots for cards in one place of a game: equal blocks of columns, one after another.

    A slot begins with its card: ones and zeros over owner and species (owner by owner, all 0 without a card), or, where
    `numbered`, one column with the number of the species (1 to `species` of the layout, 0 without a card). What follows
    in the slot are features of the card.
    """

    name: str
    first: int                          # column of the first slot in the flat observation
    slots: int
    features: int = 0                   # columns after the card
    owners: int = 1                     # who may own the card, where it is not numbered
    numbered: bool = False
    ordered: bool = True                # False: the cards could change places and nothing would be different
    first_action: int = 0               # action `first_action + actions * slot + r` plays the card of a slot
    actions: int = 0                    # r < actions; 0: no action names a slot of this place

    def columns(self, species: int) -> int:
        """Of a slot."""
        return (1 if self.numbered else self.owners * species) + self.features


@dataclass(frozen=True)
class TokenLayout:
    """A flat observation as cards in slots and a rest. No place's columns or actions are another's too."""

    species: int                        # how many kinds of cards there are
    places: tuple[CardSlots, ...]


@dataclass(frozen=True)
class MoveLayout:
    """Actions `cells * source + target` that move between the cells of a board, after them `others` that do not.

    Cell = width * row + column, of the board [height, width] that the observation shows.
    """

    height: int
    width: int
    others: int = 0
