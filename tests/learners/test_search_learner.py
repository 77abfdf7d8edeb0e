"""The learner on searched decisions: minibatches, averaged weights, prediction, exact continuation, and that it learns.

What order and symmetries do is checked in `row_checks.py`.
"""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from envs.registry import make
from learners import checkpoint
from learners.chunk import Chunk
from learners.config import Learning, Optimiser
from learners.learner import Learner
from learners.network_config import Network
from learners.networks import build_network, digest, write_weights
from learners.objective_config import Distillation, Outcome, SearchObjective, Term
from learners.output import Output
from learners.rows import RowStaging
from learners.schedule import Schedule
from learners.search_objective import search_terms
from tests.learners.row_checks import played_chunk, position, random_lines
from tests.learners.samples import random_chunk, random_rows, tic_tac_toe

GAME = tic_tac_toe()
FULL = Network(hidden=(32, 16), value="wdl", difficulty=True)
CONFIG = Learning(network=FULL, optimiser=Optimiser(learning_rate=1e-2), minibatch_rows=16, ema_decay=0.9, device="cpu")
PLAIN = CONFIG.model_copy(update={"network": Network(hidden=(32, 16)), "ema_decay": 0.0})
RESIDUAL = Network(kind="residual", channels=8, blocks=2, value="wdl", difficulty=True, small_heads=True)


def learner(config: Learning = CONFIG, seed: int = 1) -> Learner:
    return Learner(GAME, config, seed)


def chunks(seed: int, version: int = 0) -> list[Chunk]:
    """47 rows in two chunks, of unequal K."""
    wide = random_rows(GAME, 27, 2 * seed + 1, version + 1, targets=6)
    return [random_chunk(GAME, (20,), 2 * seed, layout="rows", version=version),
            random_chunk(GAME, (27,), 2 * seed + 1, wide, layout="rows")]


def test_the_reference_is_kept_near(tmp_path: Path) -> None:
    teacher = learner(PLAIN, seed=5)
    teacher.save(tmp_path / "teacher")
    near = SearchObjective.model_validate({"distillation": 0.0, "value": 0.0, "kl_reference": 1.0})
    ours = learner(Learning.model_validate(PLAIN.model_dump() | {
        "reference": tmp_path / "teacher", "search_objective": near}))
    apart = [ours.update(chunks(number % 3))["loss_kl_reference"] for number in range(60)]
    assert apart[-1] < 0.1 * apart[0]
    with pytest.raises(ValueError, match=r"search_objective\.kl_reference needs a reference network, got none"):
        learner(PLAIN.model_copy(update={"search_objective": near})).update(chunks(0))


def test_metrics_and_counters() -> None:
    ours = learner()
    for seed in range(3):
        ours.update(chunks(seed))
    metrics = ours.update(chunks(3, version=1))
    assert (ours.version, ours.updates_skipped) == (4, 0)
    assert metrics["rows"] == 47
    assert metrics["gradient_steps"] == 3       # 16, 16 and 15
    assert metrics["data_lag_mean"] == pytest.approx(3 - (1 * 20 + 2 * 27) / 47)
    assert all(type(value) is float and np.isfinite(value) for value in metrics.values())
    assert {"loss_total", "loss_policy", "loss_value", "loss_value_wdl", "loss_value_quartic", "loss_difficulty",
            "loss_illegal_penalty", "policy_entropy", "value_mean", "value_std", "grad_norm_before",
            "grad_norm_after", "updates_skipped"} < metrics.keys()
    assert not {"loss_value_wdl", "loss_difficulty"} & learner(PLAIN).update(chunks(0)).keys()


def test_metrics_are_means_over_the_minibatches() -> None:
    """With learning rate 0 every minibatch sees the same weights, so the sums over the rows tell the means."""
    still = Optimiser(learning_rate=Schedule(linear=(0.01, 0.0)))
    ours = learner(PLAIN.model_copy(update={"minibatch_rows": 10, "symmetries": False, "optimiser": still}))
    rows = random_rows(GAME, 40, 5)
    found = ours.update([random_chunk(GAME, (40,), 5, rows, layout="rows")], progress=1.0)
    assert found["gradient_steps"] == 4
    said = ours.predict(rows["observation"])
    error = said.value.astype(np.float64) - rows["outcome"]
    assert found["loss_value"] == pytest.approx((error**2).mean(), rel=1e-5)
    assert found["loss_value_quartic"] == pytest.approx((error**4).mean(), rel=1e-5)
    assert found["value_mean"] == pytest.approx(said.value.mean(), rel=1e-4)


