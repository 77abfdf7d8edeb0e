"""Settings of the learner: network, objective, optimiser."""
from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from learners.network_config import Network
from learners.objective_config import Objective, SearchObjective
from learners.schedule import Rate
from learners.section import Section

SEARCHED_ROWS = 512


class Optimiser(Section):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, AdamW) and gradient-norm clipping."""

    learning_rate: Rate = Field(default=3e-4, description="step size: a number or a schedule")
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
    discount: float = Field(default=0.99, gt=0, le=1, description="gamma per own decision; actors write it into chunks")
    objective: Objective = Field(default=Objective(), description="terms learned from own play in unrolls")
    search_objective: SearchObjective = Field(default=SearchObjective(), description="from searched decisions")
    reference: Path | None = Field(
        default=None, description="like initialise_from: the policy that term kl_reference keeps near"
    )
    epochs: int = Field(default=1, ge=1, description="times that an update goes through its rows")
    minibatch_rows: int | None = Field(
        default=None, ge=1, description="decisions of one gradient step; an update shuffles and splits its rows. None: "
        f"all rows of unrolls at once, {SEARCHED_ROWS} searched decisions"
    )
    gradient_shares_every: int = Field(
        default=100, ge=0, description="updates between two measurements of each term's share of the gradient, which "
        "cost a backward pass per term; 0: never"
    )
    symmetries: bool = Field(default=True, description="learn searched decisions in a random symmetry of the game")
    ema_decay: float = Field(
        default=0.0, ge=0, lt=1, description="per gradient step, of the averaged weights that are published and "
        "exported where search is the teacher; 0: the latest weights"
    )
    optimiser: Optimiser = Optimiser()
    backend: Literal["local", "rllib"] = Field(
        default="local", description="rllib: the same learner as ranks of RLlib's LearnerGroup, for several GPUs"
    )
    learners: int = Field(
        default=0, ge=0, le=64, description="rllib: processes, each with a GPU if there are any; 0: this process alone"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", description="auto: cuda, else mps, else cpu")
    precision: Literal["float32", "bfloat16", "auto"] = Field(
        default="float32", description="of matrix products and convolutions; auto: bfloat16 where the hardware has it"
    )
    threads: int = Field(default=1, ge=1, description="CPU threads of torch in the learner's process")
    compile: bool = Field(
        default=False, description="torch.compile the network's passes: minutes at the start, a fifth less time for an "
        "mlp on a CPU; needs a C++ compiler there"
    )
    prefetch: Literal["auto"] | bool = Field(
        default="auto", description="stage the next batches in a thread while one is learned (with Ray, and the local "
        "learner); auto: on a GPU"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Learning:
        share = self.search_objective.value.root_value_share
        if self.network.value == "wdl" and share:
            raise ValueError(
                f"search_objective.value.root_value_share {share} needs network.value 'scalar': "
                "a search's value does not say how likely a draw is"
            )
        if self.learners and self.backend != "rllib":
            raise ValueError(f"learners {self.learners} needs backend rllib: the local learner is one process")
        near = self.objective.kl_reference or self.search_objective.kl_reference
        if (near is None) != (self.reference is None):
            raise ValueError("kl_reference of an objective and learning.reference need each other: how near, and to "
                             "whom")
        if self.backend == "rllib" and self.device == "mps":
            raise ValueError("device mps needs backend local: RLlib knows cuda and the CPU")
        return self
