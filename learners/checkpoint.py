"""Learner checkpoints: a folder of `model.safetensors`, `optimiser.safetensors` and `learner.json`; no pickle.

Where weights are averaged there is an `average.safetensors` too: those the learner publishes, to play with.
The folder is written under a temporary name, flushed to disk and then renamed: whoever finds it finds all of it.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from learners.networks import Weights, digest
from learners.whole_folder import replace_folder, standing

FORMAT = 1
"""Raised when an older reader could not make sense of a newer folder."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds; `facts` is all of `learner.json` besides format and digests."""

    weights: Weights
    optimiser: Weights
    facts: dict[str, Any]
    average: Weights | None = None

    @property
    def published(self) -> Weights:
        """The averaged weights if there are any, else the latest: those to play with."""
        return self.weights if self.average is None else self.average


def write(directory: Path, checkpoint: Checkpoint) -> None:
    """Writes the folder, in place of one of the same name if there is one.

    A process that dies in between leaves a readable checkpoint: see `read`.
    """
    facts = {
        "format": FORMAT,
        "model_digest": digest(checkpoint.weights),
        "optimiser_digest": digest(checkpoint.optimiser),
        **checkpoint.facts,
    }
    files = {"model.safetensors": save(checkpoint.weights), "optimiser.safetensors": save(checkpoint.optimiser)}
    if checkpoint.average is not None:
        facts["average_digest"] = digest(checkpoint.average)
        files["average.safetensors"] = save(checkpoint.average)
    replace_folder(directory, {**files, "learner.json": json.dumps(facts, indent=2).encode() + b"\n"})


def read(directory: Path) -> Checkpoint:
    """The checkpoint in `directory`, or the one that was just being replaced when its writer died.

    Raises FileNotFoundError if there is none, ValueError if it is damaged or of an unknown format.
    """
    directory = standing(directory)
    if not (directory / "learner.json").is_file():
        raise FileNotFoundError(f"no learner checkpoint in {directory}: it has no learner.json")
    try:
        facts = json.loads((directory / "learner.json").read_text())
        found = facts.pop("format")
        if found != FORMAT:
            raise ValueError(f"checkpoint {directory} has format {found}, expected {FORMAT}")
        weights = _read_arrays(directory / "model.safetensors", facts.pop("model_digest"))
        optimiser = _read_arrays(directory / "optimiser.safetensors", facts.pop("optimiser_digest"))
        average = None
        if "average_digest" in facts:
            average = _read_arrays(directory / "average.safetensors", facts.pop("average_digest"))
    except (SafetensorError, json.JSONDecodeError, KeyError, AttributeError, TypeError, OSError) as fault:
        raise ValueError(f"checkpoint {directory} is damaged: {type(fault).__name__} {fault}") from fault
    return Checkpoint(weights, optimiser, facts, average)


def differences(found: Mapping[str, Any], expected: Mapping[str, Any], prefix: str = "") -> list[str]:
    """One phrase per value of `expected`, nested ones by dotted name, that `found` has otherwise or not at all."""
    phrases = []
    for name, value in expected.items():
        there = found.get(name)
        if isinstance(value, Mapping) and isinstance(there, Mapping):
            phrases += differences(there, value, f"{prefix}{name}.")
        elif there != value:
            phrases.append(f"{prefix}{name} is {there!r}, expected {value!r}")
    return phrases


def _read_arrays(path: Path, expected: str) -> dict[str, npt.NDArray[Any]]:
    arrays: dict[str, npt.NDArray[Any]] = load(path.read_bytes())
    found = digest(arrays)
    if found != expected:
        raise ValueError(f"{path} has digest {found[:12]}, learner.json says {expected[:12]}: the file was altered")
    return arrays
