"""A compiled network says and learns what the network does; shapes that come once are not compiled."""
from __future__ import annotations

import pytest
import torch
from torch import nn

from envs import registry
from learners.compile_step import MOST_SHAPES, Compiled
from learners.network_config import Network
from learners.networks import build_network
from learners.output import Output
from learners.precision import autocast

CPU = torch.device("cpu")


class Counted(nn.Module):
    """Counts how often its forward is run as it is written; while it is being compiled it counts, too."""

    autoregressive = False

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.runs = 0

    def forward(self, x: torch.Tensor) -> Output:
        if not torch.compiler.is_compiling():
            self.runs += 1
        return Output(x * self.weight, (x * self.weight).sum(1))


def test_only_shapes_that_come_again_are_compiled() -> None:
    network = Counted()
    compiled = Compiled(network, CPU, backend="aot_eager")
    for rows in (4, 5, 6):
        compiled(torch.ones(rows, 3))
    assert network.runs == 3
    for _ in range(3):
        compiled(torch.ones(4, 3))
    assert network.runs == 3
    compiled(torch.ones(7, 3))
    assert network.runs == 4


def test_no_more_than_a_few_shapes_are_compiled() -> None:
    network = Counted()
    compiled = Compiled(network, CPU, backend="aot_eager")
    for rows in range(1, MOST_SHAPES + 3):
        for _ in range(2):
            compiled(torch.ones(rows, 3))
    assert network.runs == MOST_SHAPES + 2 * 2
    compiled(torch.ones(1, 3))
    assert network.runs == MOST_SHAPES + 2 * 2


def test_where_nothing_can_be_compiled() -> None:
    def no_compiler(*_: object) -> None:
        raise OSError("no compiler")

    compiled = Compiled(Counted(), CPU, backend=no_compiler)
    compiled(torch.ones(4, 3))
    with pytest.raises(RuntimeError, match=r"learning\.compile is true, but torch cannot compile .*no compiler"):
        compiled(torch.ones(4, 3))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("network", "precision", "tolerance"), [
    (Network(hidden=(24, 16)), "float32", 1e-5),
    (Network(kind="residual", channels=8, blocks=1, value="wdl", difficulty=True), "bfloat16", 0.05),
])
def test_values_and_gradients_are_those_of_the_network(network: Network, precision: str, tolerance: float) -> None:
    torch.set_num_threads(1)
    game = registry.make("connect_four")
    plain, other = (build_network(network, game, seed=1) for _ in range(2))
    compiled = Compiled(other, CPU)
    seen = torch.randint(0, 2, (32, *game.observation_shape), dtype=torch.uint8)
    for _ in range(3):
        with autocast(precision, CPU):
            outputs = plain(seen), compiled(seen)
        for found, expected in zip(outputs[1], outputs[0], strict=True):
            if expected is not None:
                torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
        for module, output in zip((plain, other), outputs, strict=True):
            module.zero_grad()
            (output.logits.square().sum() + output.value.sum()).backward()
        for one, wanted in zip(other.parameters(), plain.parameters(), strict=True):
            found, expected = (torch.zeros_like(p) if p.grad is None else p.grad for p in (one, wanted))
            assert (found - expected).norm() <= tolerance * expected.norm()
