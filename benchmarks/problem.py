"""A problem of the comparison: the same equations for every peer, in the arrays of its own library."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

MODELS = Path(__file__).resolve().parents[1] / "models"


@dataclass(frozen=True)
class ArrayFunctions:
    """Functions that equations need beyond `+ - * / **`, for one kind of array."""

    stack: Callable[[list[Any]], Any]
    concatenate: Callable[[list[Any]], Any]
    tanh: Callable[[Any], Any]
    cos: Callable[[Any], Any]
    positive: Callable[[Any], Any]
    """max(0, x)"""
    after: Callable[[Any, float], Any]
    """One from a time on, zero before: `after(t, 1.1)`."""
    constant: Callable[[np.ndarray], Any] = lambda values: values
    """NumPy numbers as an array of this kind."""
    take: Callable[[Any, np.ndarray], Any] = lambda x, index: x[index]
    product: Callable[[Any, Any], Any] = lambda matrix, x: matrix @ x
    """A `scipy.sparse` matrix of numbers times a vector."""


NUMPY = ArrayFunctions(
    stack=lambda items: np.array(items, dtype=float),
    concatenate=np.concatenate,
    tanh=np.tanh,
    cos=np.cos,
    positive=lambda x: max(0.0, x),
    after=lambda t, at: float(t >= at),
)


@dataclass(frozen=True)
class BenchmarkProblem:
    """`y' = equations(t, y, functions)` on `time` from `y0`.

    `model` is the file in models/ that says the same, with `constants`, or `text` is the model itself; `checked` maps
    names in that model to indices in y.
    `jacobian` is None for the small problems, whose peers take it from SymPy; for the large ones it is a
    function of t and y that gives a `scipy.sparse` matrix, with the analytic derivatives written by hand.
    """

    name: str
    model: str
    equations: Callable[[Any, Any, ArrayFunctions], Any]
    y0: np.ndarray
    time: tuple[float, float]
    rtol: float
    atol: float
    checked: dict[str, int]
    constants: dict[str, float] = field(default_factory=dict)
    jacobian: Callable[[float, np.ndarray], Any] | None = None
    breaks: tuple[float, ...] = ()
    text: str = ""

    @property
    def size(self) -> int:
        return len(self.y0)

    @cached_property
    def file(self) -> Path:
        return MODELS / f"{self.model}.sml"

    def absolute(self, rtol: float) -> float:
        """The absolute tolerance that goes with a relative one: both are tightened together."""
        return self.atol * rtol / self.rtol

    @cached_property
    def indices(self) -> np.ndarray:
        return np.array(list(self.checked.values()))

    def rhs(self, t: float, y: np.ndarray) -> np.ndarray:
        """The right-hand side in NumPy."""
        return self.equations(t, y, NUMPY)
