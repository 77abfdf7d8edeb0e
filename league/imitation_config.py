"""Settings of `method: imitate`: learning to play as somebody did, from recorded decisions."""
from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from learners.section import Section


class Imitation(Section):
    """Whose decisions, and how training on them ends. Either a dataset or a scripted player that is recorded."""

    dataset: Path | None = Field(default=None, description="a dataset of decisions, or of the arena's steps")
    bot: str | None = Field(default=None, description="a scripted player to record, in place of a dataset")
    opponents: tuple[str, ...] = Field(
        default=(), description="scripted players it is recorded against, drawn for every game; none: itself"
    )
    decisions: int = Field(default=200_000, ge=1, description="of that player; games side by side: self_play.games")
    held_out: float = Field(default=0.1, gt=0, lt=1, description="share of games that are measured on, never learned")
    epochs: int = Field(default=30, ge=1, description="at most so many passes over the others")
    patience: int = Field(default=3, ge=1, description="epochs without a lower held-out loss that end them")
    update_rows: int = Field(default=4096, ge=1, description="decisions of one update, which takes several steps")

    @model_validator(mode="after")
    def _one_source(self) -> Imitation:
        if self.dataset is not None and self.bot is not None:
            raise ValueError(f"dataset {self.dataset} and bot {self.bot} exclude each other: one of them is imitated")
        if self.opponents and self.bot is None:
            raise ValueError(f"opponents {', '.join(self.opponents)} need a bot that is recorded against them")
        return self