def test_seed_and_version_decide_the_order_and_nothing_else_does() -> None:
    one, two, other, later = learner(), learner(), learner(), learner()
    other.seed, later.version = 2, 5        # with the same first weights
    for ours in (one, two, other, later):
        ours.update(chunks(0))
    assert digest(one.weights()) == digest(two.weights())
    assert len({digest(ours.weights()) for ours in (one, other, later)}) == 3
    for seed in range(1, 3):
        assert one.update(chunks(seed)) == two.update(chunks(seed))
    assert digest(one.weights()) == digest(two.weights())
    assert digest(one.published()) == digest(two.published())


def test_chunks_joined_or_apart_are_the_same_update() -> None:
    one, two = learner(), learner()
    whole = random_rows(GAME, 40, 5)
    halves = [random_chunk(GAME, (20,), i, {name: column[20 * i:20 * i + 20] for name, column in whole.items()},
                           layout="rows") for i in range(2)]
    assert one.update([random_chunk(GAME, (40,), 5, whole, layout="rows")]) == two.update(halves)
    assert digest(one.weights()) == digest(two.weights())


def test_what_the_loss_does_not_read_does_not_matter() -> None:
    one, two = learner(), learner()
    columns = random_rows(GAME, 40, 5)
    other = {name: column.copy() for name, column in columns.items()}
    other["episode"] += 7
    other["ply"] += 1
    other["root_value"] *= -1       # its share is 0
    for ours, given in ((one, columns), (two, other)):
        ours.update([random_chunk(GAME, (40,), 5, given, layout="rows")])
    assert digest(one.weights()) == digest(two.weights())


def test_a_minibatch_that_is_not_finite_is_left_out_and_counted() -> None:
    ours = learner(PLAIN)
    rows = random_rows(GAME, 48, 5)
    rows["outcome"][7] = 3e38
    metrics = ours.update([random_chunk(GAME, (48,), 5, rows, layout="rows")])
    assert (metrics["gradient_steps"], metrics["updates_skipped"]) == (2, 1)
    assert (ours.version, ours.updates_skipped) == (1, 1)
    assert np.isfinite(metrics["loss_total"])
    assert all(np.isfinite(array).all() for array in ours.weights().values())

    averaged = learner(PLAIN.model_copy(update={"ema_decay": 0.9}))
    before = digest(averaged.weights()), digest(averaged.published())
    rows["outcome"][:] = 3e38
    metrics = averaged.update([random_chunk(GAME, (48,), 5, rows, layout="rows")])
    assert (metrics["gradient_steps"], metrics["updates_skipped"]) == (0, 3)
    assert (averaged.version, averaged.updates_skipped) == (0, 3)
    assert not np.isfinite(metrics["loss_total"])
    assert (digest(averaged.weights()), digest(averaged.published())) == before


def test_refused_chunks() -> None:
    ours = learner()
    rows, unroll = chunks(0)[0], random_chunk(GAME, (6, 4), 3)
    with pytest.raises(ValueError, match="one update must have the same layout, got rows and unroll"):
        ours.update([rows, unroll])
    held_out = random_chunk(GAME, (20,), 7, layout="rows", split="held_out")
    with pytest.raises(ValueError, match="chunk 'chunk-7' has split 'held_out', an update needs 'train'"):
        ours.update([rows, held_out])
    thirds = random_rows(GAME, 20, 8)
    thirds["outcome"][3] = 0.25
    with pytest.raises(ValueError, match=r"chunk 'chunk-8' has an outcome of 0\.25, network value 'wdl' needs 1, 0 or"):
        ours.update([random_chunk(GAME, (20,), 8, thirds, layout="rows")])
    learner(PLAIN).update([random_chunk(GAME, (20,), 8, thirds, layout="rows")])
    staging = RowStaging(GAME, ours.device, symmetries=True, wdl=False)
    with pytest.raises(ValueError, match="layout 'unroll', learning from a search needs 'rows'"):
        staging.stage([unroll])
    with pytest.raises(ValueError, match="at least one chunk"):
        staging.stage([])
    arena = RowStaging(make("arena"), ours.device, symmetries=True, wdl=False)
    with pytest.raises(ValueError, match="needs a game of one action head, arena has 7"):
        arena.stage([rows])
    assert ours.version == 0


def test_a_share_of_the_searchs_value_and_win_draw_loss_exclude_each_other() -> None:
    mixed = SearchObjective(value=Outcome(root_value_share=0.5))
    with pytest.raises(ValidationError, match=r"value.root_value_share 0.5 needs network.value 'scalar'"):
        Learning(network=Network(value="wdl"), search_objective=mixed)
    Learning(search_objective=mixed)


