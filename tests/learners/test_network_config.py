"""Settings of networks: presets and their sizes, and what cannot be."""
from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from envs.registry import make
from learners.network_config import PRESETS, Network
from learners.networks import build_network, with_defaults

torch.set_num_threads(1)
SIZES = {       # parameters with the usual heads
    ("razzle", "residual", "small"): 807_355,
    ("razzle", "residual", "medium"): 3_321_919,
    ("connect_four", "residual", "small"): 447_965,
    ("beasty_bar", "transformer", "small"): 113_568,
    ("beasty_bar", "transformer", "medium"): 3_228_960,
    ("connect_four", "mlp", "small"): 10_120,
    ("connect_four", "mlp", "large"): 572_936,
}


def read(**settings: Any) -> Network:
    return Network.model_validate(settings)


@pytest.mark.parametrize(("game", "kind", "preset"), SIZES)
def test_sizes(game: str, kind: str, preset: str) -> None:
    network = build_network(read(kind=kind, preset=preset), make(game), 1)
    assert sum(p.numel() for p in network.parameters()) == SIZES[game, kind, preset]


def test_the_towers() -> None:
    towers = [read(kind="residual", preset=name) for name in PRESETS["residual"]]
    assert [(one.channels, one.blocks) for one in towers] == [(64, 6), (128, 10), (256, 15)]


def test_a_transformer_is_of_medium_size_unless_it_is_told_otherwise() -> None:
    assert read(kind="transformer") == read(kind="transformer", preset="medium")
    assert read() == read(preset="medium")      # an mlp too


def test_settings_beside_a_preset_win() -> None:
    network = read(kind="residual", preset="large", blocks=3, difficulty=True)
    assert (network.channels, network.blocks, network.difficulty) == (256, 3, True)
    assert network == read(difficulty=True, blocks=3, preset="large", kind="residual")


def test_a_preset_is_gone_once_it_is_read() -> None:
    network = read(kind="residual", preset="medium")
    plain = network.model_dump(mode="json")
    assert "preset" not in plain
    assert Network.model_validate(plain) == network
    assert Network.model_validate(network) == network


def test_the_network_of_an_older_checkpoint_has_what_was_then() -> None:
    older = {"kind": "residual", "hidden": [256, 256], "channels": 32, "blocks": 4, "policy_planes": 2,
             "value_planes": 1, "value_width": 64, "value": "scalar", "difficulty": True, "small_heads": True}
    now = with_defaults(older)
    assert isinstance(now, dict)
    assert now.items() >= older.items()
    assert (now["policy_head"], now["autoregressive"]) == ("flat", False)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"preset": "huge"}, "preset is 'huge', expected one of small, medium, large"),
        ({"kind": "residual", "preset": ["small"]}, r"preset is \['small'\], expected one of small"),
        ({"kind": "cnn", "preset": "small"}, "Input should be 'mlp', 'residual' or 'transformer'"),
        ({"kind": "transformer", "width": 100}, "width is 100, expected a multiple of attention_heads, 8"),
        ({"presets": "small"}, "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Network.model_validate(settings)
