"""1687 steps of 31 games of the original played again with its random numbers: same flags, same numbers within 2e-5."""
from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from envs.prospector.positions import replay, set_position, to_dict
from tests.envs.prospector.recorded import lines, start, steps

TOLERANCE = 2e-5        # recorded observations are rounded to 5 decimals, the original computes in single precision
FLAGS = ("dt", "invalid", "terminated", "truncated")


def assert_close(told: Any, wanted: Any, what: str) -> None:
    """Within TOLERANCE, relative where larger than 1."""
    told, wanted = np.asarray(told, np.float64), np.asarray(wanted, np.float64)
    error = np.abs(told - wanted) / np.maximum(1, np.abs(wanted))
    assert error.max() < TOLERANCE, f"{what}: {told} is not {wanted}"


@pytest.mark.parametrize("resynchronised", [False, True])
def test_every_step(resynchronised: bool) -> None:
    """Whole games without help, and every step by itself from the recorded position before it."""
    seen = Counter[str]()
    for state, _, step in steps():
        where = f"episode {step['episode']}, step {step['t']}, action {step['action']}"
        came = replay(state, step["action"], step["draws"])
        assert {flag: came[flag] for flag in FLAGS} == {flag: step[flag] for flag in FLAGS}, where
        assert_close(came["reward"], step["reward"], f"{where}, reward")
        assert_close(state.observe(), step["obs"], f"{where}, observation")
        position = to_dict(state)
        for field, wanted in step["state"].items():
            assert_close(position[field], wanted, f"{where}, {field}")
        assert came["info"].keys() == step["info"].keys()
        for field, wanted in step["info"].items():
            assert_close(came["info"][field], wanted, f"{where}, {field}")
        assert state.is_terminal == (step["terminated"] or step["truncated"])
        seen.update(flag for flag in FLAGS if came[flag] is True)
        seen["steps"] += 1
        if resynchronised and not state.is_terminal:
            set_position(state, step["state"])
    assert seen == {"steps": 1687, "terminated": 6, "truncated": 2, "invalid": 297}


def test_first_observations() -> None:
    episodes = [line for line in lines() if line["type"] == "episode"]
    assert len(episodes) == 31
    for episode in episodes:
        assert_close(start(episode).observe(), episode["obs"], f"episode {episode['episode']}")


def test_bots_decide_as_the_originals_did() -> None:
    decided = Counter[str]()
    for state, episode, step in steps():
        if episode["policy"] in state.game.bot_names:
            action, _ = state.bot_action(episode["policy"], 0)
            assert action.tolist() == [step["action"]], f"{episode['policy']} at step {step['t']}"
            decided[episode["policy"]] += 1
        replay(state, step["action"], step["draws"])
    assert decided == {"greedy_miner": 159, "cautious_scanner": 108, "market_timer": 99}


def test_other_draws_are_refused() -> None:
    state, _, step = next(steps())
    before = state.to_bytes()
    for draws in ([], [["pirate_u", 0.5], *step["draws"]], [*step["draws"], ["pirate_u", 0.5]]):
        with pytest.raises(ValueError, match="asks for other draws"):
            replay(state, step["action"], draws)
        assert state.to_bytes() == before
