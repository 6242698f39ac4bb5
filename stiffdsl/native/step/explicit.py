"""One step of an explicit Runge-Kutta method, tried (`solve/methods/explicit.py` says what it computes): all stages,
the new value, and the norm of the scaled error.

    attempt(…) -> error      the first stage, the slope where the step begins, lies in its row of `stages` already
    dense_rows(…)            rows of dense output, with the stages that serve it alone

Stages are slopes. Beside the error, an attempt says whether stability bounds it: |h| times the rate by which the last
two stages, both at its end, differ from one another (Hairer and Wanner, *Solving Ordinary Differential Equations II*,
IV.2). There is nothing to factor, so nothing has pivots.
"""

from collections.abc import Sequence

from stiffdsl.native.functions.emission import Entries, size_written_out, unrolled
from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.step.attempt import PARAMETERS, KernelModel, Writer
from stiffdsl.native.step.layout import Areas
from stiffdsl.solve.base.stiffness import EXPLICIT_BOUND

_ROWS = PARAMETERS[:-1]


def explicit_limits(model: KernelModel) -> str | None:
    """Why a kernel of an explicit method cannot serve a model; None where it can."""
    if not model.mass.all():
        return "an explicit method solves no algebraic equations"
    if model.project is not None:
        return "steps of an explicit kernel do not return to invariants"
    if model.kinks is not None:
        return "steps of an explicit kernel do not look for kinks"
    return None


def is_written_out(model: KernelModel) -> bool:
    """Whether an explicit step is written out without loops."""
    stages = len(model.steps.c)
    work = size_written_out(model.rhs) + model.n * (stages + 4)
    return size_written_out(model.rhs) <= model.form.unrolled_function and (
        stages * work <= model.form.unrolled_step
    )


def emit_explicit(module: IRModule, model: KernelModel, areas: Areas) -> None:
    """Both functions."""
    steps = _Written if is_written_out(model) else _Swept
    tried = steps(Code(module, "attempt", PARAMETERS, "double", attributes="noinline"), model, areas)
    tried.attempt()
    rows = steps(Code(module, "dense_rows", _ROWS, attributes="noinline"), model, areas)
    rows.dense_rows()


class _Steps:
    """The code of one of the functions."""

    def __init__(self, code: Code, model: KernelModel, areas: Areas):
        assert model.explicit is not None
        self.code, self.model, self.tableau, self.n = code, model, model.explicit, model.n
        self.writer = Writer(code, model, areas)
        self.area = self.writer.area

    def attempt(self) -> None:
        raise NotImplementedError

    def dense_rows(self) -> None:
        raise NotImplementedError

    def told(self, far: str, near: str) -> None:
        """Into `stiff` whether stability bounds the step: 1, else 0; squares of norms of the last two slopes' and
        arguments' difference."""
        code, number = self.code, self.code.number
        limit = code.apply("mul", number(EXPLICIT_BOUND**2), near)
        fast = code.apply("gt", code.apply("mul", code.apply("mul", "%h", "%h"), far), limit)
        code.store(code.select(fast, number(1.0), number(0.0)), self.area("stiff"))

    def inverse_tolerated(self, k: str, before: str, after: str) -> str:
        code = self.code
        size = code.larger(code.apply("abs", before), code.apply("abs", after))
        tolerated = code.apply("add", code.load_part("%atol", k), code.apply("mul", code.same("%rtol"), size))
        return code.apply("div", code.number(1.0), tolerated)


