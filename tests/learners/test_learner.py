"""The learner: what an update does to weights and metrics, which chunks it refuses, exact continuation."""
from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from envs.registry import make
from learners import checkpoint
from learners.batch import Staging
from learners.chunk import Chunk
from learners.config import Learning, Optimiser
from learners.learner import Learner
from learners.network_config import Network
from learners.networks import digest
from learners.objective_config import Objective, Ppo, Term, Value
from learners.schedule import Schedule
from tests.learners.samples import random_chunk, tic_tac_toe

GAME = tic_tac_toe()
CONFIG = Learning(network=Network(hidden=(32, 16)), optimiser=Optimiser(learning_rate=1e-2), device="cpu")


def learner(seed: int = 1, config: Learning = CONFIG) -> Learner:
    return Learner(GAME, config, seed)


def chunks(seed: int, version: int = 0) -> list[Chunk]:
    """Two chunks of different width."""
    return [random_chunk(GAME, (6, 4), 2 * seed, version=version),
            random_chunk(GAME, (6, 3), 2 * seed + 1, version=version + 1)]


def exploding_chunk() -> Chunk:
    """Finite rewards whose squared error is not."""
    return random_chunk(GAME, (6, 4), 0, {"reward": np.full((6, 4), 3e38, np.float32)})


def test_metrics() -> None:
    ours = learner()
    for _ in range(3):
        ours.update(chunks(0))
    metrics = ours.update(chunks(1, version=1))
    given = chunks(1, version=1)
    valid = [int(chunk.columns["valid"][:-1].sum()) for chunk in given]
    assert metrics["rows"] == sum(valid)
    assert metrics["data_lag_mean"] == pytest.approx(3 - (1 * valid[0] + 2 * valid[1]) / sum(valid))
    assert ours.version == 4
    assert metrics["updates_skipped"] == 0
    assert 0 < metrics["entropy"] < np.log(9)
    assert all(type(value) is float and np.isfinite(value) for value in metrics.values())
    assert {"loss_total", "loss_policy", "loss_value", "kl_behaviour", "rho_mean", "rho_clip_share", "value_mean",
            "value_std", "explained_variance", "grad_norm_before", "grad_norm_after"} < metrics.keys()


def test_the_gradient_norm_is_clipped() -> None:
    free = learner(config=CONFIG.model_copy(update={"optimiser": Optimiser(max_grad_norm=1e6)})).update(chunks(0))
    assert free["grad_norm_after"] == pytest.approx(free["grad_norm_before"])
    unbounded = learner(config=CONFIG.model_copy(update={"optimiser": Optimiser(max_grad_norm=float("inf"))}))
    figures = unbounded.update(chunks(0))
    assert figures["grad_norm_after"] == figures["grad_norm_before"] == free["grad_norm_before"]
    assert all(np.isfinite(array).all() for array in unbounded.weights().values())
    tight = learner(config=CONFIG.model_copy(update={"optimiser": Optimiser(max_grad_norm=0.01)})).update(chunks(0))
    assert tight["grad_norm_before"] == pytest.approx(free["grad_norm_before"])
    assert free["grad_norm_before"] > 0.01
    assert tight["grad_norm_after"] == pytest.approx(0.01, rel=1e-3)


def test_chunks_joined_or_apart_are_the_same_update() -> None:
    one, two = learner(), learner()
    wide = random_chunk(GAME, (6, 8), 5)
    halves = [random_chunk(GAME, (6, 4), i, {name: column[:, 4 * i:4 * i + 4] for name, column in wide.columns.items()})
              for i in range(2)]
    assert one.update([wide]) == two.update(halves)
    assert digest(one.weights()) == digest(two.weights())


