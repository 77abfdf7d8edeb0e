"""The objective: which loss terms are added up, with which weights and constants.

A term of weight 0 is only measured. `entropy: 0.01` is short for `entropy: {weight: 0.01}`; every weight may be a
schedule (`learners/schedule.py`).
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from learners.schedule import Schedule, Weight, is_schedule, largest
from learners.section import Section


class Term(Section):
    """One term of a sum."""

    weight: Weight = Field(default=1.0, description="a number or a schedule")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        return long_form(given)


def long_form(term: Any) -> Any:
    """A term as it was written, a weight alone as `{weight: ...}`."""
    number = isinstance(term, int | float) and not isinstance(term, bool)
    return {"weight": term} if number or is_schedule(term) or isinstance(term, Schedule) else term


class VTrace(Term):
    """Policy gradient on V-trace advantages (Espeholt et al. 2018)."""

    lam: float = Field(default=1.0, ge=0, le=1, description="lambda on the trace coefficient c")
    rho_bar: float = Field(default=1.0, gt=0, description="clip of rho in the temporal differences")
    c_bar: float = Field(default=1.0, gt=0, description="clip of the trace coefficients")
    rho_pg_bar: float = Field(default=1.0, gt=0, description="clip of rho in the policy gradient")
    per_head: bool = Field(default=False, description="every action head its own ratio and traces, not their product")


class Upgo(Term):
    """Policy gradient on returns that follow what went better than expected (Vinyals et al. 2019)."""

    rho_bar: float = Field(default=1.0, gt=0, description="clip of the importance ratio")
    per_head: bool = Field(default=False, description="every action head its own ratio")


class Ppo(Term):
    """Clipped surrogate on generalised advantages (Schulman et al. 2017)."""

    clip: float = Field(default=0.2, gt=0, description="epsilon: the ratio counts within 1 - clip and 1 + clip")
    lam: float = Field(default=0.95, ge=0, le=1, description="lambda of the advantages")
    normalise: bool = Field(default=True, description="advantages to mean 0 and deviation 1 in every minibatch")
    target_kl: float | None = Field(
        default=None, gt=0, description="no further epoch once KL(behaviour || policy) is above 1.5 times this"
    )


class Value(Term):
    """Squared error of the value to a return estimate."""

    weight: Weight = Field(default=0.5, description="a number or a schedule")
    target: Literal["td_lambda", "vtrace"] = Field(
        default="td_lambda", description="vtrace: corrected for the behaviour policy, with the clips of term vtrace"
    )
    lam: float = Field(default=0.95, ge=0, le=1, description="lambda of the TD(lambda) target")
    clip: float | None = Field(
        default=None, gt=0, description="PPO's clip of the value's change; None: none, which works as well or better"
    )


KL_REFERENCE = "KL(reference || policy) in nats; the reference is learning.reference"
POLICY_TERMS = {"vtrace", "upgo", "ppo"}


class Objective(Section):
    """What is learned from unrolls: at least one of vtrace, upgo and ppo, and a value for them to lean on."""

    vtrace: VTrace | None = None
    upgo: Upgo | None = None
    ppo: Ppo | None = None
    value: Value = Value()
    value_quartic: Term | None = Field(default=None, description="fourth power of the value's error, same target")
    entropy: Term = Field(default=Term(weight=0.01), description="bonus on the policy's entropy, in nats")
    kl_reference: Term | None = Field(default=None, description=KL_REFERENCE)

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, given: Any) -> Any:
        """Where no policy term is named it is V-trace."""
        named = isinstance(given, dict) and POLICY_TERMS & set(given)
        return given | {"vtrace": {}} if isinstance(given, dict) and not named else given

    @model_validator(mode="after")
    def _policy_learns(self) -> Objective:
        if all(getattr(self, name) is None for name in POLICY_TERMS):
            raise ValueError(f"needs at least one of {', '.join(sorted(POLICY_TERMS))}, got none")
        return self


class Distillation(Term):
    """Cross-entropy of the search's policy to the network's (Silver et al. 2017)."""

    softmax: Literal["legal", "all"] = Field(
        default="legal", description="over which actions the policy is normalised; all: illegal ones too"
    )


class Outcome(Term):
    """Squared error of the value to the outcome; with network.value wdl, cross-entropy of win, draw and loss."""

    root_value_share: float = Field(
        default=0.0, ge=0, le=1, description="of the search's value in the value target, the rest is the outcome"
    )


class SearchObjective(Section):
    """What is learned from searched decisions (chunks in layout "rows")."""

    distillation: Distillation = Distillation()
    value: Outcome = Outcome()
    value_quartic: Term | None = Field(
        default=None, description="fourth power of the value's error, which pulls values towards 0"
    )
    difficulty: Term = Field(default=Term(weight=0.5), description="binary cross-entropy of the difficulty head")
    illegal: Term | None = Field(default=None, description="the probability on illegal actions")
    kl_reference: Term | None = Field(default=None, description=KL_REFERENCE)

    @property
    def learns_outcomes(self) -> bool:
        """Whether any term needs to know how games ended."""
        return largest(self.value.weight) > 0 or largest_weight(self.value_quartic) > 0


def largest_weight(term: Term | None) -> float:
    """The largest weight that a term ever has; 0 for none."""
    return 0.0 if term is None else largest(term.weight)


OBJECTIVES: dict[str, type[Section]] = {"objective": Objective, "search_objective": SearchObjective}
"""Those of section `learning`."""


def long_terms(learning: Mapping[str, Any]) -> dict[str, Any]:
    """Section `learning` as it was written with every term of its objectives in long form: changes merge into that."""
    return {
        name: {term: long_form(given) if term in OBJECTIVES[name].model_fields else given
               for term, given in section.items()}
        if name in OBJECTIVES and isinstance(section, dict) else section
        for name, section in learning.items()
    }
