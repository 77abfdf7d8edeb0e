"""The config of a run: one closed, frozen tree, read in one place."""
from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from actors.config import Replay, Rollout, SelfPlay
from envs import registry
from league.baseline_config import Baseline
from league.comparison_config import Comparison
from league.config_fault import fault
from league.distill_config import Distill
from league.fit import check_fit
from league.imitation_config import Imitation
from league.replay_index import check_milestones
from league.sections import Budget, Cluster, Evaluation, League, Tracking, Windows
from league.tracking import check_tracking
from learners.config import Learning
from learners.network_config import OF_PRESETS
from learners.objective_config import OBJECTIVES, long_form, long_terms
from learners.schedule import changes, is_schedule
from learners.section import Section
from native.game import Game

STORE_SHARE = 0.6               # of Ray's object store that the replay may fill
PLAYED = ("actor_critic", "alphazero")
"""Methods that learn from what workers play meanwhile."""
GRADIENTS = ("actor_critic", "baseline")
"""Methods that follow policy gradients."""
MAX_MAC_STORE_BYTES = 2 << 30   # Ray refuses more on macOS


class ConfigError(ValueError):
    """What is wrong with a config, in one sentence."""


class RunConfig(Section):
    """Everything that a run depends on."""

    method: Literal["actor_critic", "alphazero", "distill", "imitate", "compare", "random", "baseline"] = Field(
        default="actor_critic", description="actor_critic: from own play (section rollout); alphazero: from what a "
        "search makes of it (self_play, learning.search_objective); distill: the same in large steps, by datasets "
        "(distill); imitate: from recorded decisions (imitation); compare: several ways to learn from one dataset "
        "(comparison); random: random play, nothing learned; baseline: RLlib's own algorithms, a yardstick (baseline)"
    )
    game: str = Field(description="a name that `ludus games` lists")
    game_options: dict[str, Any] = Field(default_factory=dict, description="options of the game")
    seed: int = Field(default=0, ge=0, lt=1 << 31, description="fixes networks, games and draws")
    backend: Literal["ray", "local"] = Field(default="ray", description="local: one process, no Ray")
    deterministic: bool = Field(default=False, description="one process, fixed order: the same seed, the same weights")
    batch_chunks: int = Field(default=2, ge=1, description="chunks of one update")
    publish_every: int = Field(default=1, ge=1, description="updates between two publications of the weights")
    budget: Budget = Budget(minutes=30)
    learning: Learning = Learning()
    rollout: Rollout = Rollout()
    self_play: SelfPlay = SelfPlay()
    replay: Replay = Replay()
    league: League = League()
    evaluation: Evaluation = Evaluation()
    windows: Windows = Windows()
    cluster: Cluster = Cluster()
    tracking: Tracking = Tracking()
    distill: Distill = Distill()
    imitation: Imitation = Imitation()
    comparison: Comparison = Comparison()
    baseline: Baseline = Baseline()

    @model_validator(mode="after")
    def _consistent(self) -> RunConfig:
        if self.deterministic and self.backend != "local":
            raise ValueError("deterministic needs backend: local (one process)")
        exact = {
            "publish_every": (self.publish_every, 1),
            "learning.device": (self.learning.device, "auto", "cpu"),
            "self_play.engine": (self.self_play.engine, "auto", "torch"),
        }
        for name, (value, *allowed) in exact.items():
            if self.deterministic and value not in allowed:
                raise ValueError(f"deterministic needs {name}: {allowed[-1]}, got {value}")
        if self.deterministic and self.budget.minutes is not None:
            raise ValueError("deterministic runs end by updates or env_steps: the clock is not deterministic")
        if self.method in GRADIENTS and self.learning.ema_decay:
            raise ValueError("learning.ema_decay needs method alphazero, distill or imitate: V-trace learns about the "
                             "weights that act, which averaged ones are not")
        if self.method not in GRADIENTS and changes(self.rollout.temperature):
            raise ValueError("a schedule of rollout.temperature needs method actor_critic; for searches there is "
                             "self_play.temperature_late")
        if self.method in GRADIENTS and self.learning.network.value == "wdl":
            raise ValueError("learning.network.value wdl needs a method whose targets are outcomes, such as alphazero")
        unused = "search_objective" if self.method in GRADIENTS else "objective"
        if self.learning.reference is not None and getattr(self.learning, unused).kl_reference is not None:
            raise ValueError(f"learning.{unused}.kl_reference has no effect with method {self.method}, which learns "
                             f"from learning.{({*OBJECTIVES} - {unused}).pop()}")
        if self.method == "baseline" and self.learning.initialise_from is not None:
            raise ValueError("learning.initialise_from needs another method than baseline: RLlib begins with weights "
                             "drawn from the seed")
        if self.method == "random" and self.budget.minutes is None and self.budget.env_steps is None:
            raise ValueError("method random makes no updates: expected budget.env_steps or budget.minutes")
        if self.learning.backend == "rllib" and (self.method not in PLAYED or self.deterministic):
            raise ValueError(f"learning.backend rllib needs a method that plays ({', '.join(PLAYED)}) and is not "
                             "deterministic")
        if self.learning.learners and self.backend != "ray":
            raise ValueError(f"learning.learners {self.learning.learners} are processes of Ray: they need backend ray")
        if self.replay.table == "queue" and self.replay.capacity < 2 * self.batch_chunks:
            raise ValueError(
                f"replay.capacity is {self.replay.capacity}, expected at least twice batch_chunks "
                f"({2 * self.batch_chunks})"
            )
        room = int(self.object_store_bytes() * STORE_SHARE)
        if self.backend == "ray" and self.replay.max_bytes > room:
            raise ValueError(
                f"replay.max_bytes is {self.replay.max_bytes}, expected at most {room}: {STORE_SHARE:.0%} of an object "
                f"store of {self.object_store_bytes()} bytes (cluster.object_store_mb)"
            )
        return self

    @property
    def workers(self) -> int:
        """Processes that play."""
        return self.self_play.actors if self.method == "alphazero" else self.rollout.actors

    def self_play_settings(self) -> SelfPlay:
        """`self_play`; if the run must repeat exactly, with the engine that does, and with nothing remembered."""
        exact = {"engine": "torch", "cache": 0}
        return self.self_play.model_copy(update=exact) if self.deterministic else self.self_play

    def learner_settings(self) -> Learning:
        """`learning`, on the CPU if the run must repeat exactly."""
        exact = {"device": "cpu", "compile": False}
        return self.learning.model_copy(update=exact) if self.deterministic else self.learning

    def object_store_bytes(self) -> int:
        """Size of Ray's object store: what `cluster.object_store_mb` says, or enough for the replay."""
        asked = self.cluster.object_store_mb
        size = asked << 20 if asked is not None else max(256 << 20, int(self.replay.max_bytes / STORE_SHARE) + 1)
        return min(size, MAX_MAC_STORE_BYTES) if os.uname().sysname == "Darwin" else size

    def make_game(self) -> Game:
        """The game with its options. Raises ValueError as `envs.registry.make` does."""
        return registry.make(self.game, **self.game_options)


