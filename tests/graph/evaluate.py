"""A sorted system in numbers, straight from its families: to be compared with the original equations."""

from functools import lru_cache

import numpy as np
import sympy as sp
from scipy.optimize import least_squares

from stiffdsl.flat.model import TIME, Family, FlatModel, slot, total
from stiffdsl.graph.reduction.naming import Hidden
from stiffdsl.graph.system import SortedSystem

FUNCTIONS = ["numpy"]


@lru_cache(maxsize=5_000)
def compiled(template, slots: int, totals: int):
    names = [TIME, *(slot(k) for k in range(slots)), *(total(k) for k in range(totals))]
    return sp.lambdify(names, template, FUNCTIONS)


class ScalarValues:
    """Values by kind; unassigned ones are nan, and reading one is an error of the order."""

    def __init__(self, system: SortedSystem, y, parameters=(), inputs=(), starts=None, time=0.7):
        flat = system.flat
        self.time = time
        self.of = {
            "var": np.full(flat.size, np.nan),
            "der": np.full(flat.size, np.nan),
            "param": np.asarray(parameters, dtype=float),
            "input": np.asarray(inputs, dtype=float),
            "const": flat.constants,
            "start": np.zeros(flat.size) if starts is None else starts,
        }
        n = len(system.states)
        self.of["var"][system.states] = y[:n]
        for k, variable in enumerate(system.implicit):
            self.of["der" if system.implicit_is_der[k] else "var"][variable] = y[n + k]

    def evaluate(self, family: Family) -> np.ndarray:
        sums = []
        for part in family.sums:
            terms = self._call(part.term, part.kinds, part.table, [])
            sums.append(np.bincount(part.owner, weights=terms, minlength=family.size))
        return self._call(family.template, family.kinds, family.table, sums)

    def _call(self, template, kinds, table, sums) -> np.ndarray:
        slots = [self.of[kind][table[:, k]] for k, kind in enumerate(kinds)]
        used = template.free_symbols
        for k, values in enumerate(slots):
            assert slot(k) not in used or not np.any(np.isnan(values)), "used before it is assigned"
        result = compiled(template, len(slots), len(sums))(self.time, *slots, *sums)
        return np.broadcast_to(np.asarray(result, dtype=float), (len(table),)).copy()


def run(system: SortedSystem, y, parameters=(), inputs=(), **more) -> ScalarValues:
    """All assignments in order, from y."""
    values = ScalarValues(system, np.asarray(y, dtype=float), parameters, inputs, **more)
    for assignment in system.assignments:
        place = values.of[assignment.kind]
        assert np.all(np.isnan(place[assignment.targets])), "assigned twice"
        place[assignment.targets] = values.evaluate(assignment.value)
    for v in np.flatnonzero((system.flat.alias == np.arange(system.flat.size)) & (system.flat.sign != 0)):
        assert not np.isnan(values.of["var"][v]), "a variable without a value"
    return values


def residual(system: SortedSystem, values: ScalarValues) -> np.ndarray:
    return np.concatenate([np.zeros(0), *(values.evaluate(f) for f in system.residuals)])


def unsatisfied(system: SortedSystem, values: ScalarValues, tolerance=1e-7) -> int:
    """The number of original equations that do not hold."""
    count = 0
    for f in system.flat.equations:
        count += int(np.sum(~(np.abs(values.evaluate(f)) < tolerance)))
    return count


def derivative(system: SortedSystem, values: ScalarValues) -> np.ndarray:
    """dy/dt of the states; zero for the implicit unknowns."""
    return np.r_[values.of["der"][system.states], np.zeros(len(system.implicit))]


def invariants(system: SortedSystem, values: ScalarValues) -> np.ndarray:
    return np.concatenate([np.zeros(0), *(values.evaluate(f) for f in system.invariants)])


def consistent(system: SortedSystem, y, parameters=(), **more) -> np.ndarray:
    """The state nearest to y (by a Gauss-Newton path) that holds the invariants and the residual rows."""

    def off(y):
        values = run(system, y, parameters, **more)
        return np.r_[invariants(system, values), residual(system, values)]

    if not len(off(y)):
        return np.asarray(y, dtype=float)
    return least_squares(off, y, xtol=1e-15, ftol=1e-15, gtol=1e-15, method="trf").x


def differentiated(values: ScalarValues, system: SortedSystem) -> ScalarValues:
    """Derivatives that became variables, at the place where the model as it was written has them."""
    for block in system.flat.variables:
        if isinstance(block, Hidden) and block.order == 1:
            ids = block.offset + np.arange(block.size)
            values.of["der"][block.of.offset + block.members] = values.of["var"][ids]
    return values


def off_by(flat: FlatModel, system: SortedSystem, values: ScalarValues) -> float:
    """The largest residual of the equations as they were written."""
    values = differentiated(values, system)
    return max(float(np.max(np.abs(values.evaluate(f)), initial=0.0)) for f in flat.equations)
