"""What RLlib's algorithms are told of a config, without starting any."""
from __future__ import annotations

from typing import Any

import pytest
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

from league.baseline_config import Baseline, counterparts, left_out, opponents
from league.config import ConfigError, RunConfig, parse_config
from league.rllib_algorithm import algorithm_config

ALGORITHMS = ("ppo", "impala", "appo")
LEARNING: dict[str, Any] = {
    "discount": 0.98,
    "network": {"hidden": [16]},
    "objective": {
        "vtrace": {"rho_bar": 1.5, "rho_pg_bar": 2.0},
        "value": {"weight": 0.7, "lam": 0.9},
        "entropy": {"linear": [0.03, 0.01]},
    },
    "optimiser": {"learning_rate": {"linear": [0.002, 0.001]}, "max_grad_norm": 0.4},
}


def config(game: str = "connect_four", **more: Any) -> RunConfig:
    return parse_config({"game": game, "learning": LEARNING, "replay": {"capacity": 8}, **more}, "test")


def rllib(run: RunConfig, algorithm: str, **more: Any) -> AlgorithmConfig:
    return algorithm_config(run, Baseline.model_validate({"algorithm": algorithm, **more}))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_rllib_accepts_and_is_given_what_means_the_same(algorithm: str) -> None:
    made: Any = rllib(config(), algorithm, cores=3, games=8)
    assert (made.lr, made.gamma, made.entropy_coeff, made.grad_clip) == (0.002, 0.98, 0.03, 0.4)
    assert made.num_envs_per_env_runner == 8
    assert made.env_config["bots"] == {"random": 1.0}
    assert made.rl_module_spec.model_config["network"]["hidden"] == [16]
    if algorithm == "ppo":
        assert (made.num_env_runners, made.num_learners) == (3, 0)
        assert (made.vf_loss_coeff, made.vf_clip_param, made.lambda_) == (0.7, float("inf"), 0.9)
    else:
        assert (made.num_env_runners, made.num_learners) == (2, 1)      # which halves the squared error
        assert (made.vf_loss_coeff, made.vtrace_clip_rho_threshold, made.vtrace_clip_pg_rho_threshold) == (1.4, 1.5, 2)


def test_a_ppo_objective_is_the_ppo_that_rllib_runs() -> None:
    run = config(learning={**LEARNING, "objective": {"ppo": {"clip": 0.1, "lam": 0.8}}})
    arguments = counterparts(run.learning, "ppo")
    assert (arguments["clip_param"], arguments["lambda_"]) == (0.1, 0.8)
    assert "vtrace_clip_rho_threshold" not in counterparts(run.learning, "appo")


def test_what_rllib_is_told_directly_wins() -> None:
    made: Any = rllib(config(), "ppo", batch=512, training={"lr": 0.5, "num_epochs": 2})
    assert (made.lr, made.num_epochs, made.train_batch_size_per_learner, made.minibatch_size) == (0.5, 2, 512, 512)
    with pytest.raises(ValueError, match=r"baseline\.training: .*unexpected keyword argument 'speed'"):
        rllib(config(), "ppo", training={"speed": 3})
    heads = config("arena", learning={"network": {"autoregressive": True}})
    with pytest.raises(ValueError, match="RLlib draws all heads of an action at once"):
        rllib(heads, "appo")


def test_the_other_seats_are_the_leagues_bots_or_those_of_evaluations() -> None:
    assert opponents(config(league={"bots": {"one_ply": 0.5, "random": 0.0}})) == {"one_ply": 0.5}
    assert opponents(config(evaluation={"opponents": ["random", "one_ply"]})) == {"random": 1.0, "one_ply": 1.0}
    assert opponents(config(evaluation={"opponents": []})) == {"random": 1.0}
    assert opponents(config("cartpole")) == {}


def test_what_is_left_out_is_said() -> None:
    assert left_out(config()) == ["schedules (their first values are used)", "self-play and snapshots"]
    constant = {"objective": {"entropy": 0.01}}
    alone = config(learning=constant, league={"self_play": 0, "bots": {"random": 1.0}})
    assert left_out(alone) == []
    assert left_out(config("cartpole", learning=constant)) == []
    objective = {"ppo": {"target_kl": 0.01}, "upgo": 0.5, "value_quartic": 0.0, "value": {"linear": [1.0, 0.5]}}
    assert left_out(config("cartpole", learning={"objective": objective})) == [
        "schedules (their first values are used)", "term upgo", "target_kl of term ppo"]
    clipped = {"objective": {"entropy": 0.01, "value": {"clip": 0.2}}, "epochs": 2}
    assert left_out(config("cartpole", learning=clipped, rollout={"temperature": {"linear": [1.0, 0.5]}})) == [
        "rollout.temperature", "epochs and minibatches", "clip of term value"]
    near = {"reference": "elsewhere", "objective": {"kl_reference": 0.1}}
    assert left_out(config("cartpole", learning=near)) == ["term kl_reference"]


def test_weights_to_begin_with_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"learning\.initialise_from needs another method than baseline"):
        config(method="baseline", learning={"initialise_from": "runs/a"})
