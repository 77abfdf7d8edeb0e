"""Other libraries' training of Gymnasium's CartPole-v1 on this machine: RLlib's PPO and APPO, Stable-Baselines3's PPO.

Networks of two layers of 64, two processes or one as each library has it, otherwise their defaults or published
settings. A peer that is not installed is left out.
"""
from __future__ import annotations

import importlib
import importlib.util
import logging
import math
import tempfile
import warnings
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any, TypeAlias

from tests.benchmarks.measure import record

SECONDS = 20.0          # of training that are measured
WARM_UP_S = 3.0         # before them, which do not count towards frames/s
AT_MOST_S = 300.0       # until 475 is reached
BALANCED = 475.0        # mean return of a library's latest 100 training episodes
OBJECT_STORE_BYTES = 512 << 20

Measured: TypeAlias = Iterator[tuple[float, float]]
"""Frames so far and mean return of the latest episodes, again and again, for as long as somebody asks."""


def measure_peers(*, to_475: bool) -> Iterator[dict[str, object]]:
    """Frames per second of each peer; `to_475`: and seconds until it balances, from its first frame on."""
    for case, train in peers().items():
        yield from measured(case, train(), to_475)


def peers() -> dict[str, Callable[[], Measured]]:
    """Those that are installed, by case."""
    found: dict[str, Callable[[], Measured]] = {}
    if importlib.util.find_spec("ray") and importlib.util.find_spec("ray.rllib"):
        found |= {"rllib_ppo": lambda: rllib("ppo"), "rllib_appo": lambda: rllib("appo")}
    if importlib.util.find_spec("stable_baselines3"):
        found["stable_baselines3_ppo"] = stable_baselines3
    return found


def measured(case: str, training: Measured, to_475: bool) -> Iterator[dict[str, object]]:
    """The records of one peer."""
    began = perf_counter()
    seconds, first, last = math.inf, (0.0, 0.0), (0.0, 0.0)
    for frames, mean_return in training:
        spent = perf_counter() - began
        if first == (0.0, 0.0) and spent >= WARM_UP_S:
            first = (spent, frames)
        last = (spent, frames)
        if mean_return >= BALANCED and math.isinf(seconds):
            seconds = spent
        if spent >= (AT_MOST_S if to_475 and math.isinf(seconds) else WARM_UP_S + SECONDS):
            break
    rate = (last[1] - first[1]) / max(last[0] - first[0], 1e-9)
    yield record("end_to_end", f"peer/{case}", [rate], "frames/s")
    if to_475:
        found = record("end_to_end", f"peer/{case}/seconds_to_475", [seconds], "s")
        yield {name: None if value == math.inf else value for name, value in found.items()}


def rllib(name: str) -> Measured:
    """RLlib's algorithm of this name with one process that plays 20 environments."""
    import ray
    from ray.rllib.algorithms import appo, ppo
    from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

    with tempfile.TemporaryDirectory(prefix="ludus-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.init(address="local", num_cpus=2, object_store_memory=OBJECT_STORE_BYTES, include_dashboard=False,
                 log_to_driver=False, logging_level=logging.ERROR, _temp_dir=folder)
        configs: dict[str, Any] = {"ppo": ppo.PPOConfig, "appo": appo.APPOConfig}
        config = configs[name]()
        config = config.environment("CartPole-v1").env_runners(num_env_runners=1, num_envs_per_env_runner=20)
        config = config.rl_module(model_config=DefaultModelConfig(fcnet_hiddens=[64, 64], vf_share_layers=True))
        config = config.training(vf_loss_coeff=0.01 if name == "ppo" else 0.05, entropy_coeff=0.0)
        algorithm: Any = config.build_algo()
        try:
            while True:
                result: dict[str, Any] = algorithm.train()
                runners = result.get("env_runners", {})
                yield (float(result.get("num_env_steps_sampled_lifetime", 0)),
                       float(runners.get("episode_return_mean", 0.0)))
        finally:
            algorithm.stop()
            ray.shutdown()


def stable_baselines3() -> Measured:
    """PPO with the settings of RL Baselines3 Zoo for CartPole-v1, in one process and one thread."""
    import torch

    sb3: Any = importlib.import_module("stable_baselines3")
    environments: Any = importlib.import_module("stable_baselines3.common.env_util")
    torch.set_num_threads(1)
    budget = 100_000        # frames over which the zoo's learning rate and clip fall to 0
    model = sb3.PPO(
        "MlpPolicy", environments.make_vec_env("CartPole-v1", n_envs=8), n_steps=32, batch_size=256, n_epochs=20,
        gae_lambda=0.8, gamma=0.98, ent_coef=0.0, learning_rate=lambda left: 1e-3 * max(left, 0.0),
        clip_range=lambda left: 0.2 * max(left, 1e-3), device="cpu", seed=0,
    )
    model._total_timesteps, callback = model._setup_learn(budget)
    while True:
        model.collect_rollouts(model.env, callback, model.rollout_buffer, n_rollout_steps=model.n_steps)
        model._update_current_progress_remaining(model.num_timesteps, budget)
        model.train()
        returns = [episode["r"] for episode in model.ep_info_buffer]
        yield float(model.num_timesteps), sum(returns) / max(1, len(returns))
