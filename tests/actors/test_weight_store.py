"""The newest weights, and only to those who do not have them."""
from __future__ import annotations

from actors.weight_store import WeightStore


def test_pull_gives_only_what_is_newer() -> None:
    store = WeightStore()
    assert store.pull("main", -1) is None
    assert store.publish("main", 3, "a") == {"main": 3}
    assert store.pull("main", -1) == (3, "a")
    assert store.pull("main", 3) is None
    assert store.pull("main", 2) == (3, "a")


def test_an_older_version_does_not_replace_a_newer_one() -> None:
    store = WeightStore()
    store.publish("main", 3, "new")
    assert store.publish("main", 2, "late") == {"main": 3}
    assert store.pull("main", -1) == (3, "new")


def test_policies_are_apart_and_can_be_dropped() -> None:
    store = WeightStore()
    store.publish("main", 3, "a")
    assert store.publish("past", 1, "b") == {"main": 3, "past": 1}
    store.drop("past")
    store.drop("unknown")
    assert store.pull("past", -1) is None
    assert store.pull("main", -1) == (3, "a")
