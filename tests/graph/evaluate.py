"""A sorted system in numbers, straight from its families: to be compared with the original equations."""

import numpy as np
import sympy as sp

from stiffdsl.flat.model import TIME, Family, slot, total
from stiffdsl.graph.system import SortedSystem

FUNCTIONS = ["numpy"]


class Values:
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
        names = [TIME, *(slot(k) for k in range(len(slots))), *(total(k) for k in range(len(sums)))]
        result = sp.lambdify(names, template, FUNCTIONS)(self.time, *slots, *sums)
        return np.broadcast_to(np.asarray(result, dtype=float), (len(table),)).copy()


def run(system: SortedSystem, y, parameters=(), inputs=(), **more) -> Values:
    """All assignments in order, from y."""
    values = Values(system, np.asarray(y, dtype=float), parameters, inputs, **more)
    for assignment in system.assignments:
        place = values.of[assignment.kind]
        assert np.all(np.isnan(place[assignment.targets])), "assigned twice"
        place[assignment.targets] = values.evaluate(assignment.value)
    for v in np.flatnonzero((system.flat.alias == np.arange(system.flat.size)) & (system.flat.sign != 0)):
        assert not np.isnan(values.of["var"][v]), "a variable without a value"
    return values


def residual(system: SortedSystem, values: Values) -> np.ndarray:
    return np.concatenate([np.zeros(0), *(values.evaluate(f) for f in system.residuals)])


def unsatisfied(system: SortedSystem, values: Values, tolerance=1e-7) -> int:
    """How many of the original equations do not hold."""
    count = 0
    for f in system.flat.equations:
        count += int(np.sum(~(np.abs(values.evaluate(f)) < tolerance)))
    return count
