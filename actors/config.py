"""Settings of what runs games and moves data."""
from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from learners.schedule import Positive
from learners.section import Section

QUEUE_LAG = 64


class Rollout(Section):
    """How actors play."""

    actors: int = Field(default=1, ge=1, le=1024, description="rollout processes; each plays its own games")
    games: int = Field(default=1024, ge=1, description="games side by side in one actor: the rows of one forward")
    unroll: int = Field(default=16, ge=1, description="own decisions in one unroll (T)")
    chunk_unrolls: int = Field(default=256, ge=1, description="unrolls in one chunk (B)")
    temperature: Positive = Field(default=1.0, description="softmax temperature at act time: a number or a schedule")
    threads: int = Field(default=1, ge=1, description="torch threads of one actor")


class SelfPlay(Section):
    """How actors play where a search decides. Of the search's own settings `native/search_settings.py` tells more."""

    actors: int = Field(default=1, ge=1, le=1024, description="self-play processes; each plays its own games")
    games: int = Field(default=256, ge=1, description="games side by side in one actor: the leaves of one forward")
    simulations: int = Field(default=32, ge=1, description="per decision")
    root: Literal["puct", "gumbel"] = Field(default="puct", description="gumbel: for few simulations, without chance")
    c_init: float = Field(default=1.25, ge=0, description="PUCT: weight of exploration")
    c_base: float = Field(default=19652.0, gt=0, description="PUCT: visits from which on that weight grows")
    fpu_reduction: float = Field(default=0.2, ge=0, description="by which an unvisited action looks worse")
    root_fpu_reduction: float = Field(default=0.0, ge=0, description="the same at the root")
    root_temperature: float = Field(default=1.0, gt=0, description="of the root's priors in self-play")
    dirichlet_alpha: float = Field(default=0.3, gt=0, description="of the noise in the root's priors in self-play")
    dirichlet_fraction: float = Field(default=0.25, ge=0, le=1, description="share of that noise")
    forced_playouts: float = Field(default=0.0, ge=0, description="k of sqrt(k prior visits), pruned from the target")
    max_considered: int = Field(default=16, ge=1, description="gumbel: actions that sequential halving starts with")
    c_visit: float = Field(default=50.0, ge=0, description="gumbel: see c_scale")
    c_scale: float = Field(default=0.1, ge=0, description="gumbel: sigma(q) = (c_visit + most visits) c_scale q")
    fast_simulations: int = Field(default=0, ge=0, description="of the decisions that are not learned from; 0: all are")
    full_fraction: float = Field(default=0.25, ge=0, le=1, description="share of decisions with all simulations")
    solver: bool = Field(default=True, description="back up proofs of wins and losses, where the game allows it")
    temperature: float = Field(default=1.0, ge=0, description="at which visits are turned into the move played")
    temperature_moves: int = Field(default=30, ge=0, description="moves of a game before temperature_late holds")
    temperature_late: float = Field(default=0.3, ge=0, description="0: the best move")
    opening_share: float = Field(default=0.0, ge=0, le=1, description="share of games that begin with random moves")
    opening_moves: int = Field(default=0, ge=0, description="at most so many, each number as often; not learned from")
    resign_below: float | None = Field(
        default=None, gt=-1, lt=0, description="give up where the search's value is below; None: play to the end"
    )
    resign_checks: float = Field(default=0.1, ge=0, le=1, description="share of games without resignation, to check it")
    chunk_rows: int = Field(default=512, ge=1, description="decisions in one chunk, more where a game ends in it")
    chunk_games: int | None = Field(default=None, ge=1, description="games in one chunk, in place of chunk_rows")
    held_out: float = Field(default=0.05, ge=0, lt=1, description="share of games that are measured on, never learned")
    cache: int = Field(default=65536, ge=0, description="evaluated positions that an actor remembers; 0: none")
    symmetries: bool = Field(default=True, description="evaluate leaves in a random symmetry of the game")
    engine: Literal[
        "auto", "torch", "torch-bf16", "torch-cuda", "torch-mps", "onnxruntime", "openvino-fp32", "openvino-bf16",
        "openvino-int8",
    ] = Field(default="auto", description="inference engine; auto: the fastest here that is exact enough")
    threads: int = Field(default=1, ge=1, description="threads of one actor's inference")
    inference: Literal["auto", "own", "shared"] = Field(
        default="auto", description="shared: one process evaluates for all actors; auto: shared where there is a GPU"
    )
    inference_rows: int = Field(default=1024, ge=1, description="shared: leaves after which a batch is full")
    inference_deadline_ms: float = Field(default=2.0, ge=0, description="shared: how long a batch waits to fill")


class Replay(Section):
    """How chunks wait between actors and learner."""

    table: Literal["queue", "uniform"] = Field(default="queue", description="queue: each chunk once, in order")
    capacity: int = Field(default=8, ge=1, description="chunks the table holds")
    window_start: int | None = Field(
        default=None, ge=1, description="uniform only: chunks from which on the window of the newest ones grows more "
        "slowly than what has been played, up to capacity; None: capacity from the beginning"
    )
    held_out_rows: int = Field(default=10_000, ge=1, description="newest decisions of held-out games to measure on")
    max_bytes: int = Field(default=256 << 20, ge=1 << 20, description="bytes the table holds")
    max_lag: int | None = Field(
        default=None, ge=1, description="updates after which a chunk is too old when it is taken, which is one "
        "update (with prefetch up to three) before it is learned from; None: 64 in a queue, none in a uniform table"
    )
    samples_per_insert: float = Field(default=1.0, gt=0, description="uniform only: how often a chunk is used")
    min_size: int = Field(default=1, ge=1, description="uniform only: chunks before the first sample")
    error_buffer: float | None = Field(
        default=None, gt=0, description="uniform only: slack of the limiter in samples; default: 2 batches"
    )

    @property
    def oldest(self) -> float:
        """Updates after which a chunk is too old when it is taken."""
        if self.max_lag is not None:
            return self.max_lag
        return QUEUE_LAG if self.table == "queue" else math.inf

    @model_validator(mode="after")
    def _fits(self) -> Replay:
        if self.min_size > self.capacity:
            raise ValueError(f"min_size {self.min_size} is larger than capacity {self.capacity}")
        if self.window_start is not None and self.window_start < self.min_size:
            raise ValueError(f"min_size {self.min_size} is larger than window_start {self.window_start}")
        return self
