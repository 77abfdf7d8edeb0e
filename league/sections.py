"""Settings of a run that are neither the learner's nor the actors'."""
from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from learners.section import Section


class League(Section):
    """Whom the learner plays, and when it is frozen. Shares are relative: they need not add up to 1."""

    self_play: float = Field(default=1.0, ge=0, description="share of games against itself")
    snapshots: float = Field(default=0.0, ge=0, description="share of games against its own frozen past")
    bots: dict[str, float] = Field(default_factory=dict, description="share of games against each scripted player")
    match_games: int = Field(default=512, ge=1, description="games of one match")
    snapshot_every: int = Field(default=1000, ge=1, description="updates between two snapshots")
    max_snapshots: int = Field(default=16, ge=1, description="snapshots that are played; the oldest but one go first")

    @model_validator(mode="after")
    def _somebody(self) -> League:
        for bot, share in self.bots.items():
            if share < 0:
                raise ValueError(f"the share of {bot} must not be negative, got {share}")
        if self.self_play + sum(self.bots.values()) <= 0:
            raise ValueError("self_play and bots are all 0: there is nobody to play before the first snapshot")
        return self


class Budget(Section):
    """When a run is complete: at whatever comes first."""

    updates: int | None = Field(default=None, ge=1, description="learner updates")
    env_steps: int | None = Field(default=None, ge=1, description="decisions learned from")
    minutes: float | None = Field(default=None, gt=0, description="minutes of training, pauses not counted")

    @model_validator(mode="after")
    def _ends(self) -> Budget:
        if self.updates is None and self.env_steps is None and self.minutes is None:
            raise ValueError("give at least one of updates, env_steps and minutes")
        return self

    def used(self, *, updates: int, env_steps: int, elapsed_s: float) -> str | None:
        """What is used up, in words; None while nothing is."""
        if self.updates is not None and updates >= self.updates:
            return f"{updates} updates done"
        if self.env_steps is not None and env_steps >= self.env_steps:
            return f"{env_steps} steps done"
        if self.minutes is not None and elapsed_s >= 60 * self.minutes:
            return f"{self.minutes:g} minutes of training done"
        return None

    def fraction(self, *, updates: int, env_steps: int, elapsed_s: float) -> float:
        """Share of the budget used, 0 to 1."""
        shares = [0.0]
        if self.updates is not None:
            shares.append(updates / self.updates)
        if self.env_steps is not None:
            shares.append(env_steps / self.env_steps)
        if self.minutes is not None:
            shares.append(elapsed_s / (60 * self.minutes))
        return min(1.0, max(shares))


class Evaluation(Section):
    """Play against scripted players, on the same pairs of games every time, and games that are kept to be looked at."""

    opponents: tuple[str, ...] = Field(default=("random",), description="scripted players")
    games: int = Field(default=400, ge=2, multiple_of=2, description="games per opponent, as many in every seat")
    every_windows: int = Field(default=1, ge=1, description="windows between two evaluations")
    seed: int = Field(default=20_001, ge=0, description="of the evaluation games; apart from training seeds")
    simulations: int = Field(default=0, ge=0, description="search of so many for every decision; 0: the network alone")
    root: Literal["puct", "gumbel"] | None = Field(default=None, description="of that search; None: as in self_play")
    positions: Path | None = Field(
        default=None, description="CSV of positions with exact scores, whose errors are counted in every evaluation"
    )
    position_sets: tuple[str, ...] = Field(default=(), description="which of its sets; none: all")
    policy: Literal["deterministic", "stochastic"] = Field(
        default="deterministic", description="the best action by network or search, or one drawn from what they say; "
        "in evaluation games and in replays"
    )
    replays: int = Field(default=1, ge=0, description="games recorded at every window with a checkpoint; 0: none")
    max_steps: int | None = Field(
        default=None, ge=1, description="steps after which a recorded game is cut; None: after the game's own"
    )
    milestones: dict[str, tuple[float, ...]] = Field(
        default={"profit": (100.0, 500.0, 1000.0), "return": (10.0, 25.0, 50.0), "survival": (1.0,)},
        description="thresholds that give a replay the tag milestone:NAME:THRESHOLD; names are return, profit (the "
        "metric net_profit) and metrics of the game; what a game does not have gives no tag"
    )
    keep_replays: int | None = Field(
        default=None, ge=1, description="newest replays that stay, besides those with a tag of their own; None: all"
    )


class Windows(Section):
    """A window is a stretch of training that is summed up in one row of metrics."""

    env_steps: int = Field(default=1_000_000, ge=1, description="decisions learned from in one window")
    checkpoint_every: int = Field(default=1, ge=1, description="windows between two checkpoints")
    keep_checkpoints: int = Field(default=3, ge=1, description="newest checkpoints that are kept")
    export: bool = Field(
        default=True, description="write model_inference into every checkpoint: weights and an ONNX graph alone"
    )


class Cluster(Section):
    """Where Ray runs."""

    address: str = Field(default="local", description="local: a Ray of this run's own; auto: the one we are inside")
    temp_dir: str | None = Field(default=None, description="Ray's folder for sockets and logs; local only")
    object_store_mb: int | None = Field(default=None, ge=128, description="default: enough for replay.max_bytes")


class Tracking(Section):
    """Weights & Biases, where the package `wandb` is installed: windows as metrics, checkpoints and replays as
    artifacts."""

    wandb: Literal["disabled", "offline", "online"] = Field(
        default="disabled", description="offline: below the run, for `wandb sync`; online: also on its server"
    )
    project: str = Field(default="ludus", min_length=1, description="of W&B")
    entity: str | None = Field(default=None, description="user or team of W&B; None: its default")
    group: str | None = Field(default=None, description="what runs are shown together")
    tags: tuple[str, ...] = Field(default=(), description="of the run")
