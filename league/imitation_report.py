"""What is in recorded decisions, told before anything learns from them."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from league.imitation_source import schema_of
from learners import dataset_inspect
from learners.importers import inspect as steps_inspect
from learners.importers.steps import is_steps
from native.game import Game

SHOWN_ACTIONS = 8


def inspect(path: Path, game: Game) -> dict[str, Any]:
    """What is in a dataset of either kind, as `ludus dataset inspect` shows it, of this game's."""
    if is_steps(path):
        schema = schema_of(path, game)
        return {"schema": schema, **steps_inspect.inspect(path)[schema]}
    return dataset_inspect.inspect(path, game)


def sentences(figures: Mapping[str, Any]) -> list[str]:
    """What people should know of a dataset before anything learns from it."""
    if "schema" in figures:
        reward = figures["reward"]
        said = [f"{figures['rows']} steps of {figures['episodes']} matches, rewards {reward['min']:.4g} to "
                f"{reward['max']:.4g}"]
        for head, counts in figures["actions"].items():
            said.append(f"{head}: " + _shares({number: count / figures["rows"] for number, count in enumerate(counts)}))
        return said
    said = [f"{figures['rows']} decisions of {figures['games']} games, {figures['legal_actions']:.3g} legal actions on "
            f"average, {figures['distinct_observations']:.1%} of the observations distinct"]
    if "outcome_mean" in figures:
        said[0] += f"; outcomes {figures['outcome_mean']:.3g} on average"
    said.append("actions: " + _shares(figures["actions"]))
    if figures["faults"]:
        said.append(f"{figures['faults']} faults left out, such as {figures['first_faults'][0]}")
    return said


def _shares(shares: Mapping[int, float]) -> str:
    ordered = sorted(shares.items(), key=lambda one: -one[1])
    shown = ", ".join(f"{number} ({share:.1%})" for number, share in ordered[:SHOWN_ACTIONS] if share)
    return shown + (f", and {len(ordered) - SHOWN_ACTIONS} others" if len(ordered) > SHOWN_ACTIONS else "")
