"""Trajectories of the arena's recorder, `{episode}_{player}.jsonl.gz`: a line per tick of one player

A line is `{"tick_id", "observation": {"self_state", "zone_state", "visible_entities", "visible_items"}, "action",
"reward", "done"}`, perhaps with `behavior_logp`, where 0 stands for unknown. Missing fields count as 0.
"""
from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from learners.importers.arena_schemas import WORLD, Step
from learners.importers.faults import CorruptLineError, Faults
from learners.importers.fields import Fields
from learners.importers.lines import read_objects

AXES = ("move_x", "move_y", "aim_x", "aim_y")
STANDING = [0.0, 0.0]
_NAME = re.compile(r"(match_seed.+?_duration[^_]+)_(.+)")


def match_and_agent(path: Path) -> tuple[str, str]:
    """What the name of a file says: `match_seed7_duration60_p0` is of player p0."""
    stem = path.name.removesuffix(".gz").removesuffix(".jsonl")
    if found := _NAME.fullmatch(stem):
        return found[1], found[2]
    match, _, agent = stem.rpartition("_")
    return (match, agent) if match else (stem, "")


class RecorderLog:
    """Reads trajectories; the counts are over all files that were read."""

    schema = WORLD

    def __init__(self, faults: Faults) -> None:
        self._faults, self._fields = faults, Fields()
        self._ticks_disordered = self._frozen = self._clipped = 0

    def steps(self, path: Path, on_bytes: Callable[[int], object]) -> Iterator[Step]:
        """The steps of one file. Damaged lines are left out; `faults` hears of them."""
        first: list[float] | None = None
        before = STANDING       # what was tried before this step
        tick, damaged = -1, 0
        moved, still = False, True
        for number, line in read_objects(path, self._faults, on_bytes):
            try:
                step = self._step(line)
            except ValueError as fault:
                self._faults.line(path, number, fault)
                continue
            step.follows, damaged = first is not None and damaged == self._faults.damaged, self._faults.damaged
            self._ticks_disordered += step.tick <= tick
            tick = step.tick
            self._clipped += step.action[5] > 1
            position = step.observation[:2]
            moved |= first is not None and before != STANDING
            first = first or position
            still &= position == first
            before = step.action[:2]
            yield step
        self._frozen += moved and still

    def figures(self) -> dict[str, Any]:
        """What is noteworthy beside the steps.

        frozen_positions: files whose player never moves though it tries to, which a recorder leaves behind that stores
        references to one position.
        """
        return {
            "missing_fields": dict(self._fields.missing),
            "ticks_disordered": self._ticks_disordered,
            "frozen_positions": self._frozen,
            "abilities_clipped": self._clipped,     # ids above 1: there is one ability
        }

    def _step(self, line: dict[str, Any]) -> Step:
        fields = self._fields
        for name in ("observation", "action"):
            if line.get(name) is None:
                raise CorruptLineError("field", f"has no {name}")
        log_prob = 0.0
        if line.get("behavior_logp") is not None:
            log_prob = fields.number(line, "behavior_logp")
            if log_prob > 0:
                raise ValueError(f"has behavior_logp {log_prob}, expected a number not above 0")
        return Step(
            self._features(fields.object(line, "observation")), self._action(fields.object(line, "action")),
            fields.number(line, "reward"), fields.flag(line, "done"), fields.integer(line, "tick_id"), True,
            log_prob or None,
        )

    def _features(self, seen: dict[str, Any]) -> list[float]:
        """The 19 raw features; see `envs/arena/senses.pyx`."""
        fields = self._fields
        me, zone = fields.object(seen, "self_state"), fields.object(seen, "zone_state")
        x, y = fields.pair(me, "position")
        others, items = fields.objects(seen, "visible_entities"), fields.objects(seen, "visible_items")
        places = [fields.pair(one, "position") for one in others]
        kinds, healths = [fields.text(one, "type") for one in others], [fields.number(one, "hp") for one in others]
        item_places = [fields.pair(one, "position") for one in items]
        enemy, distance, item, item_distance = (0.0, 0.0, 0.0), 0.0, (0.0, 0.0), 0.0
        if others:
            first = kinds.index("enemy") if "enemy" in kinds else 0
            enemy = (*places[first], healths[first])
            distance = _within_float32(math.dist((x, y), places[first]))
        if items:
            item = item_places[0]
            item_distance = _within_float32(math.dist((x, y), item))
        return [
            x, y, *fields.pair(me, "velocity"), fields.number(me, "hp"), fields.number(me, "ammo"),
            *fields.pair(zone, "position"), fields.number(zone, "radius"), float(fields.flag(zone, "is_safe")),
            *enemy, *item, len(others), len(items), distance, item_distance,
        ]

    def _action(self, taken: dict[str, Any]) -> list[float]:
        fields = self._fields
        ability = 0 if taken.get("ability_id") is None else fields.integer(taken, "ability_id")
        return [*(fields.number(taken, axis) for axis in AXES),
                fields.flag(taken, "fire"), ability, fields.flag(taken, "interact")]


def _within_float32(distance: float) -> float:
    if distance > 3e38:
        raise ValueError(f"has positions {distance:.3g} apart, which is no distance in an arena")
    return distance