def test_the_average_of_the_weights() -> None:
    """Published weights are the average written out over the weights after every gradient step."""
    ours = learner(CONFIG.model_copy(update={"minibatch_rows": 47}))
    history = [ours.weights()]
    assert digest(ours.published()) == digest(ours.weights())
    for seed in range(12):
        ours.update(chunks(seed))
        history.append(ours.weights())
    average = {name: array.astype(np.float64) for name, array in history[0].items()}
    for n, weights in enumerate(history[1:], start=1):
        decay = min(0.9, (1 + n) / (10 + n))
        average = {name: decay * array + (1 - decay) * weights[name] for name, array in average.items()}
    published = ours.published()
    assert published.keys() == ours.weights().keys()
    for name, array in published.items():
        np.testing.assert_allclose(array, average[name], rtol=1e-5, atol=1e-6)
    assert digest(published) != digest(ours.weights())
    off = learner(CONFIG.model_copy(update={"ema_decay": 0.0}))
    off.update(chunks(0))
    assert digest(off.published()) == digest(off.weights())
    many = learner()
    many.update(chunks(0))
    assert digest(many.published()) not in (digest(many.weights()), digest(learner().weights()))

    ours.load_weights(history[3])
    assert digest(ours.published()) == digest(history[3])


@pytest.mark.parametrize("config", [CONFIG, PLAIN, CONFIG.model_copy(update={"network": RESIDUAL})])
def test_prediction_is_the_published_networks(config: Learning) -> None:
    ours = learner(config)
    for seed in range(3):
        ours.update(chunks(seed))
    observations = random_rows(GAME, 1500, 3)["observation"]
    observations.flags.writeable = False
    said = ours.predict(observations)
    network = build_network(config.network, GAME, seed=5)
    write_weights(network, ours.published())
    with torch.inference_mode():
        expected: Output = network(torch.tensor(observations))
    np.testing.assert_allclose(said.logits, expected.logits, atol=1e-5)
    np.testing.assert_allclose(said.value, expected.value, atol=1e-5)
    if expected.wdl is None or expected.difficulty is None:
        assert said.wdl_probs is None
        assert said.difficulty is None
    else:
        assert said.wdl_probs is not None
        assert said.difficulty is not None
        np.testing.assert_allclose(said.wdl_probs.sum(1), 1, atol=1e-6)
        np.testing.assert_allclose(said.wdl_probs[:, 0] - said.wdl_probs[:, 2], said.value, atol=1e-5)
        np.testing.assert_allclose(said.difficulty, 1 / (1 + np.exp(-expected.difficulty.numpy())), atol=1e-5)
    assert said.value.dtype == said.logits.dtype == np.float32
    with pytest.raises(ValueError, match="at least one observation"):
        ours.predict(observations[:0])


