"""Whether a dataset, of decisions or of the arena's steps, can be imitated: by what its files say of themselves.

Nothing here needs a network, so that a config is judged at once.
"""
from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

from learners.config import Learning
from learners.dataset import Facts, check_game, files, read_facts
from learners.importers import steps
from learners.objective_config import largest_weight
from native.game import Game


def check_source(path: Path, game: Game, learning: Learning) -> None:
    """Raises ValueError for a dataset of another game, or one that does not know what `learning` would learn."""
    if steps.is_steps(path):
        schema_of(path, game)
        return
    check_game(path, game, [])
    known, terms = _known(path), learning.search_objective
    if "outcome" not in known and terms.learns_outcomes:
        raise ValueError(f"{path} knows no outcomes: expected learning.search_objective.value 0 and no value_quartic")
    if "root_value" not in known and terms.value.root_value_share > 0:
        raise ValueError(f"{path} knows no values of a search: expected "
                         f"learning.search_objective.value.root_value_share 0, got {terms.value.root_value_share:g}")
    if "root_value" not in known and learning.network.difficulty and largest_weight(terms.difficulty) > 0:
        raise ValueError(f"{path} knows no surprise of a search: expected learning.network.difficulty false or "
                         f"learning.search_objective.difficulty 0, got {largest_weight(terms.difficulty):g}")


def game_of(path: Path) -> tuple[str, dict[str, Any]]:
    """Name and options of the game that a dataset is of. Raises ValueError if it does not say."""
    if not steps.is_steps(path):
        first = _readable(path)[0]
        return first.game, first.options
    for schema in steps.schemas(path):
        facts = steps.read_facts(steps.of_schema(path, schema)[0])
        if facts.game is not None:
            return facts.game, facts.options
    raise ValueError(f"{path} holds {', '.join(steps.schemas(path))}, of no game here: no network could see it")


def knows_outcomes(path: Path) -> bool:
    """Whether values could learn from a dataset. Raises ValueError if it does not say."""
    return not steps.is_steps(path) and "outcome" in _known(path)


def schema_of(path: Path, game: Game) -> str:
    """The schema, of those in a dataset of steps, whose observations are `game`'s. Raises ValueError if none is."""
    for schema in steps.schemas(path):
        facts = steps.read_facts(steps.of_schema(path, schema)[0])
        if (facts.game, facts.options, facts.rules_version) != (game.name, game.options, game.rules_version):
            continue
        found = len(facts.observation), tuple(facts.heads.values())
        expected = prod(game.observation_shape), tuple(game.head_sizes)
        if found != expected:
            raise ValueError(f"{path} has {found[0]} features and action heads {list(found[1])}, {game.name} has "
                             f"{expected[0]} and {list(expected[1])}")
        return schema
    name, options = game_of(path)
    differing = ", ".join(f"{key}={value}" for key, value in options.items() if game.options.get(key) != value)
    raise ValueError(f"{path} is of {name}{f' with {differing}' if differing else ''}, expected {game!r}, rules "
                     f"{game.rules_version}")


def _readable(path: Path) -> list[Facts]:
    """What the files of a dataset say of themselves, without damaged ones. Raises ValueError if all are."""
    found, faults = [], []
    for one in files(path):
        try:
            found.append(read_facts(one))
        except ValueError as fault:
            faults.append(fault)
    if not found:
        raise faults[0]
    return found


def _known(path: Path) -> set[str]:
    """What all files of a dataset know."""
    return set.intersection(*(set(facts.known) for facts in _readable(path)))
