"""What a tree search can be told; see `native/search.pyx` for what it does with it."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """Settings of `native.search.Search`. Raises ValueError naming the setting and the value for one out of range."""

    simulations: int
    """Per search, at least 1; what a kept tree holds already counts."""
    root: Literal["puct", "gumbel"] = "puct"
    """Gumbel: Danihelka et al. 2022, at the root only; below it, it is PUCT."""
    c_init: float = 1.25
    """PUCT: c(N) = c_init + log((1 + N + c_base) / c_base), in units of returns."""
    c_base: float = 19652.0
    fpu_reduction: float = 0.2
    """An unvisited action counts as its node's value less this times sqrt(visited prior)."""
    root_fpu_reduction: float = 0.0
    root_temperature: float = 1.0
    """Priors of the root to the power of 1 / it, in full searches with a PUCT root; so the next three."""
    dirichlet_alpha: float = 0.3
    dirichlet_fraction: float = 0.0
    """Share of noise in the priors of the root; 0: none."""
    forced_playouts: float = 0.0
    """k of sqrt(k prior visits), taken off the target again; 0: none, KataGo: 2."""
    max_considered: int = 16
    """Gumbel: actions that sequential halving starts with."""
    c_visit: float = 50.0
    """Gumbel: sigma(q) = (c_visit + most visits) c_scale q."""
    c_scale: float = 0.1
    gumbel_scale: float = 1.0
    """Gumbel: 0 plays without noise."""
    fast_simulations: int = 0
    """Playout-cap randomisation: a search that is not full has so many; 0: every search is full."""
    full_fraction: float = 0.25
    """Probability of a full search, if there are fast ones."""
    solver: bool = True
    """Back up proofs: two seats, zero-sum, nothing drawn, nothing hidden; elsewhere it does nothing."""
    win_value: float = 1.0
    """The highest return there is, for the solver."""
    discount: float = 1.0
    """Per action."""

    def __post_init__(self) -> None:
        if self.root not in ("puct", "gumbel"):
            raise ValueError(f'root must be "puct" or "gumbel", got {self.root!r}')
        for name, least in {"simulations": 1, "max_considered": 1, "fast_simulations": 0}.items():
            if not least <= getattr(self, name) < 2**24:
                raise ValueError(f"{name} must be at least {least} and below 2**24, got {getattr(self, name)}")
        for name in ("c_init", "fpu_reduction", "root_fpu_reduction", "forced_playouts", "c_visit", "c_scale",
                     "gumbel_scale"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be 0 or above, got {getattr(self, name)}")
        for name in ("c_base", "root_temperature", "dirichlet_alpha", "win_value"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in ("dirichlet_fraction", "full_fraction", "discount"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, got {getattr(self, name)}")
