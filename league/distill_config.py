"""Settings of `method: distill`: searched games, then supervised training on them, again and again."""
from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from learners.section import Section


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, int | float) else value


Amounts = Annotated[
    tuple[Annotated[int, Field(ge=1)], ...], BeforeValidator(_listed), Field(min_length=1)
]
"""One number, or one per iteration."""


class Distill(Section):
    """How often, from how much play, and how training on it ends. How games are played: section self_play."""

    iterations: int = Field(default=3, ge=1, description="datasets that are made and learned from")
    decisions: Amounts = Field(default=(10_000,), description="of each iteration's dataset; a list: one per iteration")
    decisions_growth: float = Field(default=1.0, gt=0, description="factor from the list's last number on")
    simulations: Amounts = Field(default=(64,), description="per decision, in place of self_play.simulations")
    simulations_growth: float = Field(default=1.5, gt=0, description="factor from the list's last number on")
    first_prior: Literal["rollouts", "network"] = Field(
        default="rollouts", description="what guides the first search: random play from the leaves, or the new network"
    )
    first_dataset: Path | None = Field(
        default=None, description="a dataset to begin with, such as imported games, in place of the first one made"
    )
    datasets: int = Field(default=1, ge=1, description="newest datasets that are learned from")
    held_out: float = Field(default=0.1, gt=0, lt=1, description="share of games that are measured on, never learned")
    epochs: int = Field(default=10, ge=1, description="at most so many passes over the datasets per iteration")
    patience: int = Field(default=2, ge=1, description="epochs without a lower held-out loss that end them")
    update_rows: int = Field(default=4096, ge=1, description="decisions of one update, which takes several steps")

    def decisions_of(self, iteration: int) -> int:
        """Decisions of iteration 0, 1, ..."""
        return _grown(self.decisions, self.decisions_growth, iteration)

    def simulations_of(self, iteration: int) -> int:
        """Simulations per decision in iteration 0, 1, ..."""
        return _grown(self.simulations, self.simulations_growth, iteration)


def _grown(amounts: tuple[int, ...], growth: float, iteration: int) -> int:
    beyond = max(0, iteration - len(amounts) + 1)
    return max(1, round(amounts[min(iteration, len(amounts) - 1)] * growth**beyond))
