"""Moves of Beasty Bar as people write them: the animal, then what it does to the queue as it stands before the move.

`lion`, `kangaroo+2` (hops over two), `parrot@3` (removes the card at place 3, 0 in front), `chameleon@1` (acts as the
card at place 1), `chameleon@1+2` (as the kangaroo there, over two), `chameleon@1>3` (as the parrot there, on place 3).
"""
from __future__ import annotations

from envs.beasty_bar.positions import SPECIES, to_dict
from native.game import State

ACTIONS_PER_CARD = 31


def action_to_text(state: State, action: int) -> str:
    """The move of the seat to act. Raises ValueError if it has no card in that slot or the parameters fit no card."""
    position = to_dict(state)
    hand, queue = position["h"][position["p"]], position["q"]
    slot, r = divmod(action, ACTIONS_PER_CARD)
    if not 0 <= slot < len(hand):
        raise ValueError(f"beasty_bar: action {action} is of hand slot {slot}, the hand has {len(hand)} cards")
    species: str = SPECIES[hand[slot] - 1]
    if r == 0:
        return species
    first, second = divmod(r - 1, 6)
    if species == "kangaroo" and second == 0:
        return f"kangaroo+{first}"
    if species == "parrot" and second == 0:
        return f"parrot@{first}"
    if species == "chameleon" and second == 0:
        return f"chameleon@{first}"
    if species == "chameleon" and first < len(queue):
        model = SPECIES[queue[first] % 100 - 1]
        if model == "kangaroo":
            return f"chameleon@{first}+{second - 1}"
        if model == "parrot":
            return f"chameleon@{first}>{second - 1}"
    raise ValueError(f"beasty_bar: action {action} gives the {species} parameters that it does not take")


def action_from_text(state: State, text: str) -> int:
    """The legal action that `text` names. Raises ValueError naming those there are."""
    moves = {action_to_text(state, action): action for action in state.legal_actions()}
    wanted = "".join(text.lower().split())
    if wanted not in moves:
        raise ValueError(f"beasty_bar: no move {text!r} here, expected one of {', '.join(moves) or 'none'}")
    return moves[wanted]
