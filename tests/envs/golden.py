"""Golden playthroughs: `python -m tests.envs.golden` writes those of all games anew and prints what changed.

One file per game and variant in `tests/data/golden/`, one game per line: seed, actions, returns, and the SHA-256 of
every state on the way with all that every seat is shown. A rule, an observation or the memory of a state that changes
shows here; when that is meant, raise the game's `rules_version` and write the files anew.
"""
from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from native.game import Game, State
from tests.envs.play import random_play, replay
from tests.envs.variants import Variant, variants

FOLDER = Path(__file__).resolve().parent.parent / "data" / "golden"
SEEDS = (1, 2, 3)


def digest(states: list[State]) -> str:
    """SHA-256 over the bytes, observations, masks and rewards of `states`."""
    sha = hashlib.sha256()
    for state in states:
        sha.update(state.to_bytes())
        for player in range(state.game.num_players):
            sha.update(state.observe(player).tobytes())
            sha.update(state.legal(player).tobytes())
        sha.update(state.rewards().tobytes())
    return sha.hexdigest()


def line(game: Game, seed: int, actions: list[Any], states: list[State]) -> dict[str, Any]:
    """One game as the file tells it; `returns` are the sums of each seat's rewards."""
    returns = np.array([state.rewards() for state in states], np.float64).sum(axis=0).tolist()
    return {
        "rules_version": game.rules_version,
        "seed": seed,
        "actions": actions,
        "finished": states[-1].is_terminal,
        "returns": [round(value, 4) for value in returns],
        "digest": digest(states),
    }


def played(variant: Variant) -> list[dict[str, Any]]:
    """New games of random play."""
    game = variant.make()
    plays = [random_play(game, seed, variant.budget.golden) for seed in SEEDS]
    return [line(game, play.seed, play.actions, play.states) for play in plays]


def replayed(variant: Variant, stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The stored games played again by today's rules."""
    game = variant.make()
    return [
        line(game, told["seed"], told["actions"], replay(game, told["seed"], told["actions"])) for told in stored
    ]


def path_of(variant: Variant) -> Path:
    return FOLDER / f"{variant.id}.jsonl"


def load(path: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in path.read_text().splitlines()]


def write(variant: Variant) -> str:
    """Writes one file; says what became of it."""
    path, fresh = path_of(variant), played(variant)
    stored = load(path) if path.exists() else None
    if stored == fresh:
        return "unchanged"
    temporary = path.with_suffix(".tmp")
    temporary.write_text("".join(json.dumps(told, separators=(",", ":")) + "\n" for told in fresh))
    os.replace(temporary, path)
    if stored is None:
        return "new"
    changes = []
    for before, after in zip(stored, fresh, strict=False):
        fields = [key for key in after if before.get(key) != after[key]]
        if fields:
            changes.append(f"seed {after['seed']}: {', '.join(fields)}")
    return f"changed ({'; '.join(changes) or 'number of games'})"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = {path_of(variant): variant for variant in variants()}
    for path, variant in wanted.items():
        print(f"{path.stem}: {write(variant)}")
    for path in sorted(FOLDER.glob("*.jsonl")):
        if path not in wanted:
            path.unlink()
            print(f"{path.stem}: deleted, no such game or variant")


if __name__ == "__main__":
    main()
