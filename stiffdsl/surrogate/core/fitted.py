"""The interface of a fitted method: a formula, and its reader once times are fixed."""

from typing import Any, Protocol

import numpy as np
from jaxtyping import Float

from stiffdsl.surrogate.core.scaling import Clock, OutputScaling, ParameterScaling


class FittedReader(Protocol):
    """A fitted formula at fixed `times`, for the outputs numbered `which`: a function over NumPy or JAX."""

    times: np.ndarray
    which: np.ndarray

    def __call__(self, xp: Any, values: Float[Any, "k d"]) -> Float[Any, "k m q"]:
        """x in declared units, for values in declared units."""
        ...

    def rows(self, xp: Any, values: Float[Any, "k d"]) -> Float[Any, "k q m"]:
        """x with the times last."""
        ...

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """(k, m, q) y in scaled outputs."""
        ...

    def unscaled(self, values: np.ndarray, scaled: np.ndarray) -> np.ndarray:
        """(k, m, q) x for what `scaled` gave, shifted or not."""
        ...


class FittedFormula(Protocol):
    """The result of a fit. `start` is None where the clock reaches the start of the times."""

    @property
    def clock(self) -> Clock: ...

    @property
    def parameters(self) -> ParameterScaling: ...

    @property
    def outputs(self) -> OutputScaling: ...

    @property
    def start(self) -> Any: ...

    def reader(self, times: np.ndarray, which: np.ndarray) -> FittedReader: ...
