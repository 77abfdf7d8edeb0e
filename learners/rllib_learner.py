"""One rank of our learner inside RLlib's: RLlib brings its process, its device and torch's process group.

What is learned is learned by `learners.learner.Learner`; RLlib's own minibatches, optimisers, gradient checks (which
wait for the device twice per parameter) and DistributedDataParallel take no part. Its module holds our network, so that
what RLlib says of weights is true.
"""
from __future__ import annotations

from typing import Any

import ray
import torch
import torch.distributed
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.torch.torch_learner import TorchLearner

from learners.chunk import from_wire
from learners.config import Learning
from learners.data_parallel import Processes
from learners.learner import Learner
from learners.terms import Terms
from native.game import Game, rebuild


def learner_config(game: Game, learning: Learning, seed: int) -> dict[str, Any]:
    """What a `NetworkLearner` is built from, in plain values."""
    return {"module": game.module, "options": game.options, "learning": learning.model_dump(mode="json"), "seed": seed}


class NetworkLearner(TorchLearner):
    """Settings are in `learner_config_dict`, see `learner_config`."""

    learner: Learner
    """Our own; its network is that of RLlib's module."""

    def _make_module(self) -> Any:
        made: Any = super()._make_module()
        self.learner = self._make_learner(**self.config.learner_config_dict)
        made[DEFAULT_MODULE_ID].network = self.learner.network
        return made

    def _make_learner(self, module: str, options: dict[str, Any], learning: dict[str, Any], seed: int) -> Learner:
        device = torch.device(self.device)
        if device.type == "cuda":
            torch.cuda.set_device(device)       # what "cuda" alone means from now on
        here = {"device": device.type, "prefetch": False}
        config, game = Learning.model_validate(learning).model_copy(update=here), rebuild(module, options)
        if not torch.distributed.is_initialized():
            return Learner(game, config, seed)
        return Learner(game, config, seed, Processes())

    def update(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Learns from this rank's shard and returns our figures.

        training_data: its `batch_refs` holds the one shard, chunks in wire form or a reference to them. progress: see
        `Learner.update`.
        """
        (shard,) = kwargs["training_data"].batch_refs
        wire = ray.get(shard) if isinstance(shard, ray.ObjectRef) else shard
        return self.learner.update([from_wire(one) for one in wire], kwargs["progress"])

    def compute_loss_for_module(self, *, module_id: str, config: Any, batch: Any, fwd_out: Any) -> torch.Tensor:
        """The loss of one gradient step; `fwd_out`: its terms, which the objective has made of a batch already."""
        terms: Terms = fwd_out
        return terms.loss

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """Our learner has its own Adam."""

    def _make_modules_ddp_if_necessary(self) -> None:
        """Our learner averages gradients itself."""
