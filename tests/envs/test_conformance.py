"""The conformance suite over every registered game and its variants."""
from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import pytest

from tests.envs.conformance import CHECKS
from tests.envs.sample import Sample, examine
from tests.envs.variants import Variant, variants


@lru_cache(maxsize=1)       # tests run variant by variant
def sample_of(variant: Variant) -> Sample:
    return examine(variant.make(), variant.budget)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("variant", variants(), ids=lambda variant: variant.id)
def test_conformance(variant: Variant, check: Callable[[Sample], None]) -> None:
    check(sample_of(variant))