def test_schedules_follow_the_progress_of_the_run() -> None:
    def after(progress: float, rate: float | Schedule = 1e-2, entropy: float | Schedule = 0.01) -> str:
        ours = learner(config=CONFIG.model_copy(update={
            "optimiser": Optimiser(learning_rate=rate), "objective": Objective(entropy=Term(weight=entropy))}))
        ours.update(chunks(0), progress)
        return digest(ours.weights())

    assert after(0.0) == after(0.7)
    assert after(0.5, rate=Schedule(linear=(1e-2, 5e-2))) == after(0.0, rate=3e-2) != after(0.0)
    assert after(0.5, entropy=Schedule(step={0: 0.0, 0.5: 0.5})) == after(0.0, entropy=0.5) != after(0.0)
    still = learner(config=CONFIG.model_copy(update={"optimiser": Optimiser(learning_rate=Schedule(linear=(1e-2, 0)))}))
    before = digest(still.weights())
    still.update(chunks(0), 1.0)
    assert digest(still.weights()) == before


def test_epochs_of_minibatches() -> None:
    """Each gradient step is one of Adam; the same seed draws the same minibatches."""
    several = CONFIG.model_copy(update={
        "epochs": 3, "minibatch_rows": 10, "objective": Objective(ppo=Ppo(), value=Value(clip=0.2))})
    one, two = learner(config=several), learner(config=several)
    figures = one.update(chunks(0))
    assert figures == two.update(chunks(0))
    assert digest(one.weights()) == digest(two.weights())
    assert figures["gradient_steps"] == 3 * round(5 * 7 / 10)
    assert one.version == 1
    assert figures["ppo_kl"] > figures["kl_behaviour"] * 0.5
    assert {"loss_ppo", "ppo_clip_share"} < figures.keys()


def test_shares_of_the_gradient_are_measured_now_and_then() -> None:
    config = CONFIG.model_copy(update={"gradient_shares_every": 2, "epochs": 2})
    ours, never = learner(config=config), learner(config=config.model_copy(update={"gradient_shares_every": 0}))
    for number in range(3):
        figures = ours.update(chunks(number))
        plain = never.update(chunks(number))
        shares = {name: value for name, value in figures.items() if name.startswith("gradient_share_")}
        assert plain == {name: value for name, value in figures.items() if name not in shares}
        assert shares.keys() == ({f"gradient_share_{name}" for name in ("vtrace", "value", "entropy")}
                                 if number % 2 == 0 else set())
        assert number % 2 or sum(shares.values()) == pytest.approx(1)


def test_the_reference_is_another_network_that_stays_as_it_is(tmp_path: Path) -> None:
    teacher = learner(seed=5, config=CONFIG.model_copy(update={"network": Network(hidden=(8,))}))
    for number in range(20):
        teacher.update(chunks(number))
    teacher.save(tmp_path / "teacher")
    near = CONFIG.model_copy(update={
        "reference": tmp_path / "teacher", "objective": Objective(kl_reference=Term(weight=10.0))})
    ours, free = learner(config=near), learner()
    apart = [ours.update(chunks(number % 3))["loss_kl_reference"] for number in range(60)]
    for number in range(60):
        free.update(chunks(number % 3))
    assert apart[-1] < 0.2 * apart[0]
    observations = chunks(0)[0].columns["observation"][0]
    at_teacher, at_ours, at_free = (one.predict(observations).logits for one in (teacher, ours, free))
    assert np.abs(at_ours - at_teacher).mean() < np.abs(at_free - at_teacher).mean()
    for half in ({"objective": {"kl_reference": 0.0}}, {"reference": tmp_path / "teacher"}):
        with pytest.raises(ValidationError, match=r"kl_reference .* and learning\.reference need each other"):
            Learning.model_validate(half)
    other = Learner(make("connect_four"), CONFIG, seed=0)
    other.save(tmp_path / "other")
    with pytest.raises(ValueError, match=r"learning\.reference: .* does not fit tic_tac_toe: game is 'connect_four'"):
        learner(config=near.model_copy(update={"reference": tmp_path / "other"}))


