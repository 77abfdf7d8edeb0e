"""A trained model as a run, a checkpoint, a learner or an export left it: game, network, weights.

What is read: `config.yaml` of the run, if there is one, for the game's options, which an export has itself; of a run
the newest checkpoint; of a checkpoint the folder `learner`, or the export if that was all that was kept.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from envs import registry
from learners import checkpoint, export
from learners.game_facts import game_facts
from learners.network_config import Network
from learners.networks import Weights, build_network, write_weights
from learners.whole_folder import standing
from native.game import Game

LEARNER = "learner"
FACTS = "learner.json"
CONFIG, METADATA = "config.yaml", "run_metadata.json"
LEARNERLESS = ("random", "compare")     # methods
LEVELS = 3      # from a learner's folder up to its run's: learner, checkpoint, checkpoints


@dataclass(frozen=True)
class Model:
    """Weights that fit `network` for `game`; `facts`: what is said of them besides, such as `version`."""

    game: Game
    network: Network
    weights: Weights
    facts: dict[str, Any]
    directory: Path             # of the learner, or of the export
    run: Path | None            # folder of its run
    config: dict[str, Any]      # of its run, as it stands there; empty without one


def load_model(path: str | Path) -> Model:
    """The model in a run's, a checkpoint's, a learner's or an export's folder: its averaged weights if it has some.

    Raises ValueError saying what is not there, damaged, or does not fit the game as it is now.
    """
    directory = _folder(Path(path))
    weights, facts = _read(directory)
    run = next((one for one in list(directory.absolute().parents)[:LEVELS] if (one / CONFIG).is_file()), None)
    config = {} if run is None else _read_config(run / CONFIG)
    options = facts.get("game_options", config.get("game_options")) or {}
    if not isinstance(options, dict):
        raise ValueError(f"the run of {directory} has game_options {options!r}, expected names and values")
    game = registry.make(str(facts.get("game")), **options)
    differs = checkpoint.differences(facts, game_facts(game))
    if differs:
        raise ValueError(f"{directory} does not fit {game.name} with options {options or 'none'}: {'; '.join(differs)}")
    try:
        network = Network.model_validate(facts.get("network"))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{directory} has a network that cannot be built: {where} {first['msg'].lower()}") from None
    write_weights(build_network(network, game, seed=0), weights)    # raises for weights that do not fit
    return Model(game, network, weights, facts, directory, run, config)


def _read(directory: Path) -> tuple[Weights, dict[str, Any]]:
    """Weights to play with, and facts."""
    try:
        if export.is_export(directory):
            return export.read(directory)
        saved = checkpoint.read(directory)
    except OSError as fault:
        raise ValueError(str(fault)) from None
    return saved.published, saved.facts


def _folder(path: Path) -> Path:
    """Of a learner or an export."""
    for folder in (path, path / LEARNER, path / export.FOLDER):
        found = standing(folder)
        if (found / FACTS).is_file() or export.is_export(found):
            return found
    whole = sorted(path.glob(f"checkpoints/ckpt_*/{LEARNER}/{FACTS}"))
    if whole:
        return whole[-1].parent
    if not path.exists():
        raise ValueError(f"there is no model in {path}: there is no such folder")
    if (path / CONFIG).is_file():
        method = _read_config(path / CONFIG).get("method")
        if method in LEARNERLESS:
            raise ValueError(f"there is no model in {path}: a run of method {method} keeps no learner")
        if any(path.glob("checkpoints/ckpt_*")):
            raise ValueError(f"there is no model in {path}: its checkpoints hold no whole learner")
    if any((path / name).is_file() for name in (CONFIG, METADATA)):
        raise ValueError(f"there is no model in {path}: this run has no checkpoint yet")
    raise ValueError(f"there is no model in {path}: expected the folder of a run, a checkpoint, a learner or an export")


def _read_config(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as fault:
        raise ValueError(f"cannot read {path}: {str(fault).splitlines()[0]}") from None
    if not isinstance(tree, dict):
        raise ValueError(f"{path} holds {type(tree).__name__}, expected keys and values")
    return tree
