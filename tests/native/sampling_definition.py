"""What `native.sampling` has to do, from the definition of the masked, tempered softmax in float64.

Each `check_*` runs the module it is given and raises AssertionError where it differs. N rows, A mask bytes, H heads.
"""
from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.native.splitmix import WORD, generator_before, uniform

SLACK = 1e-5        # of float32 probabilities


def draw(seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8], tuple[int, ...]]:
    """`(logits, legal, head_sizes)`; illegal logits are poison, every head has a legal action, some have one only."""
    rng = np.random.default_rng(seed)
    heads = tuple(int(size) for size in rng.integers(1, 20, rng.integers(1, 4)))
    rows, width = int(rng.integers(1, 6)), sum(heads)
    legal = (rng.random((rows, width)) < rng.choice([0.1, 0.5, 1.0])).astype(np.uint8)
    for first in np.cumsum((0, *heads[:-1])):
        legal[:, first] = 1
    logits = rng.normal(scale=3.0, size=(rows, width)) + rng.choice([-90.0, 0.0, 90.0])
    logits[legal == 0] = rng.choice([np.nan, np.inf, 1e30])
    return logits.astype(np.float32), legal, heads


def check_draws(module: ModuleType, seed: int) -> None:
    """Every draw inverts the distribution at the generator's own number; log_prob is the policy drawn from."""
    logits, legal, heads = draw(seed)
    temperature = float(np.random.default_rng(seed).choice([0.3, 1.0, 2.5]))
    rng = np.array([seed], np.uint64)
    actions, log_probs = module.sample(logits, legal, temperature, rng, head_sizes=heads)
    assert actions.shape == log_probs.shape == (len(logits), len(heads))
    generator = seed
    for row in range(len(logits)):
        first = 0
        for head, size in enumerate(heads):
            number, generator = uniform(generator)
            places = np.flatnonzero(legal[row, first : first + size])
            tempered = logits[row, first + places].astype(np.float64) / temperature
            log_policy = tempered - tempered.max()
            log_policy -= math.log(np.exp(log_policy).sum())
            (at,) = np.flatnonzero(places == actions[row, head])
            until = np.cumsum(np.exp(log_policy))
            assert until[at] - math.exp(log_policy[at]) - SLACK <= number <= until[at] + SLACK
            assert abs(log_probs[row, head] - log_policy[at]) < SLACK * max(1.0, -log_policy[at])
            first += size
    assert rng[0] == generator


def check_greedy(module: ModuleType, seed: int) -> None:
    """Temperature 0: the first of the largest legal logits, nothing drawn, log_prob 0."""
    logits, legal, heads = draw(seed)
    logits = np.round(logits / 4)       # ties
    rng = np.array([seed], np.uint64)
    actions, log_probs = module.sample(logits, legal, 0, rng, head_sizes=heads)
    first = 0
    for head, size in enumerate(heads):
        part = np.where(legal[:, first : first + size] != 0, logits[:, first : first + size], -np.inf)
        np.testing.assert_array_equal(actions[:, head], part.argmax(axis=1))
        first += size
    assert not log_probs.any()
    assert rng[0] == seed


def check_edges(module: ModuleType, seed: int) -> None:
    """At the smallest and the largest number of the generator no action of probability 0 is drawn."""
    rng = np.random.default_rng(seed)
    likely = rng.normal(size=(1, 5)).astype(np.float32)
    impossible = np.full((1, 2), -np.inf, np.float32)
    logits = np.concatenate([impossible, likely, impossible], axis=1)
    for word, expected in ((0, 2), (WORD, 6)):
        generator = np.array([generator_before(word)], np.uint64)
        actions, _ = module.sample(logits, np.ones_like(logits, np.uint8), 1.0, generator)
        assert actions[0, 0] == expected


def check_refusals(module: ModuleType, seed: int) -> None:
    """A row without a legal action, or with logits that are no policy, is named; the generator stays."""
    rng = np.array([seed], np.uint64)
    logits, legal = np.zeros((4, 5), np.float32), np.ones((4, 5), np.uint8)
    none = legal.copy()
    none[2, 3:] = 0
    _refused(module, logits, none, rng, (3, 2), "row 2, head 1 has no legal action")
    none[2] = 0
    _refused(module, logits, none, rng, None, "row 2 has no legal action")
    for poison in (np.nan, np.inf):
        spoilt = logits.copy()
        spoilt[1, 4] = poison
        _refused(module, spoilt, legal, rng, None, "row 1: legal logits must be below infinity")
    spoilt = logits.copy()
    spoilt[3] = -np.inf
    _refused(module, spoilt, legal, rng, None, "row 3: legal logits must be below infinity")
    assert rng[0] == seed


def _refused(module: ModuleType, logits: Any, legal: Any, rng: Any, heads: Any, message: str) -> None:
    for temperature in (0.0, 1.0):
        try:
            module.sample(logits, legal, temperature, rng, head_sizes=heads)
        except ValueError as error:
            assert str(error).startswith(message), error  # noqa: PT017 (mutants of the module run without pytest)
        else:
            raise AssertionError(f"not refused: {message}")
