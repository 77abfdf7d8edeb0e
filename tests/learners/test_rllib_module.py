"""Our network as RLlib's algorithms call it."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.apis import TARGET_NETWORK_ACTION_DIST_INPUTS

from envs import registry
from envs.adapters.rllib_vector import MASK, OBSERVATIONS, action_space, observation_space
from learners.action_heads import entropy, joint_log_prob, log_policy
from learners.network_config import Network
from learners.networks import build_network
from learners.rllib_module import NETWORK, NetworkModule, module_config

NETWORKS = {
    "mlp": Network(hidden=(16,)),
    "residual": Network(kind="residual", channels=8, blocks=1, policy_planes=2, value_planes=2, value_width=8),
}
CASES = [("connect_four", "mlp"), ("connect_four", "residual"), ("cartpole", "mlp"), ("arena", "mlp")]


def module_for(name: str, network: str, **more: Any) -> NetworkModule:
    game = registry.make(name)
    return NetworkModule(observation_space=observation_space(game), action_space=action_space(game),
                         model_config=module_config(name, {}, NETWORKS[network], seed=7), **more)


def batch_of(name: str) -> dict[str, Any]:
    """Random observations and masks, in each of which every head has a legal action."""
    game, rng = registry.make(name), np.random.default_rng(1)
    legal = rng.integers(0, 2, (5, game.num_actions), np.uint8)
    legal[:, np.cumsum((0, *game.head_sizes[:-1]))] = 1
    seen = rng.integers(0, 2, (5, *game.observation_shape)).astype(game.observation_dtype)
    return {Columns.OBS: {OBSERVATIONS: torch.from_numpy(seen), MASK: torch.from_numpy(legal)}}


@pytest.mark.parametrize(("name", "network"), CASES)
def test_it_is_our_network_on_the_legal_actions(name: str, network: str) -> None:
    game, module, batch = registry.make(name), module_for(name, network), batch_of(name)
    ours = build_network(NETWORKS[network], game, seed=7)
    seen, legal = batch[Columns.OBS][OBSERVATIONS], batch[Columns.OBS][MASK].bool()
    output = ours(seen)
    expected = log_policy(output.logits, legal, game.head_sizes)

    trained = module.forward_train(batch)
    torch.testing.assert_close(trained[Columns.ACTION_DIST_INPUTS], expected)
    assert torch.isfinite(trained[Columns.ACTION_DIST_INPUTS]).all()
    torch.testing.assert_close(module.compute_values(batch, trained[Columns.EMBEDDINGS]), output.value)
    torch.testing.assert_close(module.compute_values(batch), output.value)
    for acted in (module.forward_exploration(batch), module.forward_inference(batch)):
        torch.testing.assert_close(acted[Columns.ACTION_DIST_INPUTS], expected)
        assert not acted[Columns.ACTION_DIST_INPUTS].requires_grad


@pytest.mark.parametrize(("name", "network"), CASES)
def test_its_distribution_is_ours(name: str, network: str) -> None:
    game, module, batch = registry.make(name), module_for(name, network), batch_of(name)
    log_p = module.forward_inference(batch)[Columns.ACTION_DIST_INPUTS]
    legal = batch[Columns.OBS][MASK].bool()
    distribution: Any = module.get_train_action_dist_cls().from_logits(log_p)
    torch.testing.assert_close(distribution.entropy(), entropy(log_p, legal))
    for _ in range(20):
        action = distribution.sample()
        heads = action.reshape(5, -1)
        own = joint_log_prob(log_p, heads, game.head_sizes)
        torch.testing.assert_close(distribution.logp(action), own)
        places = heads + torch.tensor(np.cumsum((0, *game.head_sizes[:-1])))
        assert legal.gather(1, places).all()


def test_the_target_network_stays_behind_and_is_not_sent_to_who_acts() -> None:
    module, batch = module_for("connect_four", "mlp"), batch_of("connect_four")
    module.make_target_networks()
    before = module.forward_train(batch)[Columns.ACTION_DIST_INPUTS].detach()
    with torch.no_grad():
        for parameter in module.network.parameters():
            parameter.add_(0.1)
    behind = module.forward_target(batch)[TARGET_NETWORK_ACTION_DIST_INPUTS]
    torch.testing.assert_close(behind, before)
    assert not behind.requires_grad
    assert not torch.allclose(module.forward_train(batch)[Columns.ACTION_DIST_INPUTS], before)
    (pair,) = module.get_target_network_pairs()
    assert pair == (module.network, module.target)
    assert {name.split(".")[0] for name in module.get_state(inference_only=True)} == {NETWORK}

    acting = module_for("connect_four", "mlp", inference_only=True)
    acting.set_state(module.get_state(inference_only=True))
    torch.testing.assert_close(acting.forward_inference(batch)[Columns.ACTION_DIST_INPUTS],
                               module.forward_inference(batch)[Columns.ACTION_DIST_INPUTS])


def test_gradients_reach_the_network_through_both_heads() -> None:
    module, batch = module_for("connect_four", "mlp"), batch_of("connect_four")
    trained = module.forward_train(batch)
    log_p = trained[Columns.ACTION_DIST_INPUTS]
    (log_p[:, 0] ** 2 + trained[Columns.EMBEDDINGS]).sum().backward()      # action 0 is legal in every row
    gradients = {name: parameter.grad.numpy() for name, parameter in module.network.named_parameters()
                 if parameter.grad is not None}
    assert len(gradients) == len(list(module.network.parameters()))
    assert all(gradient.any() for gradient in gradients.values())
    assert gradients["head.weight"].any(axis=1).all()       # rows of the last layer: logits, then the value
