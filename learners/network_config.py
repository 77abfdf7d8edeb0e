"""Settings of a network: which one, and how large."""
from __future__ import annotations

from typing import Literal

from pydantic import Field

from learners.section import Section


class Network(Section):
    """Which network, and how large."""

    kind: Literal["mlp", "residual"] = Field(default="mlp", description="mlp: any game; residual: [C, H, W] boards")
    hidden: tuple[int, ...] = Field(default=(256, 256), min_length=1, description="widths of the mlp's hidden layers")
    channels: int = Field(default=64, ge=1, description="planes of every layer of the residual tower")
    blocks: int = Field(default=5, ge=1, description="residual blocks, two 3x3 convolutions each")
    policy_planes: int = Field(
        default=32, ge=1, description="residual: planes before the policy's linear layer, whose size they multiply"
    )
    value_planes: int = Field(default=8, ge=1, description="residual: planes before the hidden layer of the value")
    value_width: int = Field(default=128, ge=1, description="residual: width of that hidden layer; difficulty's too")
    value: Literal["scalar", "wdl"] = Field(default="scalar", description="wdl: win, draw and loss; the value is W - L")
    difficulty: bool = Field(default=False, description="a head that tells how much a search will change the policy")
    small_heads: bool = Field(
        default=False, description="last layers of value and difficulty from N(0, 0.01): no tanh begins saturated"
    )
