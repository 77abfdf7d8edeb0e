from typing import TypeVar

import numpy as np
import numpy.typing as npt

Real = TypeVar("Real", np.float32, np.float64)

def vtrace(
    rho: npt.NDArray[Real],
    discount: npt.NDArray[Real],
    reward: npt.NDArray[Real],
    value: npt.NDArray[Real],
    bootstrap: npt.NDArray[Real],
    *,
    rho_bar: float = 1.0,
    c_bar: float = 1.0,
    rho_pg_bar: float = 1.0,
    lam: float = 1.0,
    target: npt.NDArray[Real] | None = None,
    advantage: npt.NDArray[Real] | None = None,
) -> tuple[npt.NDArray[Real], npt.NDArray[Real]]: ...
def upgo(
    rho: npt.NDArray[Real],
    discount: npt.NDArray[Real],
    reward: npt.NDArray[Real],
    value: npt.NDArray[Real],
    bootstrap: npt.NDArray[Real],
    *,
    rho_bar: float = 1.0,
    advantage: npt.NDArray[Real] | None = None,
) -> npt.NDArray[Real]: ...
def gae(
    discount: npt.NDArray[Real],
    reward: npt.NDArray[Real],
    value: npt.NDArray[Real],
    bootstrap: npt.NDArray[Real],
    *,
    lam: float,
    advantage: npt.NDArray[Real] | None = None,
) -> npt.NDArray[Real]: ...
def td_lambda(
    discount: npt.NDArray[Real],
    reward: npt.NDArray[Real],
    value: npt.NDArray[Real],
    bootstrap: npt.NDArray[Real],
    *,
    lam: float,
    target: npt.NDArray[Real] | None = None,
) -> npt.NDArray[Real]: ...
