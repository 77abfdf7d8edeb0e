"""What the options mean, what the metrics count, what is shown, and what is dealt anew."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from envs import registry
from envs.prospector.notation import ACTIONS
from envs.prospector.positions import ending, from_world, replay, set_position, to_dict, to_world
from native.game import State
from tests.envs.prospector.recorded import lines

CASH_OUT, HOLD, BURN, LISTEN, JETTISON_IRON, DOCK, SELL_IRON, BUY_FUEL, MINE = 68, 6, 7, 11, 36, 42, 45, 61, 29
BALANCED = registry.make("prospector", rules="balanced")


def placed(game_options: dict[str, Any], **changes: Any) -> State:
    state = registry.make("prospector", **game_options).new_state(1)
    set_position(state, {**to_dict(state), **changes})
    return state


@pytest.mark.parametrize(("options", "named"), [
    ({"rules": "hard"}, "rules"), ({"time_max": 0}, "time_max"), ({"time_max": 20001}, "time_max"),
    ({"time_max": 2.5}, "time_max"), ({"time_max": True}, "time_max"), ({"invalid": "raise"}, "invalid"),
])
def test_wrong_options(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"prospector: {named} must be"):
        registry.make("prospector", **options)


def test_what_rule_sets_set() -> None:
    assert registry.make("prospector").options == {"rules": "compat", "time_max": 20000, "invalid": "hold"}
    assert BALANCED.options == {"rules": "balanced", "time_max": 2000, "invalid": "masked"}
    assert (BALANCED.max_length, BALANCED.time_limit) == (2000, 0)


def test_cashing_out_at_once() -> None:
    """Compat: the best thing to do. Balanced: at the station and from tick 200 on."""
    state = registry.make("prospector").new_state(1)
    state.apply(CASH_OUT)
    assert ending(state) == "cashed out"
    assert state.rewards()[0] == pytest.approx(-0.001)
    balanced = {"rules": "balanced"}
    assert not placed(balanced, ticks=199).legal()[CASH_OUT]
    assert placed(balanced, ticks=200).legal()[CASH_OUT]
    assert not placed(balanced, ticks=200, node=1, sel=-1).legal()[CASH_OUT]


@pytest.mark.parametrize("rules", ["compat", "balanced"])
def test_the_budget_ends_the_game(rules: str) -> None:
    state = registry.make("prospector", rules=rules, time_max=7).new_state(0)
    for _ in range(7):
        assert state.to_act() == 0
        state.apply(HOLD)
    assert ending(state) == "time up"
    assert state.metrics()["survival"] == 1
    assert state.observe()[6] == 0


def test_invalid_actions() -> None:
    """Held for hold at a price, or refused; which they are is the same."""
    held, masked = (registry.make("prospector", invalid=how).new_state(3) for how in ("hold", "masked"))
    assert held.legal().all()
    refused = set(range(69)) - set(masked.legal_actions())
    assert MINE in refused
    assert DOCK not in refused
    draws = [["market_noise_z", [0.0] * 6]]
    for action in set(range(6, 69)) - {LISTEN}:
        assert replay(held.clone(), action, draws)["invalid"] == (action in refused)
    with pytest.raises(ValueError, match="action 29 is illegal"):
        masked.apply(MINE)
    held.apply(MINE)
    assert held.rewards()[0] == pytest.approx(-0.011)


def test_balanced_leaves_no_idle_tricks() -> None:
    state = placed({"rules": "balanced"}, cargo=[0, 1, 0, 0, 0, 0])
    mask = state.legal()
    assert not mask[JETTISON_IRON]
    assert mask[JETTISON_IRON + 1]
    assert not mask[SELL_IRON]
    assert mask[SELL_IRON + 3]
    assert placed({"invalid": "masked"}, cargo=[0, 1, 0, 0, 0, 0]).legal()[[JETTISON_IRON, SELL_IRON]].all()


def test_balanced_charges_a_trip_once() -> None:
    """The draws that a trip asks for say what is checked."""
    world = next(line["world"] for line in lines() if line["type"] == "episode")
    market = ["market_noise_z", [0.0] * 6]
    once = [["edge_hazard_u", 0.5], ["pirate_u", 0.999], market]
    state = from_world(BALANCED, world)
    replay(state, 0, once)
    state = from_world(registry.make("prospector"), world)
    with pytest.raises(ValueError, match="asks for other draws"):
        replay(state, 0, once)
    replay(state, 0, [*once[:2], ["node_hazard_u", 0.5], ["pirate_u", 0.999], market])


def test_prices_above_the_base_price() -> None:
    price = [45 * 1.5, 55 * 0.5, 85 * 2, 145.0, 210.0, 120.0]
    assert placed({}, price=price).observe()[244:250].tolist() == pytest.approx([1, 0.5, 1, 1, 1, 1])
    balanced = placed({"rules": "balanced"}, price=price).observe()[244:250].tolist()
    assert balanced == pytest.approx([0.75, 0.25, 1, 0.5, 0.5, 0.5])


def test_profit_counts_spending_once() -> None:
    state = placed({"time_max": 2}, credits=500.0, time=2)
    state.apply(BUY_FUEL)
    assert state.rewards()[0] == pytest.approx(-0.061)
    info = replay(state, HOLD, [["market_noise_z", [0.0] * 6]])["info"]
    assert state.metrics()["net_profit"] == 440
    assert info["net_profit"] == 380
    assert state.metrics()["profit_per_1000_ticks"] == 220000


def test_metrics_add_up() -> None:
    for rules in ("compat", "balanced"):
        state, total, decisions, word = registry.make("prospector", rules=rules).new_state(5), 0.0, 0, 9
        while not state.is_terminal:
            action, word = state.bot_action("shuttle", word)
            state.apply(action)
            total += float(state.rewards()[0])
            decisions += 1
        metrics = state.metrics()
        position = to_dict(state)
        assert metrics["return"] == pytest.approx(total, abs=1e-3)
        assert metrics["net_profit"] == pytest.approx(position["credits"])
        assert metrics["ticks"] == position["ticks"]
        assert metrics["profit_per_1000_ticks"] * position["ticks"] == pytest.approx(1000 * position["credits"])
        assert metrics["survival"] == 1
        assert 0 < metrics["mining_ticks"] < decisions
        assert 0 < metrics["cargo_utilisation"] < 1
        assert metrics["invalid_rate"] == 0


def mean_profit(rules: str, bot: str, games: int = 40) -> float:
    game, found = registry.make("prospector", rules=rules), []
    for seed in range(games):
        state, word = game.new_state(seed), seed
        while not state.is_terminal:
            action, word = state.bot_action(bot, word)
            state.apply(action)
        found.append(state.metrics())
    return float(np.mean([metrics["net_profit"] for metrics in found]))


def test_balanced_rewards_skill() -> None:
    """From careless to careful each earns a multiple; under compat rules the baselines earn next to nothing."""
    greedy, cautious = mean_profit("balanced", "greedy_miner"), mean_profit("balanced", "cautious_scanner")
    assert 300 < greedy < cautious
    assert 3 * cautious < mean_profit("balanced", "shuttle")
    assert mean_profit("compat", "cautious_scanner") < 300


def a_game_in_the_field() -> State:
    state, word = BALANCED.new_state(11), 0
    for _ in range(80):
        action, word = state.bot_action("shuttle", word)
        state.apply(action)
    return state


def test_redeterminize() -> None:
    """Hidden things change, but not what was mined, the map, or hazards felt; what is unseen is new for every seed."""
    state = a_game_in_the_field()
    before = to_world(state)
    mined = [depl > 0 for depl in to_dict(state)["depl"]]
    node = to_dict(state)["node"]
    assert any(mined)
    assert node > 0
    firsts = []
    for seed in range(30):
        other = state.clone()
        other.redeterminize(0, seed)
        after = to_world(other)
        for field in ("neighbors", "edge_travel_time", "edge_fuel_cost", "node_type", "market", "n_asteroids"):
            assert after[field] == before[field]
        assert after["node_hazard"][node] == before["node_hazard"][node]
        assert after["node_pirate"][node] != before["node_pirate"][node]
        assert after["edge_threat_true"] != before["edge_threat_true"]
        for was_mined, old, new in zip(mined, before["asteroids"][node], after["asteroids"][node], strict=False):
            assert new["comp_est"] == old["comp_est"]
            assert (new["noise"] == old["noise"]) == was_mined
            assert new["rich"] == old["rich"] or not was_mined
            assert sum(new["comp"]) == pytest.approx(1, abs=1e-5)
        other.apply(HOLD)
        firsts.append(other.to_bytes())
    assert len(set(firsts)) == 30


def test_names_of_actions() -> None:
    assert len(set(ACTIONS)) == 69
    named = (ACTIONS[HOLD], ACTIONS[BURN], ACTIONS[MINE], ACTIONS[SELL_IRON], ACTIONS[BUY_FUEL], ACTIONS[CASH_OUT])
    assert named == ("hold", "burn", "mine", "sell iron", "buy fuel 120", "cash out")
