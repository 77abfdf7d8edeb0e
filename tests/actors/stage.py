"""A small stage for workers: matches by a fixed plan, weights by hand, results kept."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from actors.config import Rollout
from actors.match import Match, MatchResult
from actors.rollout import RolloutWorker
from actors.weight_store import WeightStore
from envs.registry import make
from learners.network_config import Network
from learners.networks import build_network, read_weights

NETWORK = Network(hidden=(16,))
MAIN_SEED = 31


@dataclass
class Plan:
    """Opponents in turn; every report is kept."""

    opponents: Sequence[str]
    num_games: int = 7
    temperature: float = 1.0
    assigned: int = 0
    results: list[MatchResult] = field(default_factory=list)

    def assign(self, worker: str) -> Match:
        opponent = self.opponents[self.assigned % len(self.opponents)]
        self.assigned += 1
        return Match(f"m{self.assigned}", "main", ("main", opponent), self.num_games, self.temperature)

    def report(self, result: MatchResult) -> None:
        self.results.append(result)


def weights(game: str = "tic_tac_toe", seed: int = 0) -> dict[str, Any]:
    return read_weights(build_network(NETWORK, make(game), seed))


def worker(plan: Plan, store: WeightStore, *, seed: int = 5, **settings: Any) -> RolloutWorker:
    chosen: dict[str, Any] = {"games": 6, "unroll": 4, "chunk_unrolls": 8} | settings
    return RolloutWorker(
        "w", make("tic_tac_toe"), NETWORK, Rollout(**chosen), discount=0.9, seed=seed, learner="main",
        coordination=plan, weights=store,
    )


def store(**policies: int) -> WeightStore:
    """Holds `main` at version 0, with weights that no fresh network has, and further policies of these seeds."""
    held = WeightStore()
    held.publish("main", 0, weights(seed=MAIN_SEED))
    for policy, seed in policies.items():
        held.publish(policy, 0, weights(seed=seed))
    return held
