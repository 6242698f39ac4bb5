"""Options of a solve that a user may choose."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from stiffdsl.diagnostics import did_you_mean
from stiffdsl.solve.base.arguments import MOST_STEPS, number, numbers, text, told, whole
from stiffdsl.solve.base.method_table import METHODS

# Linear solvers; `auto` chooses by size, density and shape.
LINEAR = ("dense", "klu", "krylov", "static")

# The number of attempts where a limit is needed, and how many more for each point of a table.
ATTEMPTS, ATTEMPTS_A_POINT = 100_000, 50
# Up to this many unknowns a Rosenbrock method with its own LU in every step is faster than BDF.
ROSENBROCK_SIZE = 200


@dataclass(frozen=True)
class Options:
    """Tolerances and limits of a solve.

    `max_steps` None: a solve goes on as long as it gets on (`patience.py`), and where a number must be known
    beforehand, it follows the length of the tables (`limit`).

    The local error is held below `atol + rtol*|y|` (root mean square over the unknowns); `atol` may have one entry for
    each unknown. `quadratures`: whether states that nothing reads count too. `first_step` None lets the solver choose.
    Raises `ValueError` for values that make no sense.
    """

    rtol: float = 1e-6
    atol: float | tuple[float, ...] = 1e-9
    method: str = "auto"
    max_steps: int | None = None
    first_step: float | None = None
    max_step: float = math.inf
    linear: str = "auto"
    quadratures: bool = False

    def __post_init__(self):
        object.__setattr__(self, "rtol", number(self.rtol, "`rtol`"))
        if not isinstance(self.atol, tuple):
            object.__setattr__(self, "atol", number(self.atol, "`atol`"))
        entries = self.atol if isinstance(self.atol, tuple) else (self.atol,)
        for name, values in (("rtol", (self.rtol,)), ("atol", entries)):
            for value in values:
                if not value >= 0:
                    raise ValueError(f"`{name}` must not be negative, as {value:g} is")
                if math.isinf(value):
                    raise ValueError(f"`{name}` must be finite")
        if self.rtol <= 0 and min(entries, default=1.0) <= 0:
            raise ValueError("one of `rtol` and `atol` must be positive")
        if text(self.method, "`method`") not in ("auto", *METHODS):
            hint = did_you_mean(str(self.method), METHODS)
            raise ValueError(
                f"there is no method `{self.method}`; " + (hint or f"there are auto, {', '.join(METHODS)}")
            )
        if text(self.linear, "`linear`") not in ("auto", *LINEAR):
            raise ValueError(unknown_linear(str(self.linear)))
        if self.linear != "auto" and not solves_linear_systems(self.method):
            raise ValueError(
                f"`{self.method}` solves no linear systems: leave `linear` out, or take another method"
            )
        # Attempts are counted in 32 bits.
        if self.max_steps is not None:
            object.__setattr__(self, "max_steps", min(whole(self.max_steps, "`max_steps`", 1), MOST_STEPS))
        for name in ("first_step", "max_step"):
            value = getattr(self, name)
            if value is not None and not (value is math.inf and name == "max_step"):
                object.__setattr__(self, name, _positive(value, name))

    def limit(self, bends: int) -> int:
        """The greatest number of attempts, for tables of so many points."""
        return ATTEMPTS + ATTEMPTS_A_POINT * bends if self.max_steps is None else self.max_steps

    def chosen(self, size: int) -> str:
        """The method, with `auto` decided by the number of unknowns."""
        if self.method != "auto":
            return self.method
        return "rodas5p" if size <= ROSENBROCK_SIZE else "fbdf"


def _positive(value: Any, name: str) -> float:
    found = float(numbers(value, f"`{name}`")) if np.ndim(value) == 0 else math.nan
    if not found > 0 or (name == "first_step" and math.isinf(found)):
        raise ValueError(f"`{name}` must be a positive number, not {told(value)}")
    return found


def solves_linear_systems(method: str) -> bool:
    """Whether a method has linear systems to solve."""
    return method == "auto" or "linear" in METHODS[method].takes


def unknown_linear(name: str) -> str:
    """The message on a name that is no linear solver."""
    hint = did_you_mean(name, ("auto", *LINEAR))
    return f"there is no linear solver `{name}`; " + (hint or f"there are auto, {', '.join(LINEAR)}")
