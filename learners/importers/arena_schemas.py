"""The two kinds of steps in logs of the arena, and one step as their readers hand it on

`arena19` holds the raw features of `envs/arena/senses.pyx`; `live19` squeezes events of live sessions, which mean
something else, into as many places. The action heads are those of `envs/arena/actions.py` in both.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from envs import registry
from learners.importers.steps import StepFacts

HEADS = {"move_x": 11, "move_y": 11, "aim_x": 11, "aim_y": 11, "fire": 2, "ability": 2, "interact": 2}
WORLD, LIVE = "arena19", "live19"
FEATURES = {
    WORLD: (
        "x", "y", "vx", "vy", "hp", "ammo", "zone_x", "zone_y", "zone_radius", "is_safe", "enemy_x", "enemy_y",
        "enemy_hp", "item_x", "item_y", "visible_players", "visible_items", "enemy_distance", "item_distance",
    ),
    LIVE: (
        "clock", "in_match", "lobby", "canvas_visible", "action_ok", "active_keys", "unused_6", "unused_7", "unused_8",
        "unused_9", "key_down", "pointer_move", "clicks", "cursor_moves", "cursor_visible", "focus_events",
        "blur_events", "play_visible", "character_visible",
    ),
}


@dataclass
class Step:
    """What one agent saw and did in one tick."""

    observation: list[float]    # [19]
    action: list[float]         # [7] values, not classes: four axes, fire, ability id, interact
    reward: float
    done: bool
    tick: int
    follows: bool               # the step before it is the one before it in the log, too
    log_prob: float | None = None


def facts_of(schema: str, made: dict[str, Any]) -> StepFacts:
    """The facts of a dataset of `schema`. Live sessions are of no game that is in the registry."""
    if schema == LIVE:
        return StepFacts(schema, FEATURES[schema], HEADS, None, made=made)
    game = registry.make("arena", rules="compat", observation="raw")
    return StepFacts(schema, FEATURES[schema], HEADS, game.name, dict(game.options), game.rules_version, made)
