"""Models are found in runs, checkpoints and learners' folders, and refused in a sentence where they do not fit."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from envs import registry
from learners import checkpoint
from learners.config import Learning, Optimiser
from learners.learner import Learner
from learners.model import load_model
from learners.network_config import Network
from native.game import Game
from tests.learners.samples import random_chunk

LEARNING = Learning(network=Network(hidden=(8,)))


def make_run(folder: Path, game: Game, learning: Learning = LEARNING, **config: Any) -> Path:
    """A run with two checkpoints, of which the newer was learned from one chunk more."""
    learner = Learner(game, learning, seed=3)
    for window in (1, 2):
        learner.update([random_chunk(game, (8,), window, layout="rows")])
        learner.save(folder / "checkpoints" / f"ckpt_{window:06d}_{window:09d}" / "learner")
    (folder / "config.yaml").write_text(yaml.safe_dump({"game": game.name, **config}))
    return folder


def same(found: Any, expected: Any) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_a_run_is_its_newest_checkpoint(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", registry.make("tic_tac_toe"))
    model = load_model(run)
    newest = run / "checkpoints" / "ckpt_000002_000000002"
    assert (model.directory, model.run, model.facts["version"]) == (newest / "learner", run, 2)
    assert model.network == LEARNING.network
    assert model.game.name == model.config["game"] == "tic_tac_toe"
    same(model.weights, checkpoint.read(newest / "learner").weights)
    for path in (newest, newest / "learner", str(newest)):
        same(load_model(path).weights, model.weights)
    older = load_model(run / "checkpoints" / "ckpt_000001_000000001")
    assert older.facts["version"] == 1
    assert older.run == run


def test_averaged_weights_are_preferred(tmp_path: Path) -> None:
    learning = LEARNING.model_copy(update={"ema_decay": 0.9, "optimiser": Optimiser(learning_rate=0.1)})
    run = make_run(tmp_path / "run", registry.make("tic_tac_toe"), learning)
    saved = checkpoint.read(run / "checkpoints" / "ckpt_000002_000000002" / "learner")
    assert saved.average is not None
    same(load_model(run).weights, saved.average)
    assert any((saved.average[name] != array).any() for name, array in saved.weights.items())


def test_the_game_has_the_options_of_the_run(tmp_path: Path) -> None:
    game = registry.make("razzle", rules="published")
    run = make_run(tmp_path / "run", game, game_options={"rules": "published"})
    assert load_model(run).game.options == game.options
    moved = tmp_path / "alone"
    (run / "checkpoints" / "ckpt_000002_000000002" / "learner").rename(moved)
    model = load_model(moved)
    assert (model.run, model.config, model.game.options) == (None, {}, registry.make("razzle").options)
    assert model.game.options != game.options


@pytest.mark.parametrize(("fact", "value", "sentence"), [
    ("rules_version", 99, "rules_version is 99, expected 1"),
    ("head_sizes", [7], r"head_sizes is \[7\], expected \[9\]"),
    ("game", "chess", "unknown game 'chess'"),
    ("network", {"kind": "mlp", "hiden": [8]}, "has a network that cannot be built: hiden extra inputs"),
    ("network", {"kind": "mlp", "hidden": [9]}, "weights do not fit the network"),
])
def test_what_does_not_fit_is_named(tmp_path: Path, fact: str, value: Any, sentence: str) -> None:
    run = make_run(tmp_path / "run", registry.make("tic_tac_toe"))
    path = run / "checkpoints" / "ckpt_000002_000000002" / "learner" / "learner.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {fact: value}))
    with pytest.raises(ValueError, match=sentence):
        load_model(run)


def test_where_there_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no such folder"):
        load_model(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="expected the folder of a run, a checkpoint, a learner or an export"):
        load_model(tmp_path)
    (tmp_path / "run_metadata.json").write_text("{}")
    with pytest.raises(ValueError, match="this run has no checkpoint yet"):
        load_model(tmp_path)
    (tmp_path / "config.yaml").write_text("game: tic_tac_toe\n")
    with pytest.raises(ValueError, match="this run has no checkpoint yet"):
        load_model(tmp_path)
    (tmp_path / "config.yaml").write_text("game: tic_tac_toe\nmethod: random\n")
    (tmp_path / "checkpoints" / "ckpt_000001_000000001").mkdir(parents=True)
    with pytest.raises(ValueError, match="a run of method random keeps no learner"):
        load_model(tmp_path)
    (tmp_path / "config.yaml").write_text("game: tic_tac_toe\n")
    with pytest.raises(ValueError, match="its checkpoints hold no whole learner"):
        load_model(tmp_path)
    run = make_run(tmp_path / "run", registry.make("tic_tac_toe"))
    (run / "config.yaml").write_text("game: [")
    with pytest.raises(ValueError, match=r"cannot read .*config\.yaml"):
        load_model(run)
    (run / "config.yaml").write_text("game_options: 3\n")
    with pytest.raises(ValueError, match="has game_options 3, expected names and values"):
        load_model(run)
    (run / "config.yaml").unlink()
    weights = run / "checkpoints" / "ckpt_000002_000000002" / "learner" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"none")
    with pytest.raises(ValueError, match="the file was altered"):
        load_model(run)
