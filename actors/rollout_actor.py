"""The rollout worker in a process of its own."""
from __future__ import annotations

import torch

from actors.config import Rollout
from actors.rollout import RolloutWorker
from actors.worker_actor import Life, WorkerActor
from learners.network_config import Network
from native.game import Game


class RolloutActor(WorkerActor):
    """See `actors.rollout`."""

    def __init__(
        self,
        name: str,
        game: Game,
        network: Network,
        settings: Rollout,
        discount: float,
        seed: tuple[int, ...],
        learner: str,
        namespace: str,
    ) -> None:
        torch.set_num_threads(settings.threads)
        life = Life(name, seed, namespace)
        super().__init__(RolloutWorker(
            life.name, game, network, settings, discount=discount, seed=life.seed, learner=learner,
            coordination=life.coordination, weights=life.weights,
        ))
