"""Sampling draws from the masked, tempered policy, says with which probability, and can be continued from its word."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from native import sampling
from tests.native.sampling_definition import check_draws, check_edges, check_greedy, check_refusals

SEEDS = st.integers(0, 2**64 - 1)


@given(SEEDS)
def test_draws_invert_the_distribution(seed: int) -> None:
    check_draws(sampling, seed)


@given(SEEDS)
def test_temperature_zero_takes_the_first_maximum(seed: int) -> None:
    check_greedy(sampling, seed)


@given(SEEDS)
def test_impossible_actions_are_never_drawn(seed: int) -> None:
    check_edges(sampling, seed)


def test_rows_without_a_policy_are_named() -> None:
    check_refusals(sampling, 7)


def test_frequencies_are_the_policy() -> None:
    """200,000 draws: each frequency within five standard deviations of its probability."""
    logits = np.tile(np.log(np.array([0.1, 0.2, 0.0, 0.3, 0.4, 1.0], np.float32) + 1e-30), (200_000, 1))
    legal = np.tile(np.array([1, 1, 1, 1, 1, 0], np.uint8), (200_000, 1))
    actions, log_probs = sampling.sample(logits, legal, 1.0, np.array([5], np.uint64))
    for action, probability in enumerate([0.1, 0.2, 0.0, 0.3, 0.4, 0.0]):
        drawn = actions[:, 0] == action
        assert abs(drawn.mean() - probability) <= 5 * (probability * (1 - probability) / len(actions)) ** 0.5
        if probability:
            np.testing.assert_allclose(np.exp(log_probs[drawn, 0]), probability, rtol=1e-5)


def test_wide_masks_with_few_legal_entries() -> None:
    legal = np.zeros((3, 3137), np.uint8)
    legal[0, [0, 3136]] = legal[1, [17, 18, 1000]] = legal[2, 3129] = 1
    logits = np.zeros((3, 3137), np.float32)
    seen: list[set[int]] = [set(), set(), set()]
    rng = np.zeros(1, np.uint64)
    for _ in range(100):
        actions, _ = sampling.sample(logits, legal, 1.0, rng)
        for row in range(3):
            seen[row].add(int(actions[row, 0]))
    assert seen == [{0, 3136}, {17, 18, 1000}, {3129}]


def test_continues_from_a_saved_word_and_fills_given_arrays() -> None:
    rng = np.array([11], np.uint64)
    logits, legal = np.zeros((50, 9), np.float32), np.ones((50, 9), np.uint8)
    sampling.sample(logits, legal, 1.0, rng)
    saved = rng.copy()
    actions, log_probs = np.empty((50, 1), np.int32), np.empty((50, 1), np.float32)
    first = sampling.sample(logits, legal, 1.0, rng, actions=actions, log_probs=log_probs)
    assert first[0] is actions
    assert first[1] is log_probs
    again = sampling.sample(logits, legal, 1.0, saved)
    np.testing.assert_array_equal(actions, again[0])
    np.testing.assert_array_equal(log_probs, again[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"logits": np.zeros((2, 3))}, "logits must be float32"),
        ({"logits": np.zeros(3, np.float32)}, r"logits must be a float32 array \[N, A\]"),
        ({"logits": [[0.0]]}, r"logits must be a float32 array \[N, A\], got list"),
        ({"legal": np.ones((2, 4), np.uint8)}, "legal must be uint8"),
        ({"legal": np.ones((2, 3), bool)}, "legal must be uint8"),
        ({"legal": np.ones((3, 2), np.uint8).T}, "legal must be C-contiguous"),
        ({"rng": np.zeros(2, np.uint64)}, "rng must be uint64"),
        ({"temperature": -1.0}, "temperature must be 0 or above, got -1.0"),
        ({"temperature": float("nan")}, "temperature must be 0 or above, got nan"),
        ({"temperature": float("inf")}, "temperature must be 0 or above, got inf"),
        ({"head_sizes": (1, 1)}, r"head_sizes must be positive and add up to 3, got \(1, 1\)"),
        ({"head_sizes": (4, -1)}, "head_sizes must be positive"),
        ({"actions": np.zeros((2, 1), np.int64)}, "actions must be int32"),
        ({"log_probs": np.zeros((2, 2), np.float32)}, "log_probs must be float32"),
    ],
)
def test_wrong_argument_is_named(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "logits": np.zeros((2, 3), np.float32),
        "legal": np.ones((2, 3), np.uint8),
        "temperature": 1.0,
        "rng": np.zeros(1, np.uint64),
    }
    with pytest.raises(ValueError, match=f"^{message}"):
        sampling.sample(**{**arguments, **change})