def load_config(path: str | Path, overrides: Sequence[str] = (), profile: str | None = None) -> RunConfig:
    """Reads a YAML file, then its profile, then `key.path=value` overrides, and checks the whole once.

    A profile is a mapping below `profiles:` in the file, or the file `profiles/<profile>.yaml` beside it.
    Raises ConfigError with one sentence.
    """
    path = Path(path)
    tree = _long(_read(path))
    profiles = tree.pop("profiles", None) or {}
    if profile is not None:
        beside = path.parent / "profiles" / f"{profile}.yaml"
        if profile not in profiles and not beside.is_file():
            known = sorted({*profiles, *(file.stem for file in beside.parent.glob("*.yaml"))})
            raise ConfigError(f"{path} has no profile {profile!r}; it has {', '.join(known) or 'none'}")
        changed = profiles[profile] if profile in profiles else _read(beside)
        if not isinstance(changed, dict):
            raise ConfigError(f"{path}: profile {profile!r} is {changed!r}, expected keys and values")
        if "preset" in _network(changed):
            _forget_size(tree)
        _merge(tree, _long(changed))
    return parse_config(tree, str(path), overrides)


def parse_config(tree: Mapping[str, Any], source: str, overrides: Sequence[str] = ()) -> RunConfig:
    """The config of a mapping, with the game, its options and its scripted players looked up as well."""
    changed = _long(copy.deepcopy(dict(tree)))
    for override in overrides:
        _override(changed, override)
    try:
        config = RunConfig.model_validate(changed)
    except ValidationError as error:
        raise ConfigError(f"{source}: {fault(error, RunConfig)}") from None
    try:
        game = config.make_game()
        check_fit(config, game)
        check_milestones(config.evaluation.milestones, game)
        check_tracking(config.tracking)
        for bot in (*config.league.bots, *config.evaluation.opponents):
            if bot != "random":
                game.bot_index(bot)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{source}: {error}") from None
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(tree, dict):
        raise ConfigError(f"{path} holds {type(tree).__name__}, expected keys and values")
    return tree


def _long(tree: dict[str, Any]) -> dict[str, Any]:
    """The same settings with `learning` in a form that changes can be merged into."""
    learning = tree.get("learning")
    return tree | {"learning": long_terms(learning)} if isinstance(learning, dict) else tree


def _network(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Section `learning.network` as it was written, empty without one."""
    learning = tree.get("learning")
    network = learning.get("network") if isinstance(learning, dict) else None
    return network if isinstance(network, dict) else {}


def _forget_size(tree: Mapping[str, Any]) -> None:
    """Takes the settings away that a preset, chosen later, stands for."""
    network = _network(tree)
    for name in OF_PRESETS:
        network.pop(name, None)


def _merge(tree: dict[str, Any], other: Mapping[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, Mapping) and isinstance(tree.get(key), dict) and not is_schedule(value):
            _merge(tree[key], value)
        else:
            tree[key] = value


def _override(tree: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError(f"override {override!r} is not of the form key.path=value")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"the value of override {override!r} is not YAML") from None
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = float(value)    # YAML 1.1 reads 1e-3 as text
    if key == "learning.network.preset":
        _forget_size(tree)
    *parents, last = key.split(".")
    if parents[:1] == ["learning"] and parents[1:2] and parents[1] in OBJECTIVES:   # its terms, the weight named or not
        if len(parents) == 2 and isinstance(long := long_form(value), dict) and long is not value:
            parents, last = [*parents, last], "weight"
        elif len(parents) == 3 and is_schedule({last: value}):
            last, value = "weight", {last: value}
    for parent in parents:
        if tree.get(parent) is None:
            tree[parent] = {}
        below = tree[parent]
        if not isinstance(below, dict):
            raise ConfigError(f"override {override!r}: {parent!r} is a value, not a section")
        tree = below
    if is_schedule({last: value}) and is_schedule(tree):
        tree.clear()        # it is of one kind
    tree[last] = value


def dump_config(config: RunConfig) -> str:
    """The whole config as YAML; `load_config` reads it back to an equal one."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
