"""A network as a policy: what it plays, with which probability, head by head where heads know of each other."""
from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from actors.policy import NetworkPolicy
from envs.registry import make
from learners.action_heads import log_policy
from learners.engines.choice import lively
from learners.engines.positions import played
from learners.network_config import Network
from learners.networks import build_network

torch.set_num_threads(1)
GAME = make("arena")
NETWORK = Network(hidden=(32, 16), autoregressive=True, autoregressive_width=12)
SIZES = list(GAME.head_sizes)
ROWS = 400


def policy(network: Network = NETWORK) -> NetworkPolicy:
    one = NetworkPolicy(GAME, network)
    one.load(3, lively(build_network(network, GAME, 1), seed=2))
    return one


def situations(seed: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint8]]:
    """Observations and masks with holes in every head."""
    legal = (np.random.default_rng(seed).random((ROWS, sum(SIZES))) < 0.7).astype(np.uint8)
    legal[:, np.cumsum([0, *SIZES[:-1]])] = 1
    return played(GAME, ROWS, seed), legal


def act(one: NetworkPolicy, temperature: float, seed: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    observations, legal = situations(1)
    actions, log_probs = np.full((ROWS, 7), -1, np.int32), np.full((ROWS, 7), np.nan, np.float32)
    one.act(observations, legal, np.array([seed], np.uint64), temperature, actions, log_probs)
    return actions, log_probs


def forced(one: NetworkPolicy, actions: npt.NDArray[np.int32], temperature: float = 1.0) -> torch.Tensor:
    """Log-probabilities `[ROWS, A]` that the learner would compute for what was played."""
    observations, legal = situations(1)
    with torch.inference_mode():
        logits = one.module(torch.from_numpy(observations), torch.from_numpy(actions)).logits / temperature
    return log_policy(logits, torch.from_numpy(legal).bool(), SIZES)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_log_probs_when_acting_are_those_of_the_forced_forward(temperature: float) -> None:
    one = policy()
    actions, log_probs = act(one, temperature, seed=9)
    per_head = forced(one, actions, temperature).split_with_sizes(SIZES, 1)
    for head, log_p in enumerate(per_head):
        expected = log_p.gather(1, torch.from_numpy(actions[:, head:head + 1]).long())[:, 0]
        np.testing.assert_allclose(log_probs[:, head], expected, atol=1e-5)
    _, legal = situations(1)
    for mask, drawn in zip(np.split(legal, np.cumsum(SIZES)[:-1], axis=1), actions.T, strict=True):
        assert mask[np.arange(ROWS), drawn].all()
    assert one.forward_s > 0


def test_temperature_0_is_greedy_head_by_head() -> None:
    one = policy()
    actions, log_probs = act(one, 0.0, seed=9)
    greedy = torch.stack([log_p.argmax(1) for log_p in forced(one, actions).split_with_sizes(SIZES, 1)], 1)
    np.testing.assert_array_equal(actions, greedy)
    assert not log_probs.any()
    np.testing.assert_array_equal(act(one, 0.0, seed=10)[0], actions)


def test_later_heads_are_drawn_from_what_follows_from_earlier_ones() -> None:
    """How often the second head plays its action follows the first one's, as the network says."""
    one = policy()
    observations, legal = (np.repeat(part[:1], 20_000, 0) for part in situations(1))
    legal[:] = 1
    actions, log_probs = np.zeros((20_000, 7), np.int32), np.zeros((20_000, 7), np.float32)
    rng = np.array([4], np.uint64)
    one.act(observations, legal, rng, 1.0, actions, log_probs)
    assert rng[0] != 4
    for first in range(SIZES[0]):
        chosen = actions[:, 0] == first
        if chosen.sum() < 1000:
            continue
        seen = np.bincount(actions[chosen, 1], minlength=SIZES[1]) / chosen.sum()
        given = actions[chosen][:1]
        with torch.inference_mode():
            logits = one.module(torch.from_numpy(observations[:1]), torch.from_numpy(given)).logits
        expected = logits[0, SIZES[0]:SIZES[0] + SIZES[1]].softmax(0).numpy()
        np.testing.assert_allclose(seen, expected, atol=5 * np.sqrt(0.25 / chosen.sum()))


def test_the_same_random_numbers_give_the_same_actions() -> None:
    one = policy()
    np.testing.assert_array_equal(act(one, 1.0, seed=5)[0], act(one, 1.0, seed=5)[0])
    assert (act(one, 1.0, seed=5)[0] != act(one, 1.0, seed=6)[0]).any()


def test_an_autoregressive_network_gives_no_logits_to_search_with() -> None:
    with pytest.raises(ValueError, match="autoregressive network gives logits only for actions"):
        policy().evaluate(situations(1)[0])


def test_heads_that_know_nothing_of_each_other_act_as_ever() -> None:
    one = policy(Network(hidden=(32, 16)))
    actions, log_probs = act(one, 1.0, seed=9)
    observations, legal = situations(1)
    logits, _ = one.evaluate(observations)
    log_p = log_policy(torch.from_numpy(logits), torch.from_numpy(legal).bool(), SIZES)
    for head, part in enumerate(log_p.split_with_sizes(SIZES, 1)):
        expected = part.gather(1, torch.from_numpy(actions[:, head:head + 1]).long())[:, 0]
        np.testing.assert_allclose(log_probs[:, head], expected, atol=1e-5)