def test_a_step_that_is_not_finite_is_left_out_and_counted() -> None:
    ours, undisturbed = learner(), learner()
    for one in (ours, undisturbed):
        one.update(chunks(0))
    before = digest(ours.weights())
    metrics = ours.update([exploding_chunk()])
    assert not np.isfinite(metrics["loss_total"])
    assert metrics["updates_skipped"] == ours.updates_skipped == 1
    assert (ours.version, digest(ours.weights())) == (1, before)
    ours.update(chunks(1))
    undisturbed.update(chunks(1))
    assert digest(ours.weights()) == digest(undisturbed.weights())      # nothing of it stayed in the optimiser


def test_invalid_rows_and_the_other_columns_of_the_last_row_do_not_matter() -> None:
    one, two = learner(), learner()
    plain = random_chunk(GAME, (6, 4), 3)
    columns = {name: column.copy() for name, column in plain.columns.items()}
    unused = columns["valid"] == 0
    unused[-1] = True
    columns["reward"][unused] = 77
    columns["log_prob"][unused] = -5
    columns["version"][unused] = 99
    columns["action"][unused] = 4
    columns["valid"][-1] = 0
    columns["discount"][-1] = 0
    assert one.update([plain]) == two.update([random_chunk(GAME, (6, 4), 3, columns)])
    assert digest(one.weights()) == digest(two.weights())


def test_refused_chunks() -> None:
    ours = learner()
    with pytest.raises(ValueError, match="at least one chunk"):
        ours.update([])
    with pytest.raises(ValueError, match=r"same T \+ 1 rows, got \[5, 6\]"):
        ours.update([random_chunk(GAME, (6, 4), 0), random_chunk(GAME, (5, 4), 1)])
    with pytest.raises(ValueError, match="layout 'rows', learning from unrolls needs 'unroll'"):
        Staging(GAME, ours.device).collate([random_chunk(GAME, (6,), 0, layout="rows")])
    with pytest.raises(ValueError, match="'chunk-0' has split 'held_out', an update needs 'train'"):
        ours.update([random_chunk(GAME, (6, 4), 1), random_chunk(GAME, (6, 4), 0, split="held_out")])
    chunk = random_chunk(GAME, (6, 4), 0)
    with pytest.raises(ValueError, match="header says rows"):
        ours.update([Chunk(chunk.header, {name: column[:, :2] for name, column in chunk.columns.items()})])
    spoilt = random_chunk(GAME, (6, 4), 1)
    spoilt.columns["reward"][2, 3] = np.nan
    with pytest.raises(ValueError, match="chunk 'chunk-1' column 'reward' has a value outside: finite numbers"):
        ours.update([chunk, spoilt, random_chunk(GAME, (6, 4), 2)])
    assert ours.version == 0