@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize("network", [FULL, RESIDUAL])
def test_a_restored_learner_goes_on_bit_by_bit(tmp_path: Path, network: Network, before: int) -> None:
    config = CONFIG.model_copy(update={"network": network})
    ours = learner(config)
    for seed in range(before):
        ours.update(chunks(seed))
    ours.save(tmp_path / "ckpt")
    saved = checkpoint.read(tmp_path / "ckpt")
    assert digest(saved.published) == digest(ours.published())
    twin = learner(config, seed=9)
    twin.update(chunks(7))
    twin.restore(tmp_path / "ckpt")
    assert digest(twin.published()) == digest(ours.published())
    for seed in range(before, before + 3):
        assert ours.update(chunks(seed)) == twin.update(chunks(seed))
        assert digest(ours.weights()) == digest(twin.weights())
    ours.save(tmp_path / "one")
    twin.save(tmp_path / "two")
    for name in ("model.safetensors", "average.safetensors", "optimiser.safetensors", "learner.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_checkpoints_with_and_without_an_average(tmp_path: Path) -> None:
    without = learner(CONFIG.model_copy(update={"ema_decay": 0.0}))
    without.update(chunks(0))
    without.save(tmp_path / "without")
    assert not (tmp_path / "without" / "average.safetensors").exists()
    assert digest(checkpoint.read(tmp_path / "without").published) == digest(without.weights())
    wanting = learner()
    before = digest(wanting.weights()), digest(wanting.published())
    with pytest.raises(ValueError, match=r"it has no averaged weights, expected them for ema_decay 0\.9"):
        wanting.restore(tmp_path / "without")
    assert (digest(wanting.weights()), digest(wanting.published())) == before

    ours = learner()
    ours.update(chunks(0))
    ours.save(tmp_path / "with")
    without.restore(tmp_path / "with")      # takes the latest weights and leaves the average
    assert digest(without.weights()) == digest(ours.weights())
    path = tmp_path / "with" / "average.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"average\.safetensors has digest"):
        ours.restore(tmp_path / "with")


def test_a_checkpoint_from_before_a_setting_existed_has_its_default(tmp_path: Path) -> None:
    ours = learner(PLAIN)
    ours.update(chunks(0))
    ours.save(tmp_path / "ckpt")
    path = tmp_path / "ckpt" / "learner.json"
    facts = json.loads(path.read_text())
    facts["network"] = {name: facts["network"][name] for name in ("kind", "hidden", "channels", "blocks")}
    path.write_text(json.dumps(facts))
    twin = learner(PLAIN, seed=9)
    twin.restore(tmp_path / "ckpt")
    assert digest(twin.weights()) == digest(ours.weights())
    with pytest.raises(ValueError, match=r"network\.value is 'scalar', expected 'wdl'"):
        learner().restore(tmp_path / "ckpt")


def test_a_network_with_all_heads_learns_from_unrolls_too(tmp_path: Path) -> None:
    """Its difficulty has no loss there, so the residual network's head has no gradient and no optimiser state."""
    config = CONFIG.model_copy(update={"network": RESIDUAL})
    ours, twin = learner(config), learner(config, seed=9)
    first = ours.weights()
    unrolls = [random_chunk(GAME, (6, 4), seed) for seed in range(2)]
    ours.update(unrolls)
    for name, array in ours.weights().items():
        if name.startswith("difficulty"):
            np.testing.assert_array_equal(array, first[name])
    ours.save(tmp_path / "ckpt")
    twin.restore(tmp_path / "ckpt")
    for given in (unrolls, chunks(1)):
        assert ours.update(given) == twin.update(given)
        assert digest(ours.weights()) == digest(twin.weights())
        assert digest(ours.published()) == digest(twin.published())


@pytest.mark.parametrize("extras", [{}, {"value": "wdl", "difficulty": True}])
@pytest.mark.parametrize("kind", ["mlp", "residual"])
def test_loss_and_minibatches_never_wait_for_the_device(kind: str, extras: dict[str, Any]) -> None:
    """On torch's meta device tensors have no values, so reading one would raise."""
    config = Network.model_validate({"kind": kind, "channels": 4, "blocks": 1, **extras})
    device = torch.device("meta")
    staging = RowStaging(GAME, device, symmetries=True, wdl=config.value == "wdl")
    network = build_network(config, GAME, 0).to(device)
    for batch in staging.minibatches(staging.stage(chunks(0)), 16, np.random.default_rng(0)):
        terms = search_terms(network(batch.observation), batch, SearchObjective(illegal=Term()))
        assert terms.loss.device.type == "meta"
        assert all(metric.shape == () for metric in terms.metrics.values())


@pytest.mark.parametrize("network", [Network(hidden=(64,), value="wdl", difficulty=True),
                                     Network(kind="residual", channels=8, blocks=1, difficulty=True)])
def test_it_learns_what_is_the_same_in_every_symmetry(network: Network) -> None:
    """Targets prefer the centre to corners and corners to edges; who has more corners and the centre wins."""
    lines = random_lines(GAME, 96, seed=1)
    rows = {name: column.copy() for name, column in played_chunk(GAME, lines, 1, targets=9).columns.items()}
    worth = np.array([3, 1, 3, 1, 9, 1, 3, 1, 3], np.float32)
    for row, line in enumerate(lines):
        legal = position(GAME, line).legal_actions()
        rows["target_action"][row], rows["target_prob"][row] = 0, 0
        rows["target_action"][row, :len(legal)] = legal
        rows["target_prob"][row, :len(legal)] = worth[legal] / worth[legal].sum()
        mine, yours = (plane.ravel() @ (worth > 1) for plane in rows["observation"][row].astype(np.float32))
        rows["outcome"][row] = np.sign(mine - yours)
        rows["surprise"][row] = 0.1 if mine > yours else 1.9
    prob = rows["target_prob"]
    floor = -(prob * np.log(np.where(prob > 0, prob, 1))).sum(1).mean()
    ours = learner(CONFIG.model_copy(update={
        "network": network, "minibatch_rows": 32, "optimiser": Optimiser(learning_rate=5e-3), "ema_decay": 0.95,
        "search_objective": SearchObjective(distillation=Distillation(softmax="all"), illegal=Term()),
    }))
    chunk = random_chunk(GAME, (96,), 1, rows, layout="rows")
    first = ours.update([chunk])
    for _ in range(80):
        last = ours.update([chunk])
    assert first["loss_policy"] - floor > 0.5
    assert last["loss_policy"] - floor < 0.05
    assert first["loss_illegal_penalty"] > 0.2 > 0.02 > last["loss_illegal_penalty"]
    assert first["loss_value"] > 0.4 > 0.1 > last["loss_value"]
    hard = np.minimum(1, rows["surprise"] / 2)
    least = -(hard * np.log(hard) + (1 - hard) * np.log(1 - hard)).mean()
    assert first["loss_difficulty"] - least > 0.4
    assert last["loss_difficulty"] - least < 0.1
    said = ours.predict(rows["observation"])        # with the averaged weights
    assert (np.sign(np.round(said.value)) == rows["outcome"]).mean() > 0.95
    assert said.difficulty is not None
    assert abs(said.difficulty - hard).mean() < 0.1
