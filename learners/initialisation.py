"""Layers whose weights come from a generator of our own, so that building a network leaves torch's global one alone.

Weights are orthogonal (Saxe, McClelland, Ganguli 2014, arXiv:1312.6120) unless it says otherwise, biases 0.
"""
from __future__ import annotations

import math

import torch
from torch import nn

RELU_GAIN = math.sqrt(2.0)      # keeps the second moment through a ReLU (He et al. 2015, arXiv:1502.01852)
POLICY_GAIN = 0.01              # the first policy is nearly uniform (Andrychowicz et al. 2021, arXiv:2006.05990)


def linear(
    inputs: int, outputs: int, gain: float, generator: torch.Generator, *, bias: bool = True
) -> nn.Linear:
    """`nn.Linear` with orthogonal weights times `gain`."""
    layer = nn.Linear(inputs, outputs, bias, device="meta").to_empty(device="cpu")   # draws no default weights
    _fill(layer, gain, generator)
    return layer


def convolution(inputs: int, outputs: int, size: int, gain: float, generator: torch.Generator) -> nn.Conv2d:
    """`nn.Conv2d` that keeps height and width, with orthogonal weights times `gain`; `size` is odd."""
    layer = nn.Conv2d(inputs, outputs, size, padding=size // 2, device="meta").to_empty(device="cpu")
    _fill(layer, gain, generator)
    return layer


def embedding(number: int, width: int, std: float, generator: torch.Generator) -> nn.Embedding:
    """`nn.Embedding` with weights from N(0, std)."""
    layer = nn.Embedding(number, width, device="meta").to_empty(device="cpu")
    normal_(layer.weight, std, generator)
    return layer


def normal_(weight: torch.Tensor, std: float, generator: torch.Generator) -> None:
    """Draws `weight` anew from N(0, std)."""
    with torch.no_grad():
        weight.normal_(0.0, std, generator=generator)


def _fill(layer: nn.Linear | nn.Conv2d, gain: float, generator: torch.Generator) -> None:
    if gain == 0:
        nn.init.zeros_(layer.weight)
    else:
        nn.init.orthogonal_(layer.weight, gain, generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