@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize("network", [Network(hidden=(32, 16)), Network(kind="residual", channels=8, blocks=2)])
def test_a_restored_learner_goes_on_bit_by_bit(tmp_path: Path, network: Network, before: int) -> None:
    config = CONFIG.model_copy(update={"network": network})
    ours = learner(config=config)
    for i in range(before):
        ours.update(chunks(i))
    ours.update([exploding_chunk()])
    ours.save(tmp_path / "ckpt_1")
    twin = learner(seed=9, config=config)
    twin.update(chunks(7))
    twin.restore(tmp_path / "ckpt_1")
    assert (twin.version, twin.updates_skipped, twin.seed) == (before, 1, 1)
    for i in range(before, before + 4):
        assert ours.update(chunks(i)) == twin.update(chunks(i))
        assert digest(ours.weights()) == digest(twin.weights())
    ours.save(tmp_path / "one")
    twin.save(tmp_path / "two")
    for name in ("model.safetensors", "optimiser.safetensors", "learner.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_what_does_not_fit_is_named_and_changes_nothing(tmp_path: Path) -> None:
    learner().save(tmp_path / "ckpt")
    other = learner(config=CONFIG.model_copy(update={"network": Network(hidden=(64, 16))}))
    before = digest(other.weights())
    with pytest.raises(ValueError, match=r"network.hidden is \[32, 16\], expected \[64, 16\]"):
        other.restore(tmp_path / "ckpt")
    path = tmp_path / "ckpt" / "learner.json"
    facts = json.loads(path.read_text())
    path.write_text(json.dumps(facts | {"game": "razzle", "rules_version": 2, "version": "x"}))
    with pytest.raises(ValueError, match=r"game is 'razzle', expected 'tic_tac_toe'; rules_version is 2, expected 1; "
                                         r"version is 'x', expected an int"):
        learner().restore(tmp_path / "ckpt")
    assert digest(other.weights()) == before
    with pytest.raises(FileNotFoundError, match="no learner checkpoint in"):
        other.restore(tmp_path / "nothing")


@pytest.mark.parametrize("name", ["model.safetensors", "optimiser.safetensors", "learner.json"])
def test_damage_is_noticed(tmp_path: Path, name: str) -> None:
    ours = learner()
    ours.update(chunks(0))
    ours.save(tmp_path / "ckpt")
    path = tmp_path / "ckpt" / name
    data = path.read_bytes()
    damages = [data[:-40], b"", b"[]"]
    if name != "learner.json":
        damages.append(data[:-1] + bytes([data[-1] ^ 1]))
    for damage in damages:
        path.write_bytes(damage)
        with pytest.raises(ValueError, match=r"damaged|altered"):
            ours.restore(tmp_path / "ckpt")
    path.unlink()
    with pytest.raises((ValueError, FileNotFoundError)):
        ours.restore(tmp_path / "ckpt")


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    learner().save(tmp_path / "ckpt")
    path = tmp_path / "ckpt" / "learner.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(ValueError, match="has format 2, expected 1"):
        checkpoint.read(tmp_path / "ckpt")


def test_a_writer_killed_at_any_call_leaves_a_readable_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dies at the n-th file-system call of `save`, for every n; what is found is the old or the new one, never half."""
    ours = learner(config=CONFIG.model_copy(update={"ema_decay": 0.9}))
    calls = 0

    def found(folder: Path) -> tuple[str, str]:
        saved = checkpoint.read(folder)
        return digest(saved.weights), digest(saved.published)

    def counted(patch: pytest.MonkeyPatch, name: str, deadly: int) -> None:
        original = getattr(os, name)

        def call(*args: object, **named: object) -> object:
            nonlocal calls
            calls += 1
            if calls == deadly:
                raise KeyboardInterrupt
            return original(*args, **named)

        patch.setattr(os, name, call)

    deadly = 0
    finished = False
    while not finished:
        deadly += 1
        folder = tmp_path / str(deadly) / "ckpt"
        ours.save(folder)
        old = digest(ours.weights()), digest(ours.published())
        ours.update(chunks(deadly))
        new = digest(ours.weights()), digest(ours.published())
        calls = 0
        with monkeypatch.context() as patch:
            for name in ("fsync", "rename", "open", "mkdir", "unlink", "rmdir"):
                counted(patch, name, deadly)
            try:
                ours.save(folder)
                finished = calls < deadly
            except KeyboardInterrupt:
                pass
        assert found(folder) in (old, new)
        ours.save(folder)       # and the next writer is not in its way
        assert found(folder) == new
        assert sorted(path.name for path in folder.parent.iterdir()) == ["ckpt"]
    assert deadly > 8


def test_weights_are_copies() -> None:
    ours = learner()
    weights = ours.weights()
    ours.update(chunks(0))
    assert digest(weights) != digest(ours.weights())
    ours.load_weights(weights)
    assert digest(weights) == digest(ours.weights())


def test_a_misspelt_key_is_named() -> None:
    with pytest.raises(ValidationError, match="learning_rat"):
        Optimiser.model_validate({"learning_rat": 1})


def test_threads_are_set() -> None:
    learner()
    assert torch.get_num_threads() == 1
