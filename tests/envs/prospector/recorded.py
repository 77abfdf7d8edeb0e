"""Steps of the original, `tests/data/prospector.jsonl.gz`: hidden worlds, draws and what came of them."""
from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from envs import registry
from envs.prospector.positions import from_world, set_position
from native.game import State

DATA = Path(__file__).resolve().parents[2] / "data" / "prospector.jsonl.gz"


@lru_cache
def lines() -> list[dict[str, Any]]:
    """In order: `type` "episode" (policy, time_max, world, state, obs), then its "step"s."""
    with gzip.open(DATA, "rt") as told:
        return [json.loads(line) for line in told]


def steps() -> Iterator[tuple[State, dict[str, Any], dict[str, Any]]]:
    """`(state, episode, step)` before each step; the caller plays it."""
    state, episode = None, dict[str, Any]()
    for line in lines():
        if line["type"] == "episode":
            episode = line
            state = start(line)
        else:
            assert state is not None
            yield state, episode, line


def start(episode: dict[str, Any]) -> State:
    state = from_world(registry.make("prospector", time_max=int(episode["time_max"])), episode["world"])
    set_position(state, episode["state"])
    return state
