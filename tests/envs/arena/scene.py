"""Arena positions made by hand."""
from __future__ import annotations

from typing import Any

from envs import registry
from envs.arena.positions import from_dict
from native.game import Game, State

STILL = [5, 5, 5, 5, 0, 0, 0]
"""An action that does nothing."""


def player(x: float, y: float, team: int, **changes: Any) -> dict[str, Any]:
    """Somebody at rest with full hp and ammo."""
    fresh: dict[str, Any] = {"team": team, "alive": True, "x": x, "y": y, "vx": 0.0, "vy": 0.0}
    return fresh | {"hp": 100.0, "ammo": 30, "wait": 0, "dash": 0, "pressure": 0} | changes


def item(kind: str, x: float, y: float) -> dict[str, Any]:
    return {"kind": {"health": "health_pack", "ammo": "ammo_crate"}[kind], "x": x, "y": y}


def shot(owner: int, x: float, y: float, vx: float, vy: float) -> dict[str, Any]:
    return {"owner": owner, "x": x, "y": y, "vx": vx, "vy": vy, "born": 0.0}


def scene(players: list[dict[str, Any]], *, items: list[dict[str, Any]] | None = None,
          shots: list[dict[str, Any]] | None = None, radius: float = 50.0, game: Game | None = None,
          **options: Any) -> State:
    """A state at tick 0 with the zone around the origin."""
    zone = {"x": 0.0, "y": 0.0, "radius": radius}
    game = game or registry.make("arena", players=len(players), **options)
    return from_dict(game, {
        "tick": 0, "zone": zone | {"damage": 1.0, "last": zone, "next": zone}, "players": players, "items": items or [],
        "shots": shots or [],
    })
