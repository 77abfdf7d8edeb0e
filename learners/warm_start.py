"""Begins with the weights of a trained model: of a run, a checkpoint or a learner. Weights only; all else is new."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from learners import checkpoint
from learners.learner import Learner
from learners.model import load_model
from learners.networks import digest


def warm_start(learner: Learner, path: str | Path) -> dict[str, Any]:
    """Gives `learner` the weights to play with (averaged ones if there are some) of the model in `path`.

    Returns what is to be remembered of it: where it was, its version, the digest of its weights, and the options of its
    game, which may differ from the learner's as long as it sees and does the same. Raises ValueError, with the learner
    unchanged, for what `load_model` refuses and for a model of another game, rules, shape or network: it says what
    differs.
    """
    model = load_model(path)
    wanted = learner.identity()
    network = {"network": wanted.pop("network")}
    differs = checkpoint.differences(model.facts, wanted)
    ours = learner.config.network
    if ours.kind == model.network.kind == "transformer" and ours.attention_heads != model.network.attention_heads:
        # shapes no weight, but says what they mean
        differs.append(f"network.attention_heads is {model.network.attention_heads}, expected {ours.attention_heads}")
    if not differs:
        try:
            learner.load_weights(model.weights)
        except ValueError as fault:
            # settings that shape no weights may differ, so only now these count
            differs = checkpoint.differences({"network": model.network.model_dump(mode="json")}, network)
            differs = differs or [str(fault)]
    if differs:
        raise ValueError(f"learning.initialise_from: {model.directory} does not fit this run: {'; '.join(differs)}")
    return {
        "path": str(path),
        "directory": str(model.directory.absolute()),
        "version": int(model.facts["version"]),
        "digest": digest(model.weights),
        "game_options": dict(model.game.options),
    }
