"""Settings of `method: compare`: several ways to learn, from the same data in the same order."""
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator

from league.config_fault import fault
from learners.config import Learning
from learners.network_config import without_preset
from learners.objective_config import long_terms
from learners.schedule import is_schedule
from learners.section import Section


class Comparison(Section):
    """What is compared, on which data, and when it is measured."""

    variants: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="name to changes of section learning, such as {search_objective: {...}}"
    )
    seeds: tuple[int, ...] = Field(
        default=(0, 1, 2), min_length=1, description="of first weights and order of the data, each for every variant"
    )
    dataset: Path | None = Field(default=None, description="a dataset; None: one is made by search with random play")
    decisions: int = Field(default=100_000, ge=1, description="of the dataset that is made; as self_play says")
    held_out: float = Field(default=0.25, gt=0, lt=1, description="share of games that are measured on, never learned")
    split_seed: int = Field(default=0, ge=0, description="which games these are")
    updates: int = Field(default=200, ge=1, description="of each variant and seed")
    update_rows: int = Field(default=4096, ge=1, description="decisions of one update, which takes several steps")
    measure_every: int = Field(default=20, ge=1, description="updates between two measurements")
    level: float | None = Field(
        default=None, gt=0, description="policy cross-entropy whose reaching is timed; None: the best that all reach"
    )
    resamples: int = Field(default=1000, ge=1, description="of the held-out games, for the intervals")

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds) or min(seeds) < 0:
            raise ValueError(f"seeds must be different numbers from 0 on, got {list(seeds)}")
        return seeds

    @field_validator("variants")
    @classmethod
    def _nameable(cls, variants: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name in variants:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):     # files are named after it
                raise ValueError(f"variant {name!r} is no name, expected letters, digits and . _ -")
        return variants

    def learning_of(self, variant: str, base: Learning) -> Learning:
        """`base` with the changes of a variant. Raises ValueError with one sentence for changes that cannot be."""
        changes = long_terms(self.variants[variant])
        try:
            if isinstance(changes.get("network"), dict):
                changes["network"] = without_preset(changes["network"], base.network.kind)
            return Learning.model_validate(merged(base.model_dump(), changes))
        except ValidationError as error:
            raise ValueError(fault(error, Learning, "comparison.variants", variant)) from None
        except ValueError as error:
            raise ValueError(f"comparison.variants.{variant}.network: {error}") from None


def merged(tree: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`tree` with the leaves of `changes` in place of its own."""
    return tree | {
        key: merged(tree[key], value)
        if isinstance(value, dict) and isinstance(tree.get(key), dict) and not is_schedule(value) else value
        for key, value in changes.items()
    }
