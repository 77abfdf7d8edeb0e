"""The recorded arena games in `tests/data/arena.jsonl.gz`, replayed tick by tick with their actions and items.

A line is an episode (order of players, is_bot, zone, first state) or a tick (the 19 features before it on every tenth,
actions, items that appear, the state after it). Numbers have 6 decimals.
"""
from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from envs import registry
from envs.arena.positions import advance, features, from_dict, to_dict
from native.game import State

DATA = Path(__file__).resolve().parents[2] / "data" / "arena.jsonl.gz"


def episodes(path: Path = DATA) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each episode with its ticks."""
    found: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    with gzip.open(path, "rt") as lines:
        for told in map(json.loads, lines):
            if told["type"] == "episode":
                found.append((told, []))
            else:
                found[-1][1].append(told)
    return found


def start(episode: dict[str, Any]) -> State:
    """The first state; the flag is_bot makes two teams."""
    game = registry.make("arena", rules="compat", players=len(episode["order"]))
    told = episode["state"]
    assert not told["proj"]
    x, y = episode["zone"]["pos"]
    zone = {"x": x, "y": y, "radius": episode["zone"]["radius"]}
    players = []
    for name in episode["order"]:
        one = told["players"][name]
        assert one["cd"] == 0
        players.append({
            "team": int(episode["is_bot"][name]), "alive": True, "x": one["pos"][0], "y": one["pos"][1],
            "vx": one["vel"][0], "vy": one["vel"][1], "hp": one["hp"], "ammo": one["ammo"], "wait": 0, "dash": 0,
            "pressure": 0,
        })
    return from_dict(game, {
        "tick": 0, "zone": zone | {"damage": 1, "last": zone, "next": zone}, "players": players,
        "items": [item_of(item) for item in told["items"]], "shots": [],
    })


def item_of(told: dict[str, Any]) -> dict[str, Any]:
    assert told["value"] == {"health_pack": 25, "ammo_crate": 15}[told["type"]]
    return {"kind": told["type"], "x": told["pos"][0], "y": told["pos"][1]}


class Errors(dict[str, float]):
    """The largest absolute difference of each field."""

    def see(self, field: str, ours: float, theirs: float) -> None:
        self[field] = max(self.get(field, 0.0), abs(ours - theirs))

    def pair(self, field: str, ours: tuple[float, float], theirs: list[float]) -> None:
        self.see(field, ours[0], theirs[0])
        self.see(field, ours[1], theirs[1])


def compare(state: State, told: dict[str, Any], order: list[str], errors: Errors) -> None:
    """Notes how far `state` is from the told one. Raises AssertionError if different things are there."""
    ours = to_dict(state)
    alive = [name for name, player in zip(order, ours["players"], strict=True) if player["alive"]]
    assert alive == list(told["players"])
    for name, player in zip(order, ours["players"], strict=True):
        if player["alive"]:
            theirs = told["players"][name]
            assert player["ammo"] == theirs["ammo"]
            errors.pair("position", (player["x"], player["y"]), theirs["pos"])
            errors.pair("velocity", (player["vx"], player["vy"]), theirs["vel"])
            errors.see("hp", player["hp"], theirs["hp"])
            errors.see("cooldown", max(0, player["wait"] - 1) / 30, theirs["cd"])
    assert [order[shot["owner"]] for shot in ours["shots"]] == [shot["owner"] for shot in told["proj"]]
    for shot, theirs in zip(ours["shots"], told["proj"], strict=True):
        errors.pair("shot position", (shot["x"], shot["y"]), theirs["pos"])
        errors.pair("shot velocity", (shot["vx"], shot["vy"]), theirs["vel"])
        errors.see("shot birth", shot["born"], theirs["born"])
    assert [item["kind"] for item in ours["items"]] == [item["type"] for item in told["items"]]
    for item, theirs in zip(ours["items"], told["items"], strict=True):
        errors.pair("item position", (item["x"], item["y"]), theirs["pos"])


def largest_errors(path: Path = DATA) -> tuple[Errors, int, int]:
    """The differences over all episodes, the ticks played and the feature vectors compared."""
    errors, ticks, vectors = Errors(), 0, 0
    for episode, told_ticks in episodes(path):
        state, order = start(episode), episode["order"]
        for told in told_ticks:
            for name, expected in (told["features"] or {}).items():
                found = features(state, order.index(name))
                for i, (mine, theirs) in enumerate(zip(found.tolist(), expected, strict=True)):
                    errors.see(f"feature {i}", mine, theirs)
                shown = np.abs(state.observe(order.index(name)) - found.astype(np.float32)).max()
                errors.see("features shown", float(shown), 0)
                vectors += 1
            actions = {order.index(name): action for name, action in told["actions"].items()}
            advance(state, actions, [item_of(item) for item in told["spawned"]])
            compare(state, told["state"], order, errors)
            ticks += 1
    return errors, ticks, vectors


def main() -> None:
    """`python -m tests.envs.arena.recorded [FILE]` prints the largest differences."""
    errors, ticks, vectors = largest_errors(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
    print(f"{ticks} ticks, {vectors} feature vectors")
    for field, error in errors.items():
        print(f"{field}: {error:.2e}")


if __name__ == "__main__":
    main()
