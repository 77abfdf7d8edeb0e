"""RLlib's PPO, IMPALA and APPO set up on a game of ours, on a Ray of their own."""
from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import ray
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.algorithms.appo import APPOConfig
from ray.rllib.algorithms.impala import IMPALAConfig
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.tune.registry import register_env

from envs import registry
from envs.adapters.rllib_vector import SeatVector
from league.baseline_config import Baseline, counterparts, opponents
from league.config import RunConfig
from learners.device import choose_device
from learners.networks import Weights
from learners.rllib_module import NETWORK, NetworkModule, module_config

CONFIGS: dict[str, type[AlgorithmConfig]] = {"ppo": PPOConfig, "impala": IMPALAConfig, "appo": APPOConfig}
ENVIRONMENT = "ludus"
ITERATION_S = 1.0       # of IMPALA and APPO, between two looks at what people want
SAMPLER_WAIT_S = 0.02   # so that waiting for samples does not take a core of its own
OBJECT_STORE_BYTES = 512 << 20


@contextmanager
def own_ray(cores: int, temp_dir: str | None) -> Iterator[None]:
    """A local Ray that says nothing on the terminal; uses one that is running in this process already."""
    if ray.is_initialized():
        yield
        return
    # ray.init puts a handler of its own for SIGTERM in the place of ours, which ends the run in order
    handler = signal.getsignal(signal.SIGTERM)
    ray.init(address="local", num_cpus=cores, object_store_memory=OBJECT_STORE_BYTES, include_dashboard=False,
             log_to_driver=False, logging_level=logging.ERROR, _temp_dir=temp_dir)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def algorithm(config: RunConfig, settings: Baseline) -> Iterator[Algorithm]:
    """The algorithm with its processes, which end with it. Raises ValueError for arguments that RLlib refuses."""
    register_env(ENVIRONMENT, _environment)
    built = algorithm_config(config, settings).build_algo()
    try:
        yield built
    finally:
        built.stop()    # type: ignore[no-untyped-call]
        with suppress(OSError):
            os.rmdir(built.logdir)      # made below the home folder, where it would lie empty for ever


def algorithm_config(config: RunConfig, settings: Baseline) -> AlgorithmConfig:
    """RLlib's settings: those that mean what the config's mean, then `settings.training`.

    Raises ValueError for arguments that RLlib refuses, and for an autoregressive network.
    """
    logging.getLogger("ray.rllib").setLevel(logging.ERROR)
    learning = config.learning
    if learning.network.autoregressive:
        raise ValueError("learning.network.autoregressive: RLlib draws all heads of an action at once, expected false")
    on_policy = settings.algorithm == "ppo"
    gpus = int(choose_device(learning.device).type == "cuda")
    made: Any = CONFIGS[settings.algorithm]()      # what `training` takes differs between them
    made.environment(ENVIRONMENT, env_config={
        "game": config.game, "game_options": config.game_options, "bots": opponents(config),
    })
    made.rl_module(rl_module_spec=RLModuleSpec(
        module_class=NetworkModule,
        model_config=module_config(config.game, config.game_options, learning.network, config.seed),
    ))
    made.env_runners(num_env_runners=settings.players, num_envs_per_env_runner=settings.games,
                     gym_env_vectorize_mode="vector_entry_point")
    made.learners(num_learners=0 if on_policy else 1, num_gpus_per_learner=gpus)
    made.training(train_batch_size_per_learner=settings.batch_rows, **counterparts(learning, settings.algorithm))
    if on_policy:
        made.training(minibatch_size=min(512, settings.batch_rows), num_epochs=6)
    else:
        # a state server would be one more process, on few cores slower than sending weights
        made.env_runners(rollout_fragment_length=settings.fragment, use_env_runner_state_server=False)
        made.training(timeout_s_sampler_manager=SAMPLER_WAIT_S)
        made.reporting(min_time_s_per_iteration=ITERATION_S)
    made.fault_tolerance(restart_failed_env_runners=False)      # what fails is said, not hidden
    made.debugging(seed=config.seed, log_level="ERROR")
    try:
        made.training(**settings.training)
        made.validate()
    except TypeError as error:
        raise ValueError(f"baseline.training: {error}") from None
    checked: AlgorithmConfig = made
    return checked


def weights_of(trained: Algorithm) -> Weights:
    """The network's latest weights, by the names they have in ours."""
    group: Any = trained.learner_group
    state = group.get_weights()[DEFAULT_MODULE_ID]
    prefix = f"{NETWORK}."
    return {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}


def _environment(context: dict[str, Any]) -> SeatVector:
    game = registry.make(context["game"], **context["game_options"])
    return SeatVector(game, context["num_envs"], context["bots"])
