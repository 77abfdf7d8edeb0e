"""A learner may begin with the weights of another; what does not fit is named and changes nothing."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs import registry
from learners.config import Learning
from learners.learner import Learner
from learners.network_config import Network
from learners.networks import digest
from learners.warm_start import warm_start
from tests.learners.searched import searched_chunks

GAME = registry.make("tic_tac_toe")


def learner(seed: int, game: str = "tic_tac_toe", ema_decay: float = 0.0, **network: Any) -> Learner:
    settings = Learning(network=Network(**{"hidden": (8,), **network}), minibatch_rows=8, ema_decay=ema_decay)
    return Learner(registry.make(game), settings, seed)


@pytest.mark.parametrize("place", ["", "learner", "checkpoints/ckpt_000001_000000002/learner"])
def test_weights_and_nothing_else(tmp_path: Path, place: str) -> None:
    teacher, pupil = learner(1, ema_decay=0.9), learner(2)
    for _ in range(3):
        teacher.update(searched_chunks(GAME, 4, seed=5))
    teacher.save(tmp_path / place)
    found = warm_start(pupil, tmp_path)
    assert digest(pupil.weights()) == digest(teacher.published()) != digest(teacher.weights())
    assert (pupil.version, pupil.seed) == (0, 2)
    assert found["version"] == teacher.version == 3
    assert found["digest"] == digest(pupil.weights())
    assert Path(found["directory"]) == (tmp_path / place).absolute()


def test_the_average_begins_with_them(tmp_path: Path) -> None:
    learner(1).save(tmp_path / "learner")
    pupil = learner(2, ema_decay=0.9)
    warm_start(pupil, tmp_path)
    assert digest(pupil.published()) == digest(learner(1).weights())


def test_settings_that_shape_no_weights_may_differ(tmp_path: Path) -> None:
    learner(1, small_heads=True, blocks=3).save(tmp_path)
    warm_start(pupil := learner(2), tmp_path)
    assert digest(pupil.weights()) == digest(learner(1, small_heads=True).weights())


def test_a_learner_that_is_just_being_replaced_is_found(tmp_path: Path) -> None:
    learner(1).save(tmp_path / "learner")
    (tmp_path / "learner").rename(tmp_path / ".learner.previous")
    for path in (tmp_path, tmp_path / "learner"):
        warm_start(pupil := learner(2), path)
        assert digest(pupil.weights()) == digest(learner(1).weights())


def test_attention_heads_shape_no_weights_and_must_be_equal(tmp_path: Path) -> None:
    cards: dict[str, Any] = {"game": "beasty_bar", "kind": "transformer", "width": 16, "layers": 1}
    learner(1, **cards, attention_heads=4).save(tmp_path)
    with pytest.raises(ValueError, match=r"network\.attention_heads is 4, expected 2"):
        warm_start(learner(2, **cards, attention_heads=2), tmp_path)
    warm_start(learner(2, **cards, attention_heads=4), tmp_path)


@pytest.mark.parametrize(("teacher", "sentence"), [
    ({"hidden": (16,)}, r"does not fit this run: network\.hidden is \[16\], expected \[8\]$"),
    ({"hidden": (8, 8), "value": "wdl"}, r"network\.hidden is \[8, 8\], expected \[8\]; network\.value is 'wdl'"),
    ({"game": "connect_four"}, r"game is 'connect_four', expected 'tic_tac_toe'; .*head_sizes is \[7\], expected"),
])
def test_what_differs_is_named(tmp_path: Path, teacher: dict[str, Any], sentence: str) -> None:
    learner(1, **teacher).save(tmp_path / "learner")
    pupil = learner(2)
    before = digest(pupil.weights())
    with pytest.raises(ValueError, match=sentence) as caught:
        warm_start(pupil, tmp_path)
    assert "\n" not in str(caught.value)
    assert digest(pupil.weights()) == before


def test_other_rules_and_damage_are_named(tmp_path: Path) -> None:
    learner(1).save(tmp_path)
    facts = json.loads((tmp_path / "learner.json").read_text())
    (tmp_path / "learner.json").write_text(json.dumps(facts | {"rules_version": 99}))
    with pytest.raises(ValueError, match="rules_version is 99, expected 1"):
        warm_start(learner(2), tmp_path)
    (tmp_path / "learner.json").write_text(json.dumps(facts | {"format": 0}))
    with pytest.raises(ValueError, match="has format 0, expected 1"):
        warm_start(learner(2), tmp_path)
    with pytest.raises(ValueError, match="there is no such folder"):
        warm_start(learner(2), tmp_path / "none")


def test_cloning_learns_every_head_and_leaves_the_value_alone() -> None:
    """Classes that follow from what is seen are found; the same seed takes the same way."""
    game = registry.make("arena", rules="compat", observation="raw")
    rng = np.random.default_rng(3)
    assert game.observation_scale is not None
    seen = rng.normal(size=(400, 19)).astype(np.float32) / game.observation_scale
    played = np.zeros((400, 7), np.int32)
    played[:, 0] = np.where(seen[:, 0] > 0, 10, 3)
    played[:, 5] = seen[:, 1] > 0
    settings = Learning.model_validate({
        "network": {"hidden": [32]}, "minibatch_rows": 50, "optimiser": {"learning_rate": 0.01},
    })
    learners = [Learner(game, settings, 1), Learner(game, settings, 1)]
    value = {name: array[50:].copy() for name, array in learners[0].weights().items() if name.startswith("head")}
    for one in learners:
        losses = [one.clone(seen, played)["loss_total"] for _ in range(40)]
        assert losses[-1] < 0.05 * losses[0]
        assert one.version == 40
    assert digest(learners[0].weights()) == digest(learners[1].weights())
    for name, array in value.items():
        np.testing.assert_array_equal(learners[0].weights()[name][50:], array)
    logits = learners[0].predict(seen).logits
    assert (logits[:, :11].argmax(axis=1) == played[:, 0]).mean() > 0.97
    assert (logits[:, 46:48].argmax(axis=1) == played[:, 5]).mean() > 0.97


def test_what_cannot_be_cloned_is_named() -> None:
    pupil = learner(1)
    seen, played = np.zeros((3, 2, 3, 3), np.uint8), np.zeros((3, 1), np.int32)
    pairs = ((seen[:, :1], played), (seen, played[:2]), (seen[:0], played[:0]), (seen, played[:, 0]))
    for observation, action in pairs:
        with pytest.raises(ValueError, match=r"expected observations \[N, 2, 3, 3\] and actions \[N, 1\]"):
            pupil.clone(observation, action)
    with pytest.raises(ValueError, match="an action is outside 0 to size - 1"):
        pupil.clone(seen, played + 9)
    assert pupil.version == 0
