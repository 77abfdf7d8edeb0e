"""An exported model holds what its learner would play with, and a graph that says the same, or says why it has none."""
from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from envs import registry
from learners import export
from learners.config import Learning, Optimiser
from learners.engines.choice import lively
from learners.engines.positions import played
from learners.export import FACTS, FOLDER, GRAPH, WEIGHTS, Exporter
from learners.learner import Learner
from learners.model import load_model
from learners.network_config import Network
from learners.networks import Weights, build_network, write_weights
from native.game import Game
from tests.learners.samples import random_chunk

RESIDUAL = Network(kind="residual", channels=8, blocks=2, policy_planes=4, value_planes=2, value_width=8)
CASES: dict[str, tuple[str, Network]] = {
    "mlp": ("connect_four", Network(hidden=(24, 16))),
    "residual, wdl, difficulty": ("connect_four", RESIDUAL.model_copy(update={"value": "wdl", "difficulty": True})),
    "scaled": ("razzle", RESIDUAL),
    "transformer": ("beasty_bar", Network(kind="transformer", width=16, attention_heads=2, layers=2, species_width=8)),
    "fractions": ("prospector", Network(hidden=(16,))),
    "several heads": ("arena", Network(hidden=(16,))),
}
SMALL = Network(hidden=(8,))


def model(case: str) -> tuple[Game, Network, Weights]:
    torch.set_num_threads(1)
    rules, network = CASES[case]
    game = registry.make(rules)
    return game, network, lively(build_network(network, game, 1), seed=2)


def written(folder: Path, game: str = "tic_tac_toe", **options: Any) -> tuple[Weights, dict[str, Any]]:
    """Weights of a small network, exported into `folder`, and what the exporter said of it."""
    made = registry.make(game, **options)
    weights = lively(build_network(SMALL, made, 1), seed=2)
    return weights, Exporter(made, SMALL).write(folder, weights, version=5)


