"""Actions of Prospector as people write them.

`travel 1` .. `travel 6`, `hold`, `burn`, `scan wide`, `scan focused`, `scan deep`, `listen`, `select 1` .. `select 16`,
`mine gently`, `mine`, `mine hard`, `stabilise`, `refine`, `cool`, `repair tool`, `patch hull`, `jettison iron`, `dock`,
`sell iron 25%`, `sell iron 50%`, `sell iron`, `buy fuel 120`, `buy kit`, `buy stabiliser`, `buy decoy`, `overhaul`,
`cash out`; commodities are named as in `positions.COMMODITIES`.
"""
from __future__ import annotations

from envs.prospector.positions import COMMODITIES
from native.game import State

ACTIONS: tuple[str, ...] = (
    *(f"travel {slot}" for slot in range(1, 7)),
    "hold", "burn", "scan wide", "scan focused", "scan deep", "listen",
    *(f"select {slot}" for slot in range(1, 17)),
    "mine gently", "mine", "mine hard", "stabilise", "refine", "cool", "repair tool", "patch hull",
    *(f"jettison {name}" for name in COMMODITIES),
    "dock",
    *(f"sell {name}{part}" for name in COMMODITIES for part in (" 25%", " 50%", "")),
    "buy fuel 120", "buy fuel 260", "buy fuel 480", "buy kit", "buy stabiliser", "buy decoy", "overhaul", "cash out",
)
"""By number, 0 to 68."""


def action_to_text(state: State, action: int) -> str:
    """The name of an action. Raises ValueError for a number that is none."""
    if not 0 <= action < len(ACTIONS):
        raise ValueError(f"prospector: actions are 0 to {len(ACTIONS) - 1}, got {action}")
    return ACTIONS[action]


def action_from_text(state: State, text: str) -> int:
    """The legal action that `text` names. Raises ValueError naming those there are."""
    legal = [ACTIONS[action] for action in state.legal_actions()]
    wanted = " ".join(text.lower().split())
    if wanted not in legal:
        raise ValueError(f"prospector: no action {text!r} here, expected one of {', '.join(legal) or 'none'}")
    return ACTIONS.index(wanted)
