"""Settings of what runs games and moves data."""
from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from learners.config import Section


class Rollout(Section):
    """How actors play."""

    actors: int = Field(default=1, ge=1, le=1024, description="rollout processes; each plays its own games")
    games: int = Field(default=1024, ge=1, description="games side by side in one actor: the rows of one forward")
    unroll: int = Field(default=16, ge=1, description="own decisions in one unroll (T)")
    chunk_unrolls: int = Field(default=256, ge=1, description="unrolls in one chunk (B)")
    temperature: float = Field(default=1.0, gt=0, description="softmax temperature at act time")
    threads: int = Field(default=1, ge=1, description="torch threads of one actor")


class Replay(Section):
    """How chunks wait between actors and learner."""

    table: Literal["queue", "uniform"] = Field(default="queue", description="queue: each chunk once, in order")
    capacity: int = Field(default=8, ge=1, description="chunks the table holds")
    max_bytes: int = Field(default=256 << 20, ge=1 << 20, description="bytes the table holds")
    max_lag: int = Field(default=64, ge=1, description="updates after which a chunk is too old to learn from")
    samples_per_insert: float = Field(default=1.0, gt=0, description="uniform only: how often a chunk is used")
    min_size: int = Field(default=1, ge=1, description="uniform only: chunks before the first sample")
    error_buffer: float | None = Field(
        default=None, gt=0, description="uniform only: slack of the limiter in samples; default: 2 batches"
    )

    @model_validator(mode="after")
    def _fits(self) -> Replay:
        if self.min_size > self.capacity:
            raise ValueError(f"min_size {self.min_size} is larger than capacity {self.capacity}")
        return self