class _Written(_Steps):
    """Number by number, in registers."""

    def combined(
        self, factors: Sequence[float], stages: Sequence[Sequence[str]], k: int, start: str | None = None
    ) -> str:
        """`start` and h times the sum of slopes, the newest last: that is what everything waits for. Slopes that are
        zero for certain are left out."""
        code, zero, total = self.code, self.code.number(0.0), start
        for factor, slopes in zip(factors, stages, strict=False):
            if not factor or slopes[k] == zero:
                continue
            weight = code.apply("mul", "%h", code.number(float(factor)))
            if total is None:
                total = code.apply("mul", weight, slopes[k])
            else:
                total = code.fused(weight, slopes[k], total)
        return zero if total is None else total

    def stage(self, i: int, y: Sequence[str], stages: Sequence[Sequence[str]]) -> tuple[list[str], list[str]]:
        """The argument of stage i, and its slope."""
        code, model, c = self.code, self.model, float(self.tableau.c[i])
        argument = [self.combined(self.tableau.a[i], stages, k, y[k]) for k in range(self.n)]
        self.writer.drive(c)
        arguments = {"t": self.writer.time(c), "y": argument, "p": self.p, "u": self.writer.u}
        return argument, list(unrolled(code, model.rhs, model.tables, arguments))

    def opened(self) -> tuple[list[str], Entries]:
        code = self.code
        self.p = Entries(code, "%p")
        return [code.load("%y", k) for k in range(self.n)], self.p

    def kept(self, i: int, slope: Sequence[str]) -> None:
        for k, value in enumerate(slope):
            self.code.store(value, self.area("stages", i), k)

    def loaded(self, i: int) -> list[str]:
        return [self.code.load(self.area("stages", i), k) for k in range(self.n)]

    def attempt(self) -> None:
        code, n, count = self.code, self.n, self.tableau.stages
        y, _ = self.opened()
        stages, arguments = [self.loaded(0)], [y]
        for i in range(1, count):
            argument, slope = self.stage(i, y, stages)
            arguments.append(argument)
            stages.append(slope)
            self.kept(i, slope)
        squares, far, near = [], [], []
        for k in range(n):
            after, place = arguments[-1][k], str(k)
            inverse = self.inverse_tolerated(place, y[k], after)
            error = self.writer.weighed(place, self.combined(self.tableau.e, stages, k))
            scaled = code.apply("mul", error, inverse)
            code.store(after, self.area("y1"), k)
            code.store(scaled, "%scaled", k)
            squares.append(code.apply("mul", scaled, scaled))
            for found, (one, other) in (
                (far, (stages[-1][k], stages[-2][k])),
                (near, (after, arguments[-2][k])),
            ):
                if one != other:
                    away = code.apply("mul", code.apply("sub", one, other), inverse)
                    found.append(code.apply("mul", away, away))
        self.told(code.total(far), code.total(near))
        self.writer.finish(code.total(squares))

    def dense_rows(self) -> None:
        code, tableau = self.code, self.tableau
        y, _ = self.opened()
        stages = [self.loaded(i) for i in range(tableau.stages)]
        for i in range(tableau.stages, len(tableau.c)):
            stages.append(self.stage(i, y, stages)[1])
        for r, row in enumerate(tableau.H):
            for k in range(self.n):
                code.store(self.combined(row, stages, k), self.area("K", r), k)
        code.put("ret void")
        code.finish()


class _Swept(_Steps):
    """In loops, with calls of the equations."""

    def __init__(self, code: Code, model: KernelModel, areas: Areas):
        super().__init__(code, model, areas)
        # Places are those of doubles: looked up before numbers are vectors.
        self.rows = [self.area("stages", i) for i in range(len(self.tableau.c))]
        self.K = [self.area("K", r) for r in range(len(self.tableau.H))]

    def combined(self, factors: Sequence[float], k: str) -> str:
        code = self.code
        used = [(float(a), row) for a, row in zip(factors, self.rows, strict=False) if a]
        total = code.combination([a for a, _ in used], [code.load_part(row, k) for _, row in used])
        return code.apply("mul", code.same("%h"), total)

    def stage(self, i: int, argument: str) -> None:
        """Stage i into its row, with its argument in an array."""
        code, c = self.code, float(self.tableau.c[i])
        with code.sweep(self.n) as k:
            value = code.apply("add", code.load_part("%y", k), self.combined(self.tableau.a[i], k))
            code.store_part(value, argument, k)
        self.writer.drive(c)
        pointers = (argument, "%p", self.area("u"), self.rows[i], self.area("scratch"))
        code.call("rhs", f"double {self.writer.time(c)}", *(f"ptr {p}" for p in pointers))

    def attempt(self) -> None:
        code, n, count = self.code, self.n, self.tableau.stages
        before, after, far, near = map(self.area, ("argument", "y1", "b", "z"))
        for i in range(1, count):
            self.stage(i, after if i == count - 1 else before)
        last = self.rows[count - 1], self.rows[count - 2]
        with code.sweep(n) as k:
            value = code.load_part(after, k)
            inverse = self.inverse_tolerated(k, code.load_part("%y", k), value)
            error = self.writer.weighed(k, self.combined(self.tableau.e, k))
            code.store_part(code.apply("mul", error, inverse), "%scaled", k)
            slopes = code.apply("sub", *(code.load_part(row, k) for row in last))
            code.store_part(code.apply("mul", slopes, inverse), far, k)
            arguments = code.apply("sub", value, code.load_part(before, k))
            code.store_part(code.apply("mul", arguments, inverse), near, k)
        self.told(code.squares(far, n), code.squares(near, n))
        self.writer.finish(code.squares("%scaled", n))

    def dense_rows(self) -> None:
        code, tableau = self.code, self.tableau
        for i in range(tableau.stages, len(tableau.c)):
            self.stage(i, self.area("argument"))
        for r, row in enumerate(tableau.H):
            with code.sweep(self.n) as k:
                code.store_part(self.combined(row.tolist(), k), self.K[r], k)
        code.put("ret void")
        code.finish()
