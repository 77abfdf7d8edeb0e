"""What a run needs besides its config is looked for before it begins, and missed in one sentence."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from envs import registry
from league.config import RunConfig, parse_config
from league.fit import check_start
from learners.config import Learning
from learners.dataset import facts_of, write
from learners.dataset_import import import_dataset
from learners.learner import Learner
from learners.network_config import Network
from tests.league.conftest import tiny
from tests.learners.searched import searched_chunks

GAME = registry.make("tic_tac_toe")
OTHER = registry.make("connect_four")


def model(folder: Path, game: str = "tic_tac_toe", hidden: int = 16) -> Path:
    """A learner's folder."""
    path = folder / f"{game}-{hidden}"
    Learner(registry.make(game), Learning(network=Network(hidden=(hidden,))), seed=1).save(path)
    return path


def learning(**more: Any) -> RunConfig:
    return tiny(learning={"network": {"hidden": [16]}, **more})


def near(path: Path) -> RunConfig:
    return learning(reference=path, objective={"kl_reference": 0.1})


def beginning(path: Path) -> RunConfig:
    return learning(initialise_from=path)


@pytest.mark.parametrize("named", [beginning, near])
def test_models_that_are_named_are_there_and_fit(tmp_path: Path, named: Callable[[Path], RunConfig]) -> None:
    check_start(named(model(tmp_path)))
    with pytest.raises(ValueError, match=r"there is no model in .*none: there is no such folder"):
        check_start(named(tmp_path / "none"))
    with pytest.raises(ValueError, match=r"does not fit .*: game is 'connect_four', expected 'tic_tac_toe'"):
        check_start(named(model(tmp_path, "connect_four")))


def test_first_weights_are_of_the_same_network_and_a_reference_need_not_be(tmp_path: Path) -> None:
    other = model(tmp_path, hidden=8)
    check_start(near(other))
    with pytest.raises(ValueError, match=r"initialise_from: .* does not fit this run: network.hidden is \[8\]"):
        check_start(beginning(other))


def test_a_resumed_run_needs_no_first_weights(tmp_path: Path) -> None:
    config, checkpoint = beginning(tmp_path / "gone"), tmp_path / "ckpt_1"
    Learner(GAME, config.learning, seed=1).save(checkpoint / "learner")
    check_start(config, config.model_dump(mode="json"), checkpoint)
    with pytest.raises(ValueError, match="there is no model in"):
        check_start(config, config.model_dump(mode="json"))     # it has no checkpoint and begins anew


@pytest.mark.parametrize(("method", "changes", "sentence"), [
    ("actor_critic", {"game": "connect_four"}, "game is connect_four, but the run to be resumed has tic_tac_toe"),
    ("actor_critic", {"method": "alphazero"}, "method is alphazero, but the run to be resumed has actor_critic"),
    ("actor_critic", {"learning": {"network": {"hidden": [8]}}}, r"network\.hidden is \[16\], expected \[8\]"),
    ("alphazero", {"learning": {"network": {"hidden": [16]}, "ema_decay": 0.9}}, "it has no averaged weights"),
])
def test_what_a_run_is_does_not_change_when_it_is_resumed(
    tmp_path: Path, method: str, changes: dict[str, Any], sentence: str
) -> None:
    before = tiny(method=method)
    Learner(GAME, before.learning, seed=1).save(tmp_path / "learner")
    begun = before.model_dump(mode="json")
    check_start(tiny(method=method, seed=8, budget={"updates": 50}), begun, tmp_path)
    with pytest.raises(ValueError, match=sentence):
        check_start(tiny(**{"method": method, **changes}), begun, tmp_path)


def test_options_are_compared_by_what_they_mean() -> None:
    def playing(**options: Any) -> RunConfig:
        return tiny(game="prospector", game_options=options, league={"bots": {}}, evaluation={"opponents": []})

    begun = playing().model_dump(mode="json")
    check_start(playing(rules="compat"), begun)     # which are the usual ones
    with pytest.raises(ValueError, match=r"game_options is .*balanced.*, but the run to be resumed has .*compat"):
        check_start(playing(rules="balanced"), begun)


def test_a_checkpoint_without_its_learner_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no learner checkpoint in .*: it has no learner\.json"):
        check_start(tiny(), tiny().model_dump(mode="json"), tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there() -> None:
    config = tiny(deterministic=False, learning={"device": "cuda"})
    with pytest.raises(ValueError, match=r"device 'cuda' was asked for, but torch .* finds only cpu"):
        check_start(config)
    check_start(config.model_copy(update={"method": "random"}))     # which learns nothing


def compared(dataset: Path | None, **variant: Any) -> RunConfig:
    return tiny(method="compare", comparison={"variants": {"a": {}, "b": variant}, "dataset": dataset})


def distilled(dataset: Path) -> RunConfig:
    return tiny(method="distill", distill={"first_dataset": dataset})


def test_variants_have_their_own_models(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no model in"):
        check_start(compared(None, initialise_from=str(tmp_path / "none")))


@pytest.mark.parametrize("settings", [compared, distilled])
def test_datasets_are_of_the_game_and_know_outcomes(tmp_path: Path, settings: Callable[[Path], RunConfig]) -> None:
    fine, other, silent = (tmp_path / f"{name}.parquet" for name in ("fine", "other", "silent"))
    write(fine, searched_chunks(GAME, 4, seed=5), facts_of(GAME, {}))
    write(other, searched_chunks(OTHER, 4, seed=5), facts_of(OTHER, {}))
    (tmp_path / "d.jsonl").write_text('{"moves": [], "action": 4}\n')
    import_dataset(tmp_path / "d.jsonl", silent, GAME)
    check_start(settings(fine))
    with pytest.raises(ValueError, match="is of connect_four rules 1, expected tic_tac_toe rules 1"):
        check_start(settings(other))
    with pytest.raises(ValueError, match=r"silent\.parquet knows no outcomes"):
        check_start(settings(silent))


def test_a_dataset_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no dataset .*none\.parquet"):
        check_start(compared(tmp_path / "none.parquet"))


@pytest.mark.parametrize(("training", "sentence"), [
    ({"num_epoch": 10}, r"baseline\.training: .* unexpected keyword argument 'num_epoch'"),
    ({"minibatch_size": 100_000}, r"`minibatch_size` \(100000\) must be <= `train_batch_size_per_learner`"),
])
def test_arguments_that_rllib_refuses(training: dict[str, Any], sentence: str) -> None:
    tree = {"game": "tic_tac_toe", "method": "baseline", "learning": {"network": {"hidden": [16]}}}
    check_start(parse_config(tree, "test"))
    with pytest.raises(ValueError, match=sentence) as caught:
        check_start(parse_config(tree | {"baseline": {"training": training}}, "test"))
    assert "\n" not in str(caught.value)
