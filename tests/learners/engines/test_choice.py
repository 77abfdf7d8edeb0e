"""Which engine is chosen, and what takes its place where its outputs are too far off."""
from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from envs.registry import make
from learners.engines import accuracy, catalogue
from learners.engines.accuracy import Errors, compare
from learners.engines.checked import CheckedEngine
from learners.engines.choice import WORTH_IT, Candidate, _best, choose, lively
from learners.engines.engine import Engine, Evaluation
from learners.engines.positions import played
from learners.engines.torch_engine import TorchEngine
from learners.network_config import Network
from learners.networks import Weights, build_network

GAME = make("tic_tac_toe")
NETWORK = Network(hidden=(16,))
ROWS = played(GAME, 32, seed=1)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def weights(seed: int) -> Weights:
    return lively(build_network(NETWORK, GAME, seed), seed)


class Coarse:
    """Torch with values rounded to `digits` decimals."""

    def __init__(self, name: str, digits: int) -> None:
        self.name = name
        self.digits = digits
        self._exact = TorchEngine(GAME, NETWORK)

    def load(self, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        self._exact.load(weights)

    def evaluate(self, observations: npt.NDArray[Any]) -> Evaluation:
        logits, values = self._exact.evaluate(observations)
        return logits, values.round(self.digits)


def test_errors_by_definition() -> None:
    rng = np.random.default_rng(0)
    logits, other = rng.normal(size=(2, 20, 5)).astype(np.float32)
    values, others = rng.normal(size=(2, 20)).astype(np.float32)
    errors = compare((other, others), (logits, values))
    p, q = (np.exp(x.astype(float)) / np.exp(x.astype(float)).sum(1)[:, None] for x in (logits, other))
    assert errors.policy == pytest.approx(np.abs(p - q).max())
    assert errors.policy_mean == pytest.approx(np.mean([np.maximum(a - b, 0).sum() for a, b in zip(p, q, strict=True)]))
    assert errors.value == pytest.approx(np.abs(values - others).max() / np.abs(values).max())
    assert compare((logits, values / 4 + 0.5), (logits, values / 4)).value == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("place", range(3))
def test_each_error_has_its_bound(place: int) -> None:
    bounds = (accuracy.MAX_VALUE_ERROR, accuracy.MAX_POLICY_ERROR, accuracy.MEAN_POLICY_ERROR)
    assert Errors(*bounds).acceptable
    for worse in (bounds[place] * 1.01, float("nan")):
        errors = list(bounds)
        errors[place] = worse
        assert not Errors(*errors).acceptable


def checked(digits: dict[str, int], told: list[str]) -> CheckedEngine:
    def build(name: str) -> Engine:
        return Coarse(name, digits[name])

    return CheckedEngine("openvino-int8", GAME, NETWORK, build=build, sample=ROWS, on_fallback=told.append)


def test_an_exact_enough_engine_is_kept() -> None:
    told: list[str] = []
    engine = checked({"openvino-int8": 3}, told)
    engine.load(weights(1))
    assert (engine.name, engine.loads, engine.fallbacks, told) == ("openvino-int8", 1, 0, [])
    assert 0 < engine.errors.value <= 0.0005 + 1e-6
    assert "openvino-int8" in engine.report
    exact = TorchEngine(GAME, NETWORK)
    exact.load(weights(1))
    np.testing.assert_array_equal(engine.evaluate(ROWS)[1], exact.evaluate(ROWS)[1].round(3))


def test_an_inexact_engine_is_replaced_for_a_while() -> None:
    told: list[str] = []
    digits = {"openvino-int8": 0, "openvino-bf16": 1, "openvino-fp32": 3}
    engine = checked(digits, told)
    engine.load(weights(1))
    assert engine.name == "openvino-fp32"
    assert (engine.loads, engine.fallbacks, len(told)) == (1, 1, 1)
    assert all(name in told[0] for name in digits)
    still = {name: np.zeros_like(array) for name, array in weights(1).items()}     # every value is 0, without error
    names = []
    for one in (still, weights(1), weights(1), weights(1), still, still):
        engine.load(one)
        names.append(engine.name.removeprefix("openvino-"))
    # one load of rest after the first failure, two after the second, and then it has its chance again
    assert names == ["fp32", "fp32", "fp32", "fp32", "int8", "int8"]
    assert (engine.loads, engine.fallbacks, len(told)) == (7, 2, 2)


def test_torch_is_the_last_resort() -> None:
    engine = checked({"openvino-int8": 0, "openvino-bf16": 0, "openvino-fp32": 0}, [])
    engine.load(weights(1))
    exact = TorchEngine(GAME, NETWORK)
    exact.load(weights(1))
    assert engine.name == "torch"
    np.testing.assert_array_equal(engine.evaluate(ROWS)[0], exact.evaluate(ROWS)[0])


def test_every_chain_of_fallbacks_ends_with_torch() -> None:
    for name in catalogue.FALLBACKS:
        chain = [name]
        while (following := catalogue.FALLBACKS[chain[-1]]) is not None:
            chain.append(following)
            assert len(chain) <= len(catalogue.FALLBACKS)
        assert chain[-1] == "torch"


def test_auto_tries_what_is_here_and_says_why() -> None:
    choice = choose(GAME, NETWORK, batch=16, threads=1, seed=3)
    assert [one.name for one in choice.table] == catalogue.here()
    best = next(one for one in choice.table if one.name == choice.engine.preferred)
    rivals = [one.positions_per_s.get(16, 0) for one in choice.table if one.acceptable]
    assert best.positions_per_s[16] * WORTH_IT >= max(rivals)
    assert set(best.positions_per_s) == {4, 16}
    assert best.name in choice.reason
    assert all(one.name in str(one) for one in choice.table)
    another = choice.make()
    assert another is not choice.engine
    assert another.preferred == best.name


def test_speed_counts_where_it_is_worth_the_errors() -> None:
    def one(name: str, speed: float, error: float) -> Candidate:
        return Candidate(name, {16: speed}, 0.0, Errors(error, 0.0, 0.0), Errors(0.0, 0.0, 0.0))

    inexact = one("a", 9000.0, 2 * accuracy.MAX_VALUE_ERROR)
    coarse, exact = one("b", 1000.0, 0.01), one("c", 900.0, 0.0)
    unmeasured = Candidate("d", {4: 5000.0}, 0.0, Errors(0.0, 0.0, 0.0), Errors(0.0, 0.0, 0.0))
    assert _best([inexact, coarse, exact, unmeasured], 16) is exact
    assert _best([inexact, coarse, one("c", 800.0, 0.0)], 16) is coarse


def test_a_named_engine_is_taken_without_trying() -> None:
    choice = choose(GAME, NETWORK, batch=16, threads=1, engine="torch")
    assert (choice.engine.name, choice.table) == ("torch", [])
    choice.engine.load(weights(1))
    assert choice.engine.errors == Errors(0.0, 0.0, 0.0)


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown engine 'tensorrt', expected auto or .*torch"):
        choose(GAME, NETWORK, batch=16, threads=1, engine="tensorrt")


def test_without_the_libraries_torch_remains(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("openvino", "onnxruntime", "onnx"):
        monkeypatch.setitem(sys.modules, name, None)
    assert [name for name in catalogue.here() if not name.startswith("torch")] == []
    assert choose(GAME, NETWORK, batch=16, threads=1).engine.preferred.startswith("torch")
    with pytest.raises(ValueError, match=r"'openvino-bf16' needs onnx and openvino.*that work here: torch"):
        choose(GAME, NETWORK, batch=16, threads=1, engine="openvino-bf16")


def test_a_broken_library_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.delattr("onnxruntime.InferenceSession")
    monkeypatch.setattr("onnxruntime.SessionOptions", lambda: (_ for _ in ()).throw(ImportError("no such symbol")))
    table = choose(GAME, NETWORK, batch=16, threads=1).table
    broken = next(one for one in table if one.name == "onnxruntime")
    assert (broken.fault, broken.acceptable) == ("no such symbol", False)
