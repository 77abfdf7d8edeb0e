"""What holds for all tests: Hypothesis does not time its examples (machines are busy) and repeats itself in CI."""
from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "ludus", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("ludus")
