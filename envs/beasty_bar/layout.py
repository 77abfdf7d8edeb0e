"""The cards in the observation of Beasty Bar, see `rules.pyx`: queue and own hand; the rest are sets and counts."""
from __future__ import annotations

from envs.layout import CardSlots, TokenLayout
from native.game import Game

SPECIES, QUEUE, HAND, ACTIONS_PER_CARD = 12, 4, 4, 31


def token_layout(game: Game) -> TokenLayout:
    """Of the game with its number of seats. An action names a card of the hand, whose order means nothing."""
    queue = CardSlots("queue", first=0, slots=QUEUE, owners=game.num_players)
    hand = CardSlots("hand", first=QUEUE * queue.columns(SPECIES), slots=HAND, ordered=False, actions=ACTIONS_PER_CARD)
    return TokenLayout(SPECIES, (queue, hand))
