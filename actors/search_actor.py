"""The self-play worker in a process of its own."""
from __future__ import annotations

from functools import partial

import ray
import torch

from actors.config import SelfPlay
from actors.inference_remote import RemoteEngine
from actors.searcher import searcher_factory
from actors.self_play import SelfPlayWorker
from actors.worker_actor import Life, WorkerActor
from learners.network_config import Network
from native.game import Game


class SearchActor(WorkerActor):
    """See `actors.self_play`."""

    def __init__(
        self,
        name: str,
        game: Game,
        network: Network,
        settings: SelfPlay,
        seed: tuple[int, ...],
        learner: str,
        namespace: str,
        inference: str | None = None,
    ) -> None:
        """inference: name of the actor that evaluates leaves; None: this process does."""
        torch.set_num_threads(settings.threads)
        life = Life(name, seed, namespace)
        make_engine = None
        if inference is not None:
            server = ray.get_actor(inference, namespace=namespace)
            make_engine = partial(RemoteEngine, server)
        super().__init__(SelfPlayWorker(
            life.name, game, settings, seed=life.seed, learner=learner, coordination=life.coordination,
            weights=life.weights, make_searcher=searcher_factory(game, network, settings, life.seed, make_engine),
        ))
