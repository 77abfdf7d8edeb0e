"""What holds for all tests: Hypothesis does not time its examples (machines are busy) and repeats itself in CI."""
from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from envs.adapters.gymnasium.vector import GymnasiumVector

settings.register_profile(
    "ludus", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("ludus")


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of games of Gymnasium's vectors that were closed, as far as the test has come."""
    close, numbers = GymnasiumVector.close, list[int]()

    def closing(self: GymnasiumVector) -> None:
        numbers.append(self.num_games)
        close(self)

    monkeypatch.setattr(GymnasiumVector, "close", closing)
    return numbers
