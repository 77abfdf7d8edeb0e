"""Numbers that change over a budget, and how they stand in a config."""
from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from learners.config import Optimiser
from learners.objective_config import Objective, Term
from learners.schedule import Schedule, at, changes, largest


def test_every_kind_between_its_points() -> None:
    assert at(0.3, 0.9) == largest(0.3) == 0.3
    assert not changes(0.3)
    linear = Schedule(linear=(1.0, 3.0))
    assert [at(linear, x) for x in (0.0, 0.25, 1.0)] == [1.0, 1.5, 3.0]
    cosine = Schedule(cosine=(1.0, 3.0))
    assert [at(cosine, x) for x in (0.0, 1 / 3, 0.5, 1.0)] == pytest.approx([1.0, 2 - math.cos(math.pi / 3), 2.0, 3.0])
    step = Schedule(step={0.5: 7.0, 0: 5.0, 0.75: 1.0})
    assert [at(step, x) for x in (0.0, 0.49, 0.5, 0.74, 0.75, 1.0)] == [5, 5, 7, 7, 1, 1]
    lines = Schedule(piecewise={0: 0.0, 0.2: 1.0, 0.6: 0.5})
    assert [at(lines, x) for x in (0.0, 0.1, 0.2, 0.4, 0.6, 1.0)] == pytest.approx([0.0, 0.5, 1.0, 0.75, 0.5, 0.5])
    assert largest(lines) == 1.0
    assert changes(lines)


@pytest.mark.parametrize(("given", "sentence"), [
    ({"linear": [1, 2], "cosine": [1, 2]}, "is one of linear, cosine, step and piecewise"),
    ({}, "is one of linear, cosine, step and piecewise, got none"),
    ({"step": {0.5: 1.0}}, "the first 0 and none above 1"),
    ({"piecewise": {0: 1.0, 2: 1.0}}, "the first 0 and none above 1"),
    ({"linear": [1.0, -1.0]}, "must be finite and not negative"),
    ({"linear": [1.0, math.nan]}, "must be finite and not negative"),
    ({"cosine": [0, 0]}, "is 0 throughout"),
    (0, "is 0 throughout"),
    (-1e-3, "must be finite and not negative"),
    ("fast", "valid number"),
    ({"quadratic": [1, 2]}, "Extra inputs are not permitted"),
])
def test_what_is_refused(given: object, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Optimiser.model_validate({"learning_rate": given})


def test_it_is_written_as_it_was_read() -> None:
    given = {"learning_rate": {"piecewise": {0.0: 0.0, 0.1: 0.01, 1.0: 0.0}}}
    settings = Optimiser.model_validate(given)
    assert settings.model_dump()["learning_rate"] == given["learning_rate"]
    assert Optimiser.model_validate(settings.model_dump(mode="json")) == settings


def test_a_weight_alone_stands_for_its_term() -> None:
    objective = Objective.model_validate({"entropy": {"linear": [0.1, 0.0]}, "upgo": 0.5, "value_quartic": None})
    assert objective.entropy == Term(weight=Schedule(linear=(0.1, 0.0)))
    assert objective.upgo is not None
    assert (objective.upgo.weight, objective.vtrace, objective.value_quartic) == (0.5, None, None)
    assert Objective().vtrace is not None
    assert Objective.model_validate({"value": 1.0}).vtrace is not None
    assert Objective.model_validate(objective.model_dump(mode="json")) == objective
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Objective.model_validate({"vtrac": 1.0})
    with pytest.raises(ValidationError, match="needs at least one of ppo, upgo, vtrace, got none"):
        Objective.model_validate({"vtrace": None})
