"""Numbers that change while a run uses up its budget: a weight, a learning rate, a temperature.

In a config such a number is one of:

    0.01                                    constant
    {linear: [0.01, 0.001]}                 from the first to the second
    {cosine: [0.01, 0.001]}                 the same along half a cosine (Loshchilov & Hutter 2017, SGDR, equation 5)
    {step: {0: 0.01, 0.5: 0.001}}           from that share of the budget on
    {piecewise: {0: 0, 0.1: 0.01, 1: 0}}    straight lines between these points
"""
from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from math import cos, isfinite, pi
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Tag, model_serializer, model_validator

from learners.section import Section


class Schedule(Section):
    """A number that changes; exactly one of its kinds is given. Keys are shares of the budget, 0 to 1."""

    linear: tuple[float, float] | None = None
    cosine: tuple[float, float] | None = None
    step: dict[float, float] | None = None
    piecewise: dict[float, float] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Schedule:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a schedule is one of linear, cosine, step and piecewise, got {given or 'none'}")
        points = self.step if self.step is not None else self.piecewise
        if points is not None and (not points or min(points) != 0 or max(points) > 1):
            raise ValueError(f"{given[0]} needs shares of the budget, the first 0 and none above 1, "
                             f"got {sorted(points)}")
        return self

    @model_serializer
    def _given(self) -> dict[str, Any]:
        return {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}

    @property
    def values(self) -> list[float]:
        """The numbers that it goes through or between."""
        points = self.step if self.step is not None else self.piecewise
        return list(points.values() if points is not None else self.linear or self.cosine or ())

    def at(self, progress: float) -> float:
        """Its value after this share of the budget, 0 to 1."""
        if self.linear is not None:
            begin, end = self.linear
            return begin + (end - begin) * progress
        if self.cosine is not None:
            begin, end = self.cosine
            return end + (begin - end) * (1 + cos(pi * progress)) / 2
        points = sorted((self.step or self.piecewise or {}).items())
        after = bisect_right([share for share, _ in points], progress)
        (left, value) = points[after - 1]
        if self.step is not None or after == len(points):
            return value
        right, following = points[after]
        return value + (following - value) * (progress - left) / (right - left)


def is_schedule(given: object) -> bool:
    """Whether this, as it was written, is a schedule, however wrong."""
    return isinstance(given, Mapping) and bool(given) and set(given) <= set(Schedule.model_fields)


def at(number: float | Schedule, progress: float) -> float:
    """The number after this share of the budget, 0 to 1."""
    return number.at(progress) if isinstance(number, Schedule) else number


def largest(number: float | Schedule) -> float:
    """The largest that it ever is."""
    return max(values_of(number))


def changes(number: float | Schedule) -> bool:
    """Whether it is a schedule."""
    return isinstance(number, Schedule)


def values_of(number: float | Schedule) -> list[float]:
    return number.values if isinstance(number, Schedule) else [number]


def _not_negative(number: float | Schedule) -> float | Schedule:
    if not all(isfinite(value) and value >= 0 for value in values_of(number)):
        raise ValueError(f"must be finite and not negative, got {values_of(number)}")
    return number


def _positive(number: float | Schedule) -> float | Schedule:
    if not all(isfinite(value) and value > 0 for value in values_of(number)):
        raise ValueError(f"must be finite and above 0, got {values_of(number)}")
    return number


def _some(number: float | Schedule) -> float | Schedule:
    if not largest(number) > 0:
        raise ValueError("is 0 throughout: nothing would be learned")
    return number


def _kind(value: object) -> str:
    return "schedule" if isinstance(value, Mapping | Schedule) else "number"


TAGS = ("schedule", "number")
"""Which of the two a number was read as, in the locations of pydantic's errors."""
_Number = Annotated[
    Annotated[float, Tag("number")] | Annotated[Schedule, Tag("schedule")], Discriminator(_kind)
]
Weight = Annotated[_Number, AfterValidator(_not_negative)]
Rate = Annotated[_Number, AfterValidator(_not_negative), AfterValidator(_some)]
Positive = Annotated[_Number, AfterValidator(_positive)]
