"""Networks: shapes, determinism, first policy and value, weights in and out; and the choice of a device."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from envs.registry import make
from learners.device import choose_device
from learners.mlp import Mlp
from learners.network_config import Network
from learners.networks import Weights, build_network, digest, read_weights, write_weights
from learners.value_heads import Heads
from tests.learners.samples import tic_tac_toe

GAME = tic_tac_toe()
CONFIGS = {
    "mlp": Network(hidden=(32, 16)),
    "residual": Network(kind="residual", channels=8, blocks=3),
}
EXTRAS = {"value": "wdl", "difficulty": True}
FULL = {kind: config.model_copy(update=EXTRAS) for kind, config in CONFIGS.items()}


def observations(rows: int, dtype: torch.dtype = torch.uint8) -> torch.Tensor:
    return torch.randint(0, 2, (rows, 2, 3, 3), generator=torch.Generator().manual_seed(1)).to(dtype)


@pytest.mark.parametrize("kind", CONFIGS)
def test_outputs(kind: str) -> None:
    network = build_network(CONFIGS[kind], GAME, seed=1)
    logits, value, wdl, difficulty = network(observations(64))
    assert wdl is None
    assert difficulty is None
    assert (logits.shape, value.shape) == ((64, 9), (64,))
    assert logits.dtype == value.dtype == torch.float32
    assert logits.abs().max() < 0.3         # the first policy is nearly uniform
    assert value.std() > 0.05               # the value is not small
    assert value.abs().max() < 1
    for dtype in (torch.int8, torch.int16, torch.float32):
        assert torch.equal(network(observations(64, dtype)).logits, logits)


@pytest.mark.parametrize("kind", FULL)
def test_win_draw_loss_and_difficulty(kind: str) -> None:
    network = build_network(FULL[kind], GAME, seed=1)
    logits, value, wdl, difficulty = network(observations(64))
    assert [tuple(x.shape) for x in (logits, value, wdl, difficulty)] == [(64, 9), (64,), (64, 3), (64,)]
    odds = np.exp(wdl.detach().numpy().astype(np.float64))
    np.testing.assert_allclose(value.detach(), (odds[:, 0] - odds[:, 2]) / odds.sum(1), atol=1e-6)
    assert logits.abs().max() < 0.3
    assert value.std() > 0.05
    assert difficulty.std() > 0.05
    columns = torch.stack([*wdl.unbind(1), difficulty]).detach().numpy()
    assert abs(np.corrcoef(columns) - np.eye(4)).max() < 0.999      # four outputs of their own


@pytest.mark.parametrize("kind", FULL)
def test_the_policy_and_what_is_off_do_not_depend_on_the_extras(kind: str) -> None:
    plain, full = build_network(CONFIGS[kind], GAME, seed=1), build_network(FULL[kind], GAME, seed=1)
    extra = sum(p.numel() for p in full.parameters()) - sum(p.numel() for p in plain.parameters())
    if kind == "mlp":
        assert extra == 3 * (16 + 1)
    else:
        head = (8 * 8 + 8) + (8 * 9 * 128 + 128) + (128 + 1)
        assert extra == 2 * (128 + 1) + head
        assert torch.equal(plain(observations(8)).logits, full(observations(8)).logits)


@pytest.mark.parametrize("kind", FULL)
@pytest.mark.parametrize("value", ["scalar", "wdl"])
def test_small_heads(kind: str, value: str) -> None:
    extras = {"hidden": (512,), "value": value, "difficulty": True, "small_heads": True, "value_width": 512}
    network = build_network(CONFIGS[kind].model_copy(update=extras), GAME, seed=1)
    weights = read_weights(network)
    if kind == "mlp":
        lasts = [weights["head.weight"][9:]]
        assert np.linalg.norm(weights["head.weight"][0]) == pytest.approx(0.01, abs=1e-6)   # the policy's stay
    else:
        lasts = [weights["value.last.weight"], weights["difficulty.last.weight"]]
    assert sum(len(last) for last in lasts) == (4 if value == "wdl" else 2)
    for last in lasts:
        assert last.std() == pytest.approx(0.01, rel=0.15)
        assert abs(last.mean()) < 0.002
    assert not any(weights[name].any() for name in weights if name.endswith("bias"))
    assert network(observations(64)).value.abs().max() < 0.2


def test_win_draw_and_loss_need_a_game_of_two_sides() -> None:
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "prospector": ({}, "has 1 and is not zero-sum"), "beasty_bar": ({"players": 4}, "has 4 and is zero-sum"),
    }
    for name, (options, said) in cases.items():
        with pytest.raises(ValueError, match=f"network value 'wdl' needs a zero-sum game of 2 seats, {name} {said}"):
            build_network(Network(value="wdl"), make(name, **options), seed=1)


def test_the_plans_sizes_for_razzle() -> None:
    """A tower of 128 x 10 with the planes of Razzle's plan has the plan's 3 324 987 parameters but for two things.

    The plan's network normalises batches (two numbers per plane, no biases), and it sees 7 planes, not 10.
    """
    game = make("razzle")
    config = Network(kind="residual", channels=128, blocks=10, difficulty=True, policy_planes=2, value_planes=1,
                     value_width=64)
    network = build_network(config, game, seed=1)
    planes = 21 * 128 + 2 + 1 + 1
    in_place_of_normalisation = planes + 10     # a bias per plane, a scale per block
    unseen = 3 * 128 * 9
    assert game.observation_shape == (10, 8, 7)
    assert sum(p.numel() for p in network.parameters()) - in_place_of_normalisation - unseen + 2 * planes == 3_324_987


@pytest.mark.parametrize("kind", FULL)
def test_a_row_does_not_depend_on_its_neighbours(kind: str) -> None:
    network = build_network(FULL[kind], GAME, seed=1)
    together, alone = network(observations(64)), network(observations(64)[:3])
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one[:3], other, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", CONFIGS)
def test_the_seed_decides_and_the_global_generator_is_left_alone(kind: str) -> None:
    before = torch.get_rng_state()
    digests = [digest(read_weights(build_network(CONFIGS[kind], GAME, seed))) for seed in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("extras", [{}, EXTRAS, EXTRAS | {"small_heads": True}])
def test_every_parameter_learns(kind: str, extras: dict[str, Any]) -> None:
    network = build_network(CONFIGS[kind].model_copy(update=extras), GAME, seed=1)
    optimiser = torch.optim.SGD(network.parameters(), 0.1)
    for _ in range(3):      # the second convolutions start at 0 and hide the first ones at the first step
        optimiser.zero_grad()
        out = network(observations(64))
        loss = out.logits.log_softmax(-1)[:, 0].mean() + (out.value - 0.5).square().mean()
        if out.difficulty is not None:
            loss = loss + out.difficulty.sigmoid().mean()
        loss.backward()
        optimiser.step()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.any(parameter.grad != 0), name


def test_orthogonal_layers() -> None:
    network = build_network(Network(hidden=(32, 16)), GAME, seed=1)
    weights = read_weights(network)
    np.testing.assert_allclose(weights["body.1.weight"] @ weights["body.1.weight"].T, 2 * np.eye(16), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(weights["head.weight"][:-1], axis=1), 0.01, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(weights["head.weight"][-1]), 1.0, atol=1e-5)
    assert not any(weights[name].any() for name in weights if name.endswith("bias"))


def test_the_value_is_bounded_for_zero_sum_games_only() -> None:
    large = 100 * torch.ones(4, 18)
    for bounded in (True, False):
        network = Mlp(18, 9, (8,), scale=None, heads=Heads(bounded=bounded),
                      generator=torch.Generator().manual_seed(0))
        assert bool(network(large).value.abs().max() <= 1) is bounded


def test_weights_come_back() -> None:
    source, sink = (build_network(CONFIGS["residual"], GAME, seed) for seed in (1, 2))
    weights = read_weights(source)
    for array in weights.values():
        array.flags.writeable = False       # as they come out of shared memory
    write_weights(sink, weights)
    assert digest(read_weights(sink)) == digest(weights)
    with torch.no_grad():
        next(source.parameters()).add_(1)
    assert digest(read_weights(sink)) == digest(weights)    # copies, not views


def test_wrong_weights_are_named_and_change_nothing() -> None:
    network = build_network(CONFIGS["mlp"], GAME, seed=1)
    weights = read_weights(network)
    wrong = {name: array + 1 for name, array in weights.items()}
    wrong["body.0.weight"] = wrong["body.0.weight"].astype(np.float64)
    wrong["head.bias"] = wrong["head.bias"][:-1]
    wrong["extra"] = wrong.pop("body.1.bias")
    sentence = (r"no body.1.bias; unknown extra; body.0.weight is float64 \[32, 18\], expected float32 \[32, 18\]; "
                r"head.bias is float32 \[9\], expected float32 \[10\]")
    with pytest.raises(ValueError, match=sentence):
        write_weights(network, wrong)
    assert digest(read_weights(network)) == digest(weights)


def test_the_digest_sees_names_shapes_and_bytes() -> None:
    array = np.arange(6, dtype=np.float32)
    same = {"a": array, "b": array + 1}
    others: list[Weights] = [{"a": array}, {"a": array, "c": array + 1}, {"a": array, "b": array + 2},
              {"a": array.reshape(2, 3), "b": array + 1}, {"a": array.view(np.int32), "b": array + 1}]
    assert digest(same) == digest(dict(reversed(same.items())))
    assert len({digest(same), *(digest(other) for other in others)}) == 6


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_device("cpu").type == "cpu"
    for cuda, mps, expected in ((False, False, "cpu"), (False, True, "mps"), (True, True, "cuda")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda cuda=cuda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda mps=mps: mps)
        assert choose_device("auto").type == expected
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match=r"device 'cuda' was asked for, but torch .* finds only mps, cpu here"):
        choose_device("cuda")
    with pytest.raises(ValueError, match="unknown device 'tpu', expected auto, cpu, cuda, mps"):
        choose_device("tpu")


@pytest.mark.parametrize("config", [Network(kind="mlp", hidden=(16,)), Network(kind="residual", channels=4, blocks=1)])
def test_observations_are_brought_to_the_scale_that_the_game_declares(config: Network) -> None:
    game = make("razzle")
    scale = game.observation_scale
    assert scale is not None
    scaled, plain = build_network(config, game, 1), build_network(config, game, 1)
    plain.register_buffer("scale", None)
    observation = torch.from_numpy(game.new_state(0).observe()[None])
    with torch.inference_mode():
        expected = plain(observation * torch.from_numpy(scale))
        found = scaled(observation)
    torch.testing.assert_close(found.logits, expected.logits)
    torch.testing.assert_close(found.value, expected.value)
    assert "scale" not in scaled.state_dict()
