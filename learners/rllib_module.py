"""Our network as an RLlib module, so that RLlib's algorithms train the same one and only the algorithms differ.

Letters: N rows, A actions of all heads.
"""
from __future__ import annotations

from typing import Any, cast

import torch
from ray.rllib.core.columns import Columns
from ray.rllib.core.distribution.torch.torch_distribution import TorchCategorical, TorchMultiCategorical
from ray.rllib.core.learner.utils import make_target_network
from ray.rllib.core.rl_module.apis import (
    TARGET_NETWORK_ACTION_DIST_INPUTS,
    InferenceOnlyAPI,
    TargetNetworkAPI,
    ValueFunctionAPI,
)
from ray.rllib.core.rl_module.torch import TorchRLModule

from envs import registry
from envs.adapters.rllib_vector import MASK, OBSERVATIONS
from learners.action_heads import log_policy
from learners.network_config import Network
from learners.networks import build_network
from learners.output import Output

NETWORK = "network"     # names of the parts of the module's state
TARGET = "target"

Batch = dict[str, Any]


def module_config(game: str, game_options: dict[str, Any], network: Network, seed: int) -> dict[str, Any]:
    """What a `NetworkModule` is built from, in plain values."""
    return {"game": game, "game_options": game_options, "network": network.model_dump(mode="json"), "seed": seed}


class NetworkModule(TorchRLModule, ValueFunctionAPI, TargetNetworkAPI, InferenceOnlyAPI):
    """Acts on the legal actions alone; the target network is what APPO clips against."""

    def setup(self) -> None:
        settings = cast(dict[str, Any], self.model_config)
        game = registry.make(settings["game"], **settings["game_options"])
        self.network = build_network(Network.model_validate(settings["network"]), game, settings["seed"])
        self._head_sizes = game.head_sizes
        self.action_dist_cls: Any = TorchCategorical
        if len(game.head_sizes) > 1:
            heads: Any = TorchMultiCategorical      # a class method by what it does, not by how it is declared
            self.action_dist_cls = heads.get_partial_dist_cls(input_lens=list(game.head_sizes))

    def _forward(self, batch: Batch, **kwargs: Any) -> Batch:
        return {Columns.ACTION_DIST_INPUTS: self._log_policy(self._seen(batch), batch)}

    def _forward_train(self, batch: Batch, **kwargs: Any) -> Batch:
        output = self._seen(batch)
        return {Columns.ACTION_DIST_INPUTS: self._log_policy(output, batch), Columns.EMBEDDINGS: output.value}

    def compute_values(self, batch: Batch, embeddings: torch.Tensor | None = None) -> torch.Tensor:
        """Values `[N]`; `embeddings` are those that `_forward_train` has found already."""
        return self._seen(batch).value if embeddings is None else embeddings

    def make_target_networks(self) -> None:
        self.target = make_target_network(self.network)

    def get_target_network_pairs(self) -> list[tuple[torch.nn.Module, torch.nn.Module]]:
        return [(self.network, self.target)]

    def forward_target(self, batch: Batch) -> Batch:
        with torch.no_grad():
            output = self.target(batch[Columns.OBS][OBSERVATIONS])
        return {TARGET_NETWORK_ACTION_DIST_INPUTS: self._log_policy(output, batch)}

    def get_non_inference_attributes(self) -> list[str]:
        return [TARGET]

    def _seen(self, batch: Batch) -> Output:
        return self.network(batch[Columns.OBS][OBSERVATIONS])   # type: ignore[no-any-return]

    def _log_policy(self, output: Output, batch: Batch) -> torch.Tensor:
        """`[N, A]`, finite even where an action is illegal: RLlib multiplies such rows by 0."""
        return log_policy(output.logits, batch[Columns.OBS][MASK].bool(), self._head_sizes)
