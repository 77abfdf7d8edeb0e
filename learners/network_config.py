"""Settings of a network: which one, and how large."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from learners.section import Section

_ALPHAZERO = {"policy_planes": 2, "value_planes": 1}
PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "mlp": {
        "small": {"hidden": (64, 64)},
        "medium": {"hidden": (256, 256)},
        "large": {"hidden": (512, 512, 512)},
    },
    "residual": {       # medium is the network of Razzle's training plan; planes of the heads as in AlphaZero
        "small": {"channels": 64, "blocks": 6, "value_width": 64, **_ALPHAZERO},
        "medium": {"channels": 128, "blocks": 10, "value_width": 64, **_ALPHAZERO},
        "large": {"channels": 256, "blocks": 15, "value_width": 256, **_ALPHAZERO},
    },
    "transformer": {
        "small": {"width": 64, "attention_heads": 4, "layers": 2, "species_width": 32},
        "medium": {"width": 256, "attention_heads": 8, "layers": 4, "species_width": 64},
        "large": {"width": 512, "attention_heads": 8, "layers": 8, "species_width": 64},
    },
}
"""What `preset: small` and so on stand for, by kind of network."""
OF_PRESETS = {name for sizes in PRESETS.values() for size in sizes.values() for name in size}
"""Settings that some preset stands for."""


class Network(Section):
    """Which network, and how large.

    Beside these settings, `preset: small`, `medium` or `large` stands for a size of the kind (see PRESETS); settings
    given beside it win. It is gone once it is read: what is kept and compared are the settings that it stood for.
    """

    kind: Literal["mlp", "residual", "transformer"] = Field(
        default="mlp", description="mlp: any game; residual: [C, H, W] boards; transformer: games that declare cards"
    )
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(256, 256), min_length=1, description="widths of the mlp's hidden layers"
    )
    channels: int = Field(default=64, ge=1, description="planes of every layer of the residual tower")
    blocks: int = Field(default=5, ge=1, description="residual blocks, two 3x3 convolutions each")
    policy_head: Literal["flat", "spatial", "factored"] = Field(
        default="flat", description="residual; flat: a linear layer over all cells; spatial: planes whose cells are "
        "actions; factored: a vector for each cell as source and as target, and their product for each move"
    )
    policy_planes: int = Field(
        default=32, ge=1, description="residual: planes before the flat policy's linear layer, whose size they multiply"
    )
    policy_width: int = Field(default=64, ge=1, description="length of the factored policy's vectors")
    value_planes: int = Field(default=8, ge=1, description="residual: planes before the hidden layer of the value")
    value_width: int = Field(default=128, ge=1, description="residual: width of that hidden layer; difficulty's too")
    width: int = Field(default=256, ge=1, description="transformer: length of a token; a multiple of attention_heads")
    attention_heads: int = Field(default=8, ge=1, description="transformer: of every layer")
    layers: int = Field(default=4, ge=1, description="transformer: blocks of attention and feed-forward")
    species_width: int = Field(default=64, ge=1, description="transformer: length of what stands for a species")
    autoregressive: bool = Field(
        default=False, description="several action heads: each one knows what those before it have chosen"
    )
    autoregressive_width: int = Field(
        default=128, ge=1, description="features that the body gives to the heads of an autoregressive policy"
    )
    value: Literal["scalar", "wdl"] = Field(default="scalar", description="wdl: win, draw and loss; the value is W - L")
    difficulty: bool = Field(default=False, description="a head that tells how much a search will change the policy")
    small_heads: bool = Field(
        default=False, description="last layers of value and difficulty from N(0, 0.01): no tanh begins saturated"
    )

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, settings: object) -> object:
        return without_preset(settings) if isinstance(settings, Mapping) else settings

    @model_validator(mode="after")
    def _divisible(self) -> Network:
        if self.width % self.attention_heads:
            raise ValueError(f"width is {self.width}, expected a multiple of attention_heads, {self.attention_heads}")
        return self


def without_preset(settings: Mapping[str, Any], kind: str = "mlp") -> dict[str, Any]:
    """Settings of a network with those that their `preset` stands for; kind: of the network where they name none.

    Raises ValueError for an unknown preset.
    """
    given = {name: value for name, value in settings.items() if name != "preset"}
    sizes = PRESETS.get(str(given.get("kind", kind)))
    if "preset" not in settings or sizes is None:       # the kind is refused in its own words
        return given
    size = sizes.get(str(settings["preset"]))
    if size is None:
        raise ValueError(f"preset is {settings['preset']!r}, expected one of {', '.join(sizes)}")
    return {**size, **given}
