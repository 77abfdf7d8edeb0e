"""Settings of the learner: network, loss, optimiser. Frozen and closed; a misspelt key is an error that names it."""
from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from learners.network_config import Network
from learners.section import Section


class Loss(Section):
    """Weights of the loss terms and constants of their targets. All losses are means over the valid rows."""

    policy_weight: float = Field(default=1.0, ge=0, description="of the V-trace policy gradient")
    value_weight: float = Field(default=0.5, ge=0, description="of the mean squared error to the TD(lambda) target")
    entropy_weight: float = Field(default=0.01, ge=0, description="of the entropy bonus; a schedule may replace it")
    discount: float = Field(default=0.99, gt=0, le=1, description="gamma per own decision; actors write it into chunks")
    lam: float = Field(default=0.95, ge=0, le=1, description="lambda of the TD(lambda) value target")
    vtrace_lambda: float = Field(default=1.0, ge=0, le=1, description="lambda on the trace coefficient c of V-trace")
    rho_bar: float = Field(default=1.0, gt=0, description="V-trace clip of rho in the temporal differences")
    c_bar: float = Field(default=1.0, gt=0, description="V-trace clip of the trace coefficients")
    rho_pg_bar: float = Field(default=1.0, gt=0, description="V-trace clip of rho in the policy gradient")


class SearchLoss(Section):
    """Weights of what is learned from searched decisions (chunks in layout "rows"); means over the rows."""

    policy_weight: float = Field(default=1.0, ge=0, description="of the cross-entropy to the search's policy")
    softmax: Literal["legal", "all"] = Field(
        default="legal", description="over which actions the policy is normalised; all: illegal ones too"
    )
    value_weight: float = Field(
        default=1.0, ge=0, description="of the squared error to the outcome; with network.value wdl, of a cross-entropy"
    )
    quartic_weight: float = Field(
        default=0.0, ge=0, description="of the fourth power of that error, which pulls values towards 0"
    )
    difficulty_weight: float = Field(default=0.5, ge=0, description="of the difficulty head's binary cross-entropy")
    illegal_weight: float = Field(default=0.0, ge=0, description="of the probability on illegal actions")
    root_value_share: float = Field(
        default=0.0, ge=0, le=1, description="of the search's value in the value target, the rest is the outcome"
    )


class Optimiser(Section):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, AdamW) and gradient-norm clipping."""

    learning_rate: float = Field(default=3e-4, gt=0, description="step size; a schedule may replace it")
    beta1: float = Field(default=0.9, ge=0, lt=1, description="decay of the first moment")
    beta2: float = Field(default=0.999, ge=0, lt=1, description="decay of the second moment")
    eps: float = Field(default=1e-8, gt=0, description="added to the root of the second moment")
    max_grad_norm: float = Field(default=1.0, gt=0, description="gradients with a larger global norm are scaled to it")
    weight_decay: float = Field(default=0.0, ge=0, description="decoupled, times the learning rate")


class Learning(Section):
    """Everything the learner needs to know besides the game and the seed."""

    network: Network = Network()
    initialise_from: Path | None = Field(
        default=None, description="folder of a run, a checkpoint or a learner whose weights are the first ones"
    )
    loss: Loss = Loss()
    search_loss: SearchLoss = SearchLoss()
    minibatch_rows: int = Field(
        default=512, ge=1, description="searched decisions of one gradient step; an update shuffles and splits its rows"
    )
    symmetries: bool = Field(default=True, description="learn searched decisions in a random symmetry of the game")
    ema_decay: float = Field(
        default=0.0, ge=0, lt=1, description="per gradient step, of the averaged weights that are published and "
        "exported where search is the teacher; 0: the latest weights"
    )
    optimiser: Optimiser = Optimiser()
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", description="auto: cuda, else mps, else cpu")
    precision: Literal["float32", "bfloat16", "auto"] = Field(
        default="float32", description="of matrix products and convolutions; auto: bfloat16 where the hardware has it"
    )
    threads: int = Field(default=1, ge=1, description="CPU threads of torch in the learner's process")

    @model_validator(mode="after")
    def _value_targets(self) -> Learning:
        if self.network.value == "wdl" and self.search_loss.root_value_share:
            raise ValueError(
                f"search_loss.root_value_share {self.search_loss.root_value_share} needs network.value 'scalar': "
                "a search's value does not say how likely a draw is"
            )
        return self
