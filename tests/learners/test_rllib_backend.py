"""RLlib's LearnerGroup with our learner in it makes the weights that our learner makes alone."""
from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray

from learners.config import Learning
from learners.learner import Learner
from learners.model import load_model
from learners.networks import digest
from learners.rllib_backend import RllibLearner
from learners.rllib_learner import NetworkLearner, learner_config
from tests.learners.conforming import CASES, SEED, TOLERANCE, UPDATES, chunks_for, difference
from tests.learners.samples import random_chunk, tic_tac_toe

GAME = tic_tac_toe()
pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def two() -> Iterator[RllibLearner]:
    """Two processes, which take long to start: tests make them anew with what they need."""
    folder = tempfile.mkdtemp(prefix="ludus-")      # short: Ray's sockets have no long names
    ray.init(address="local", num_cpus=2, object_store_memory=128 << 20, include_dashboard=False, log_to_driver=False,
             logging_level=logging.ERROR, _temp_dir=folder)
    made = RllibLearner(GAME, CASES["vtrace"], SEED, learners=2)
    yield made
    made.close()
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


def anew(backend: RllibLearner, config: Learning) -> RllibLearner:
    """The same processes as just made with another config."""
    Learner.__init__(backend, GAME, config, SEED)
    backend._every(_anew, settings=learner_config(GAME, config, SEED))
    return backend


def _anew(rank: NetworkLearner, settings: dict[str, Any]) -> None:
    rank.learner = rank._make_learner(**settings)


def conforms(backend: RllibLearner, case: str) -> Learner:
    """Both learn the same; returns the learner that did so alone."""
    alone = Learner(GAME, CASES[case], SEED)
    assert digest(alone.weights()) == digest(backend.weights())
    for update in range(UPDATES):
        chunks = chunks_for(GAME, case, alone, update)
        figures, ours = alone.update(chunks, update / UPDATES), backend.update(chunks, update / UPDATES)
        assert ours.keys() == figures.keys()
        for name in ("rows", "gradient_steps", "data_lag_mean", "updates_skipped", "learning_rate"):
            assert ours[name] == figures[name], name
        for name in ("loss_total", "grad_norm_before"):
            assert ours[name] == pytest.approx(figures[name], rel=1e-4, abs=1e-6), name
        if not case.startswith("rows"):     # of small minibatches, whose parts ranks cannot have equally, nearly
            for name in ("loss_policy", "loss_value", "value_mean"):
                assert ours[name] == pytest.approx(figures[name], rel=1e-3, abs=1e-5), name
    assert difference(alone.weights(), backend.weights()) < TOLERANCE
    assert difference(alone.published(), backend.published()) < TOLERANCE
    assert backend.version == alone.version == UPDATES
    return alone


@pytest.mark.parametrize("case", CASES)
def test_one_learner_in_this_process(case: str) -> None:
    backend = RllibLearner(GAME, CASES[case], SEED, learners=0)
    conforms(backend, case)
    backend.close()


@pytest.mark.parametrize("case", CASES)
def test_two_learners(two: RllibLearner, case: str) -> None:
    alone = conforms(anew(two, CASES[case]), case)
    assert len(set(two._every(_digest))) == 1
    seen = random_chunk(GAME, (9,), 1, layout="rows").columns["observation"]
    np.testing.assert_allclose(two.predict(seen).value, alone.predict(seen).value, atol=1e-5)


def _digest(rank: NetworkLearner) -> str:
    return digest(rank.learner.weights()) + digest(rank.get_state()["rl_module"]["default_policy"])


def test_checkpoints_are_ours_and_continue(two: RllibLearner, tmp_path: Path) -> None:
    config = CASES["vtrace per head and upgo, averaged"]
    chunks = [chunks_for(GAME, "vtrace", Learner(GAME, config, SEED), number) for number in range(4)]
    anew(two, config)
    for batch in chunks[:2]:
        two.update(batch)
    two.save(tmp_path / "saved")
    alone = Learner(GAME, config, 0)
    alone.restore(tmp_path / "saved")
    assert (alone.version, alone.seed) == (2, SEED)
    assert digest(alone.published()) == digest(two.published()) != digest(two.weights())
    assert load_model(tmp_path / "saved").facts["version"] == 2
    expected = [two.update(batch)["loss_total"] for batch in chunks[2:]]
    after = digest(two.weights())

    anew(two, config).restore(tmp_path / "saved")
    assert two.version == 2
    assert [two.update(batch)["loss_total"] for batch in chunks[2:]] == expected
    assert digest(two.weights()) == after
    for batch in chunks[2:]:
        alone.update(batch)
    assert difference(alone.weights(), two.weights()) < TOLERANCE

    with pytest.raises(ValueError, match="does not fit this learner: network"):
        anew(two, CASES["rows"]).restore(tmp_path / "saved")


def test_weights_can_be_replaced_and_actions_cloned(two: RllibLearner) -> None:
    anew(two, CASES["vtrace"])
    other = Learner(GAME, CASES["vtrace"], SEED + 1)
    two.load_weights(other.weights())
    assert digest(two.weights()) == digest(other.weights())
    rows = random_chunk(GAME, (20,), 1, layout="rows").columns
    figures = two.clone(rows["observation"], rows["action"])
    assert digest(other.weights()) != digest(two.weights())
    other.seed = SEED       # which draws the minibatches
    assert figures["loss_policy"] == pytest.approx(other.clone(rows["observation"], rows["action"])["loss_policy"])
    assert difference(two.weights(), other.weights()) < TOLERANCE
    assert two.version == 1


def test_what_does_not_fit_never_reaches_a_rank(two: RllibLearner) -> None:
    anew(two, CASES["vtrace"])
    before = two.weights()
    wrong = random_chunk(GAME, (6, 4), 0)
    wrong.columns["discount"][:] = 2
    for chunks, sentence in (
        ([], "at least one chunk"),
        ([wrong], "'discount' has a value outside: 0 to 1"),
        ([random_chunk(GAME, (6, 4), 0, split="held_out")], "needs 'train'"),
        ([random_chunk(GAME, (6, 4), 0), random_chunk(GAME, (5, 4), 0)], "the same T \\+ 1 rows"),
        ([random_chunk(GAME, (6, 4), 0), random_chunk(GAME, (5,), 0, layout="rows")], "the same layout"),
    ):
        with pytest.raises(ValueError, match=sentence):
            two.update(chunks)
    with pytest.raises(ValueError, match=r"learning\.minibatch_rows is 3, expected at least 4 for 2 learners"):
        RllibLearner(GAME, CASES["rows"].model_copy(update={"minibatch_rows": 3}), SEED, learners=2)
    exploding = random_chunk(GAME, (6, 4), 0, {"reward": np.full((6, 4), 3e38, np.float32)})
    assert two.update([exploding])["updates_skipped"] == two.updates_skipped == 1
    assert digest(two.weights()) == digest(before)
    two.update([random_chunk(GAME, (6, 4), 0)])
    assert two.version == 1
