"""Numbers that the model begins with, as far as they are known before anything is solved.

They serve choices only: at `x = 1, y = 0` the equation `x*der(x) + y*der(y) = 0` determines der(x), not
der(y).
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import sympy as sp

from stiffdsl.flat.model import TIME, Definition, Family, FlatModel, slot, total
from stiffdsl.flat.numpy_printer import compiled
from stiffdsl.flat.template import symbols_of


class StartValues:
    """Values by kind at time 0: start values, else guesses, for variables; NaN for what is not known yet."""

    def __init__(self, flat: FlatModel):
        self.of = {
            "const": flat.constants,
            "param": np.full(sum(b.size for b in flat.parameters), np.nan),
            "input": np.full(sum(b.size for b in flat.inputs), np.nan),
            "var": np.full(flat.size, np.nan),
        }
        for kind, definitions in (
            ("param", flat.parameter_values),
            ("input", flat.input_values),
            ("var", flat.guesses),
            ("var", flat.starts),
        ):
            for definition in definitions:
                self._define(kind, definition)

    def _define(self, kind: str, definition: Definition) -> None:
        family = definition.value
        self.of[kind][definition.targets] = self._value(
            family.template, family.kinds, family.table, len(definition.targets)
        )

    def partial(self, family: Family, k: int) -> np.ndarray:
        """The derivative of each member by what slot k holds; NaN where it is not known."""
        return self.value(replace(family, template=sp.diff(family.template, slot(k))))

    def value(self, family: Family) -> np.ndarray:
        """The residual of each member; NaN where it is not known."""
        if family.sums and any(total(j) in symbols_of(family.template) for j in range(len(family.sums))):
            return np.full(family.size, np.nan)
        return self._value(family.template, family.kinds, family.table, family.size)

    def _value(self, template: sp.Expr, kinds: tuple[str, ...], table: np.ndarray, size: int) -> np.ndarray:
        nothing = np.full(size, np.nan)
        used = symbols_of(template)
        columns = [self.of.get(kind, None) if slot(k) in used else None for k, kind in enumerate(kinds)]
        values = [nothing if c is None else c[table[:, k]] for k, c in enumerate(columns)]
        try:
            with np.errstate(all="ignore"):
                result = np.asarray(_compiled(template, len(kinds))(0.0, *values), dtype=float)
        except (NotImplementedError, NameError, TypeError, AttributeError):
            # A function that only later stages can evaluate, such as a table: the value is not known here.
            return nothing
        return np.broadcast_to(result, (size,))


@lru_cache(maxsize=10_000)
def _compiled(template: sp.Expr, width: int):
    names = [TIME, *(slot(k) for k in range(width))]
    return compiled(names, template)
