"""Settings of `method: baseline`: how RLlib's own algorithms are run, and what of a config they are given."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from learners.config import Learning
from learners.objective_config import largest_weight
from learners.schedule import at, changes
from learners.section import Section

if TYPE_CHECKING:
    from league.config import RunConfig

Algorithm = Literal["ppo", "impala", "appo"]


class Baseline(Section):
    """What a config does not say because only RLlib asks for it."""

    algorithm: Algorithm = Field(default="ppo", description="of RLlib's new API stack")
    cores: int = Field(
        default=2, ge=2, description="ppo: processes that play, then wait while one learns; others: one of them learns"
    )
    games: int = Field(default=32, ge=1, description="side by side in every process that plays")
    fragment: int = Field(default=32, ge=1, description="impala, appo: decisions of one game in a row")
    batch: int | None = Field(default=None, ge=1, description="decisions of one update [ppo 4096, others 1024]")
    training: dict[str, Any] = Field(
        default_factory=dict, description="arguments of RLlib's AlgorithmConfig.training; they override all others"
    )

    @property
    def players(self) -> int:
        """Processes that play."""
        return self.cores if self.algorithm == "ppo" else self.cores - 1

    @property
    def batch_rows(self) -> int:
        return self.batch or (4096 if self.algorithm == "ppo" else 1024)


def counterparts(learning: Learning, algorithm: str) -> dict[str, Any]:
    """The arguments of RLlib's `training` that mean what settings of ours mean; of a schedule its first value.

    All losses are means on both sides, but the weight of our squared error is RLlib's twice over in IMPALA and APPO,
    which halve theirs.
    """
    objective, optimiser = learning.objective, learning.optimiser
    value = at(objective.value.weight, 0.0)
    common = {
        "lr": at(optimiser.learning_rate, 0.0),
        "gamma": learning.discount,
        "entropy_coeff": at(objective.entropy.weight, 0.0),
        "grad_clip": optimiser.max_grad_norm,
    }
    if algorithm == "ppo":
        ppo = objective.ppo
        return common | {
            "vf_loss_coeff": value,
            "vf_clip_param": float("inf"),      # RLlib's clips the loss itself, which returns above 3 do not survive
            "lambda_": ppo.lam if ppo is not None else objective.value.lam,
            "clip_param": ppo.clip if ppo is not None else 0.2,
        }
    vtrace = objective.vtrace
    clips = {} if vtrace is None else {
        "vtrace_clip_rho_threshold": vtrace.rho_bar, "vtrace_clip_pg_rho_threshold": vtrace.rho_pg_bar,
    }
    return common | {"vf_loss_coeff": 2 * value} | clips


def left_out(config: RunConfig) -> list[str]:
    """What of a config has no counterpart, in words."""
    learning, league, objective = config.learning, config.league, config.learning.objective
    faults = []
    if any(map(changes, (learning.optimiser.learning_rate, objective.entropy.weight, objective.value.weight))):
        faults.append("schedules (their first values are used)")
    if config.rollout.temperature != 1:
        faults.append("rollout.temperature")
    if learning.epochs > 1 or learning.minibatch_rows is not None:
        faults.append("epochs and minibatches")
    if objective.value.clip is not None:
        faults.append("clip of term value")
    terms = {"upgo": objective.upgo, "value_quartic": objective.value_quartic, "kl_reference": objective.kl_reference}
    faults += [f"term {name}" for name, term in terms.items() if largest_weight(term) > 0]
    if objective.ppo is not None and objective.ppo.target_kl is not None:
        faults.append("target_kl of term ppo")
    if config.make_game().num_players > 1 and (league.self_play or league.snapshots):
        faults.append("self-play and snapshots")
    return faults


def opponents(config: RunConfig) -> dict[str, float]:
    """Shares of the scripted players in the other seats: the league's, else those that evaluations are against."""
    if config.make_game().num_players == 1:
        return {}
    bots = {bot: share for bot, share in config.league.bots.items() if share > 0}
    return bots or dict.fromkeys(config.evaluation.opponents or ("random",), 1.0)
