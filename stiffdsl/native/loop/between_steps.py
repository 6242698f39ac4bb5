"""The look inside of an accepted step at algebraic unknowns, as `solve/base/between_steps.py` does."""

import numpy as np

from stiffdsl.native.loop.saving import Saving
from stiffdsl.native.step.attempt import pattern
from stiffdsl.solve.base import between_steps


class BetweenSteps(Saving):
    """Code for one solve."""

    def gather(self) -> None:
        """Makes stages, new value, parameters and inputs of the attempt lie in their arrays."""

    def _error_between(self, t: str, h: str, error: str) -> str:
        """As `between_steps.error_between`."""
        code, number, tableau = self.code, self.number, self.model.tableau
        if not self.model.curved:
            return error
        result = code.variable("double", error)
        unknowns = np.flatnonzero(self.model.mass == 0).astype(np.int32)
        listed = code.module.constants(unknowns)
        early = code.apply("lt", self.get("rejections"), number(between_steps.PATIENCE))
        with code.when(code.apply("and", code.apply("le", error, number(1)), early)):
            most = code.variable("double", number(0))
            with code.loop(len(unknowns)) as e:
                k = code.index(listed, e)
                stages = [self.stage(i, k) for i in range(tableau.stages)]
                power = code.apply("abs", code.combination(tableau.H[-1], stages))
                ratio = code.apply("div", power, self._tolerated(k))
                code.store(code.larger(code.load(most), ratio), most)
            suspicious = code.apply("gt", code.load(most), number(between_steps.SUSPICIOUS))
            with code.when(suspicious):
                self.gather()
                self._rows(t, h)
                code.store(number(0), most)
                for place in between_steps.PLACES:
                    self._look_between(t, h, number(place), listed, len(unknowns), most)
                missed = code.apply("mul", code.load(most), number(1.0 / between_steps.LIMIT))
                with code.when(code.apply("gt", missed, number(1))):
                    code.store(missed, result)
        return code.load(result)

    def _look_between(self, t: str, h: str, place: str, listed: str, count: int, most: str) -> None:
        """The largest residual of the algebraic equations at a place in the step, into `most` if it is larger."""
        code, number, y, J, b, allowed = self.code, self.number, *map(self.area, ("argument", "J", "b", "z"))
        self._interpolate(place, y)
        time = code.apply("add", t, code.apply("mul", place, h))
        self.drive(time)
        pointers = (y, self.p, self.area("u"))
        for name, found in (("rhs", b), ("jacobian", J)):
            values = (f"ptr {p}" for p in (*pointers, found, self.area("scratch")))
            code.call(name, f"double {time}", *values)
        with code.loop(self.n) as k:
            code.store(number(0), allowed, k)
        rows, columns = (code.module.constants(a.astype(np.int32)) for a in pattern(self.model))
        with code.loop(len(pattern(self.model)[0])) as e:
            row, column = code.index(rows, e), code.index(columns, e)
            term = code.apply("mul", code.apply("abs", code.load(J, e)), self._tolerated(column))
            code.store(code.apply("add", code.load(allowed, row), term), allowed, row)
        with code.loop(count) as e:
            k = code.index(listed, e)
            residual = code.apply("abs", code.load(b, k))
            ratio = code.apply("div", residual, code.load(allowed, k))
            larger = code.larger(code.load(most), ratio)
            some = code.apply("gt", residual, number(0))
            code.store(code.select(some, larger, code.load(most)), most)

    def _tolerated(self, k: str) -> str:
        """The error that is tolerated of unknown k in an attempt."""
        code = self.code
        ends = (code.apply("abs", value) for value in (code.load(self.y, k), self.after(k)))
        tolerated = code.apply("mul", self.option("rtol"), code.larger(*ends))
        return code.apply("add", code.load(self.pointers["atol"], k), tolerated)