def same(found: Weights, expected: Weights) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("case", CASES)
def test_an_export_is_the_model(tmp_path: Path, case: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    game, network, weights = model(case)
    facts = Exporter(game, network).write(tmp_path / "out", weights, version=5)
    assert json.loads((tmp_path / "out" / FACTS).read_text()) == facts
    assert {path.name for path in (tmp_path / "out").iterdir()} == {FACTS, WEIGHTS, GRAPH}
    assert facts["bytes"] == {name: (tmp_path / "out" / name).stat().st_size for name in (WEIGHTS, GRAPH)}
    assert facts["parameters"] == sum(array.size for array in weights.values())
    assert facts["graph"]["checked"].startswith("ONNX Runtime ")

    loaded = load_model(tmp_path / "out")
    same(loaded.weights, weights)
    assert (loaded.network, loaded.game.name, loaded.facts["version"], loaded.run) == (network, game.name, 5, None)

    if game.simultaneous:
        seen = np.random.default_rng(0).normal(size=(32, *game.observation_shape)).astype(game.observation_dtype)
    else:
        seen = played(game, 32, seed=3)
    module = build_network(network, game, seed=0)
    write_weights(module, weights)
    with torch.inference_mode():
        exact = module(torch.from_numpy(seen))
    session = onnxruntime.InferenceSession(tmp_path / "out" / GRAPH, providers=["CPUExecutionProvider"])
    logits, value = session.run(["logits", "value"], {"observation": seen})
    np.testing.assert_allclose(logits, exact.logits.numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(value, exact.value.numpy(), rtol=1e-4, atol=1e-4)
    assert exact.value.std() > 0    # else nothing could go wrong


def test_the_averaged_weights_are_exported(tmp_path: Path) -> None:
    game = registry.make("tic_tac_toe")
    learner = Learner(game, Learning(network=SMALL, ema_decay=0.9, optimiser=Optimiser(learning_rate=0.1)), seed=3)
    learner.update([random_chunk(game, (8,), 1, layout="rows")])
    Exporter(game, SMALL).write(tmp_path / "out", learner.published(), learner.version)
    same(load_model(tmp_path / "out").weights, learner.published())
    assert any((load_model(tmp_path / "out").weights[name] != array).any() for name, array in learner.weights().items())


def test_one_exporter_writes_what_weights_have_become(tmp_path: Path) -> None:
    game, network, weights = model("mlp")
    exporter = Exporter(game, network)
    exporter.write(tmp_path / "out", weights, version=1)
    first = (tmp_path / "out" / GRAPH).read_bytes()
    later = {name: array + 1 for name, array in weights.items()}
    assert exporter.write(tmp_path / "out", later, version=2)["graph"].keys() == {"checked"}
    assert (tmp_path / "out" / GRAPH).read_bytes() != first
    same(load_model(tmp_path / "out").weights, later)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    with pytest.raises(ValueError, match=r"weights do not fit the network: no head\.bias"):
        exporter.write(tmp_path / "out", {name: array for name, array in later.items() if name != "head.bias"}, 3)
    same(load_model(tmp_path / "out").weights, later)


def test_a_graph_that_says_something_else_is_left_out(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    game, network, weights = model("mlp")
    weights["head.bias"][0] = np.nan
    facts = Exporter(game, network).write(tmp_path / "out", weights, version=1)
    assert "differs from torch by nan" in facts["graph"]["absent"]
    assert not (tmp_path / "out" / GRAPH).exists()
    same(load_model(tmp_path / "out").weights, weights)


def test_an_autoregressive_policy_has_no_graph(tmp_path: Path) -> None:
    game, network = registry.make("arena"), Network(hidden=(8,), autoregressive=True, autoregressive_width=8)
    weights = lively(build_network(network, game, 1), seed=2)
    facts = Exporter(game, network).write(tmp_path / "out", weights, version=1)
    assert "autoregressive" in facts["graph"]["absent"]
    same(load_model(tmp_path / "out").weights, weights)


@pytest.mark.parametrize(("absent", "told"), [
    ("onnxruntime", "checked onnx 1"), ("onnx", "absent package onnx is not installed: pip install 'ludus[inference]'"),
])
def test_without_libraries_for_graphs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, absent: str, told: str) -> None:
    pytest.importorskip("onnx")
    monkeypatch.setitem(sys.modules, absent, None)
    _, facts = written(tmp_path / "out")
    assert " ".join(*facts["graph"].items()).startswith(told)
    assert (tmp_path / "out" / GRAPH).exists() == (absent == "onnxruntime")


def test_the_game_has_the_options_of_the_export(tmp_path: Path) -> None:
    _, facts = written(tmp_path / "out", "razzle", rules="published")
    assert load_model(tmp_path / "out").game.options == facts["game_options"]
    assert facts["game_options"] != registry.make("razzle").options


def test_a_checkpoint_may_keep_the_export_only(tmp_path: Path) -> None:
    game = registry.make("tic_tac_toe")
    checkpoint = tmp_path / "ckpt_000001_000000001"
    Learner(game, Learning(network=SMALL), seed=1).save(checkpoint / "learner")
    weights, _ = written(export.exported_beside(checkpoint / "learner"))
    assert load_model(checkpoint).directory == checkpoint / "learner"
    shutil.rmtree(checkpoint / "learner")
    assert load_model(checkpoint).directory == export.exported_beside(checkpoint / FOLDER) == checkpoint / FOLDER
    same(load_model(checkpoint).weights, weights)


def test_a_writer_that_dies_leaves_one_of_the_two(tmp_path: Path) -> None:
    weights, _ = written(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / ".out.previous")     # as it is between the two renamings
    same(export.read(tmp_path / "out")[0], weights)
    shutil.copytree(tmp_path / ".out.previous", tmp_path / ".out.partial")
    written(tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(("fact", "value", "sentence"), [
    ("format", 99, "has format 99, expected 1"),
    ("rules_version", 99, "rules_version is 99, expected 1"),
    ("game", "chess", "unknown game 'chess'"),
    ("network", {"hidden": [9]}, "weights do not fit the network"),
    ("model_digest", "0" * 64, "has digest .*the file was altered"),
])
def test_what_does_not_fit_is_named(tmp_path: Path, fact: str, value: Any, sentence: str) -> None:
    written(tmp_path / "out")
    path = tmp_path / "out" / FACTS
    path.write_text(json.dumps(json.loads(path.read_text()) | {fact: value}))
    with pytest.raises(ValueError, match=sentence):
        load_model(tmp_path / "out")


def test_what_is_damaged_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no exported model in .*: it has no model\.json"):
        export.read(tmp_path)
    written(tmp_path / "out")
    (tmp_path / "out" / WEIGHTS).unlink()
    with pytest.raises(ValueError, match=r"is damaged: FileNotFoundError"):
        load_model(tmp_path / "out")
    (tmp_path / "out" / FACTS).write_text("{")
    with pytest.raises(ValueError, match="is damaged: JSONDecodeError"):
        load_model(tmp_path / "out")
