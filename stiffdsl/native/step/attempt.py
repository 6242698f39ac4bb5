"""One step of a Rosenbrock method, tried: all stages, the new value, and the norm of the scaled error.

Two forms of the same step (`solve/methods/rosenbrock.py` says what it computes). The unrolled one (`unrolled.py`)
keeps the factors in registers and has no loop; the general one calls the functions of the model and of the factors,
and can do without the pivots planned ahead. Both return the error, or -1 where those pivots were bad: the first stage
is put back into its linear system, and what is left over must be small beside the terms. Where a derivative is not
finite, no pivots help; the general form says so by -2.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from stiffdsl.native.factors import lu, pivoted
from stiffdsl.native.functions.emission import Entries, size_written_out
from stiffdsl.native.ir.code import COLD, Code, IRModule
from stiffdsl.native.ir.form import Form
from stiffdsl.native.loop.time_events import TimeEvents
from stiffdsl.native.step.event_functions import KernelEvents
from stiffdsl.native.step.layout import Areas
from stiffdsl.native.step.outside import Bounds
from stiffdsl.native.step.relations import Kinks
from stiffdsl.program.program import Function
from stiffdsl.solve.integrate.events import NODES
from stiffdsl.solve.methods.explicit_tableau import ExplicitTableau
from stiffdsl.solve.methods.tableau import Tableau

# Terms near the smallest number there is: the part of them that is cut off says nothing about pivots.
SMALLEST = 1e-290
PARAMETERS = (
    ("double", "t"),
    ("double", "h"),
    ("double", "rtol"),
    ("ptr", "atol"),
    ("ptr", "y"),
    ("ptr", "p"),
    ("ptr", "operands"),
    ("ptr", "work"),
    ("ptr", "scaled"),
)


@dataclass(frozen=True, eq=False)
class KernelModel:
    """The model as a kernel takes it: functions with their tables, mass, the plan of the factors, and sizes."""

    rhs: Function
    jacobian: Function
    rhs_t: Function | None
    tables: dict[str, np.ndarray]
    tables_t: dict[str, np.ndarray]
    mass: np.ndarray
    # Mask of the unknowns whose errors steer the steps.
    counted: np.ndarray
    plan: lu.Plan
    tableau: Tableau
    inputs: int
    parameters: int
    # `prepare(p)` makes the last ones of the parameters, before the steps.
    prepare: Function | None = None
    # `project(t, y, p, u, atol, rtol)`: the end of a step, moved to where the invariants hold (`projection.py`).
    project: Function | None = None
    tables_project: dict[str, np.ndarray] = field(default_factory=dict)
    # Events in time, at which steps end; `side` is then a parameter (`time_events.py`) behind those given, or several.
    time_events: TimeEvents | None = None
    # Conditions that may change inside of steps (`kinks.py`).
    kinks: "Kinks | None" = None
    # Whether algebraic unknowns may bend inside of steps (`solve/base/between_steps.py`).
    curved: bool = False
    # Whether something in f may be narrow that depends on time, or on states that are functions of it.
    forced: bool = False
    # Events (`step/events.py`).
    events: KernelEvents | None = None
    # Arguments of tables that refuse what lies outside (`step/outside.py`).
    bounds: Bounds | None = None
    # The parameters that hold the figures of tables, which kernels do not differentiate by.
    figures: range = range(0)
    # The explicit method that steps are made by, where they are not made by `tableau`.
    explicit: ExplicitTableau | None = None

    @property
    def steps(self) -> Tableau | ExplicitTableau:
        """The method that steps are made by."""
        return self.tableau if self.explicit is None else self.explicit

    @property
    def moving_parameters(self) -> int:
        """The number of parameters that kernels differentiate by."""
        return self.parameters - len(self.figures)

    @property
    def n(self) -> int:
        return len(self.mass)

    @property
    def form(self) -> Form:
        """The sizes by which code is written."""
        return self.plan.form

    @property
    def weights(self) -> np.ndarray | None:
        """The mask as numbers; None where all unknowns count."""
        return None if np.all(self.counted) else self.counted.astype(float)

    @property
    def given(self) -> int:
        """The number of parameters that a solve is given."""
        made = 0 if self.prepare is None else self.prepare.ops[-1].size or 0
        return self.parameters - made - self.sides

    @property
    def sides(self) -> int:
        """The number of parameters, behind those given, that decide conditions on time."""
        return 0 if self.time_events is None else self.time_events.sides

    @property
    def lands(self) -> bool:
        """Whether something may jump in time: a condition, or a table."""
        return self.time_events is not None or self.inputs > 0

    @property
    def bends(self) -> bool:
        """Whether steps may have to end at knots."""
        timed = any(op.name == "input" and op.data == "t" for op in self.rhs.ops)
        return self.inputs > 0 or timed or self.forced

    @property
    def resets(self) -> bool:
        """Whether jumps set algebraic unknowns anew (`reset.py`)."""
        return (self.lands or self.events is not None) and not np.all(self.mass)

    @property
    def starts_anew(self) -> bool:
        """Whether steps may begin without memory on their way."""
        return self.lands or self.events is not None

    @property
    def leaps(self) -> bool:
        """Whether values may be others behind a time than before it."""
        return self.resets or self.events is not None

    @property
    def holds_conditions(self) -> bool:
        """Whether attempts hold conditions as they are where they begin."""
        return self.kinks is not None and self.kinks.in_steps and self.explicit is None

    @property
    def fills_parameters(self) -> bool:
        """Whether some parameters are made in a solve."""
        return self.prepare is not None or self.time_events is not None


def work_areas(model: KernelModel, scratch: int) -> Areas:
    """The arrays of one lane that nothing outside of a call sees."""
    n, steps = model.n, model.steps
    events = 0 if model.events is None else model.events.count
    return Areas(
        (
            ("u", model.inputs),
            ("u_t", model.inputs),
            ("span", 2 + model.inputs),
            ("P", model.parameters if model.fills_parameters else 0),
            ("side", model.time_events.count if model.time_events else 0),
            ("lines", 2 * model.time_events.count if model.time_events else 0),
            ("here", 1),
            ("held", 1),
            ("f_t", n),
            ("y1", n),
            ("stages", len(steps.c) * n),
            ("K", len(steps.H) * n),
            ("known", 1),
            ("stiff", 1),
            ("argument", n),
            ("b", n),
            ("z", n),
            ("J", (len(model.jacobian.ops) and (model.jacobian.ops[-1].size or 0)) or 1),
            ("W", len(model.plan.source)),
            ("LU", model.plan.storage),
            ("A", pivoted.storage(model.plan)),
            ("pivots", n),
            ("kink_length", 1 if model.kinks else 0),
            ("held_relations", 2 * model.kinks.count if model.kinks else 0),
            ("relations", 2 * model.kinks.count if model.kinks else 0),
            ("compared", 3 * model.kinks.count if model.kinks else 0),
            ("events", 2 * events),
            ("event_nodes", 2 * events * len(NODES)),
            ("before", events),
            ("also", events),
            ("fired", events),
            ("acted", events),
            ("crowd", events),
            ("reset_y", n + 2 if events else 0),
            ("behind_y", n + 1 if events else 0),
            ("looked_up", 0 if model.bounds is None else model.bounds.count),
            ("bracket", 3),
            ("polynomial", 8 if events else 0),
            ("happened", 3),
            ("scratch", scratch),
        )
    )


def pattern(model: KernelModel) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the values of J."""
    plan = model.plan
    own = plan.source >= 0
    count = int(own.sum())
    rows, columns = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    rows[plan.source[own]], columns[plan.source[own]] = plan.pattern_rows[own], plan.pattern_columns[own]
    return rows, columns


def is_small(model: KernelModel) -> bool:
    """Whether a step is written out without loops."""
    if not model.plan.written_out:
        return False
    n, tableau, plan = model.n, model.tableau, model.plan
    stage = size_written_out(model.rhs) + 2 * plan.entries + n * (tableau.stages + 4)
    return (
        tableau.stages * stage + size_written_out(model.jacobian) + 2 * plan.multiplications
        <= model.form.unrolled_step
    )


class Writer:
    """The common part of both forms: pointers to arrays, and inputs at the times of stages."""

    def __init__(self, code: Code, model: KernelModel, areas: Areas):
        self.code, self.model, self.areas = code, model, areas
        self.driven_at: float | None = None
        self.u: Entries | None = None

    def area(self, name: str, row: int = 0) -> str:
        return self.code.at("%work", self.areas[name] + row * self.model.n)

    def time(self, c: float) -> str:
        if c == 0.0:
            return "%t"
        code = self.code
        return code.apply("add", "%t", code.apply("mul", code.number(float(c)), "%h"))

    def drive(self, c: float) -> None:
        """Inputs at `t + c h`."""
        if self.model.inputs and self.driven_at != c:
            pointers = ("%operands", *(self.area(name) for name in ("span", "u", "u_t")))
            self.code.call("inputs", f"double {self.time(c)}", *(f"ptr {p}" for p in pointers))
            self.driven_at, self.u = c, Entries(self.code, self.area("u"))

    def slope_in_time(self) -> None:
        """f_t into its array; it stays zero where nothing changes with time."""
        if self.model.rhs_t is not None:
            pointers = ("y", "p")
            listed = [f"ptr %{a}" for a in pointers]
            listed += [f"ptr {self.area(a)}" for a in ("u", "u_t", "f_t", "scratch")]
            self.code.call("rhs_t", "double %t", *listed)

    def scaled(self, k: str, before: str, after: str, u: str) -> str:
        """The error u of unknown k over what is tolerated; zero for a finite one that does not count."""
        code = self.code
        u, atol = self.weighed(k, u), code.load_part("%atol", k)
        size = code.larger(code.apply("abs", before), code.apply("abs", after))
        tolerated = code.apply("add", atol, code.apply("mul", code.same("%rtol"), size))
        return code.apply("div", u, tolerated)

    def weighed(self, k: str, error: str) -> str:
        """An error as it counts."""
        weights = self.model.weights
        if weights is None:
            return error
        return self.code.apply("mul", self.code.load_part(self.code.module.constants(weights), k), error)

    def finish(self, squares: str) -> None:
        code = self.code
        mean = code.apply("mul", squares, code.number(1.0 / np.sum(self.model.counted)))
        code.put(f"ret double {code.apply('sqrt', mean)}")
        code.finish()


def emit_general(
    module: IRModule, model: KernelModel, areas: Areas, planned: bool, held: bool = False
) -> None:
    """`attempt_general(…, dense)`: by calls; `dense` takes pivots as they come, else those of the plan.

    Without `planned`, the functions that follow the plan do not exist and `dense` is always true.
    `held`: `attempt_held`, the same with all conditions as they are where the step begins.
    """
    code = Code(
        module,
        "attempt_held" if held else "attempt_general",
        (*PARAMETERS, ("i1", "dense")),
        "double",
        attributes="noinline" if planned else COLD,
    )
    writer = Writer(code, model, areas)
    n, tableau = model.n, model.tableau

    def area(name: str, row: int = 0) -> str:
        return f"ptr {writer.area(name, row)}"

    def of_model(function: str, c: float, y: str, *arrays: str) -> None:
        time = f"double {writer.time(c)}"
        code.call(function, time, f"ptr {y}", "ptr %p", *map(area, ("u", *arrays, "scratch")))

    law = ("held", "held_relations") if held else ("rhs",)
    writer.drive(0.0)
    if held:
        of_model("relations", 0.0, "%y", "held_relations")
    of_model("jacobian", 0.0, "%y", "J")
    writer.slope_in_time()
    with code.when("%dense"):
        _refuse(code, writer)
    alpha = code.apply("div", code.number(1.0), code.apply("mul", "%h", code.number(tableau.gamma)))
    inverse_h = code.apply("div", code.number(1.0), "%h")
    code.call("assemble", f"double {alpha}", area("J"), area("W"))
    by_pivots = partial(_by_pivots, code, area, planned)
    by_pivots("factor", ("W", "A", "pivots"), ("W", "LU"))
    mass = module.constants(np.asarray(model.mass, dtype=float))
    argument, y1, b, f_t = map(writer.area, ("argument", "y1", "b", "f_t"))
    stages = [writer.area("stages", i) for i in range(tableau.stages)]

    def earlier(i: int, k: str) -> list[str]:
        return [code.load_part(stage, k) for stage in stages[:i]]

    for i in range(tableau.stages):
        with code.sweep(n) as k:
            increments = code.combination(tableau.a[i], earlier(i, k))
            value = code.apply("add", code.load_part("%y", k), increments)
            code.store_part(value, argument, k)
        writer.drive(tableau.c[i])
        timed = model.rhs_t is not None and tableau.d[i]
        # The new value is not there yet: its array takes what more is added to.
        function, *more = law
        of_model(function, tableau.c[i], argument, *more, "y1" if i or timed else "b")
        weight = code.apply("mul", "%h", code.number(float(tableau.d[i])))
        if i or timed:
            with code.sweep(n) as k:
                value = code.load_part(y1, k)
                if i:
                    history = code.combination(tableau.C[i], earlier(i, k))
                    history = code.apply("mul", history, code.same(inverse_h))
                    if not np.all(model.mass):
                        own = code.apply("ne", code.load_part(mass, k), code.number(0.0))
                        history = code.select(own, history, code.number(0.0))
                    value = code.apply("add", value, history)
                if timed:
                    slope = code.apply("mul", code.same(weight), code.load_part(f_t, k))
                    value = code.apply("add", value, slope)
                code.store_part(value, b, k)
        by_pivots("solve", ("A", "pivots", "b", ("stages", i)), ("LU", "b", ("stages", i), "z"))
        if planned and i == 0:
            good = code.call("check", area("W"), area("b"), area("stages"), result="i1")
            with code.when(code.value(f"xor i1 {code.value(f'or i1 %dense, {good}')}, true")):
                code.put(f"ret double {code.number(-1.0)}")
                code.label("unreached")
    with code.sweep(n) as k:
        # The argument of the last stage is still there.
        u = code.load_part(stages[-1], k)
        after = code.apply("add", code.load_part(argument, k), u)
        code.store_part(after, y1, k)
        scaled = writer.scaled(k, code.load_part("%y", k), after, u)
        code.store_part(scaled, "%scaled", k)
    writer.finish(code.squares("%scaled", n))


def _by_pivots(
    code: Code, area: Callable[..., str], planned: bool, function: str, as_they_come: tuple, by_plan: tuple
) -> None:
    """A function of the factors, with pivots as they come where `%dense` says so or nothing is `planned`; of either the
    arrays that it takes."""

    def call(name: str, arrays: tuple) -> None:
        code.call(name, *(area(a) if isinstance(a, str) else area(*a) for a in arrays))

    if not planned:
        call(f"pivoted_{function}", as_they_come)
        return
    with code.choice("%dense") as (yes, no):
        with yes:
            call(f"pivoted_{function}", as_they_come)
        with no:
            call(function, by_plan)


def _refuse(code: Code, writer: Writer) -> None:
    """Returns -2 where a derivative by the unknowns or by time is not finite."""
    total = code.variable("double", code.number(0.0))
    for name, count in (("J", len(pattern(writer.model)[0])), ("f_t", writer.model.n)):
        with code.loop(count) as k:
            value = code.load(writer.area(name), k)
            code.store(code.apply("add", code.load(total), code.apply("sub", value, value)), total)
    with code.when(code.apply("not", code.apply("eq", code.load(total), code.number(0.0)))):
        code.put(f"ret double {code.number(-2.0)}")
        code.label("refused")


def allowed(code: Code, size: str) -> str:
    """The residual tolerated beside terms of that size."""
    return code.apply(
        "mul", code.number(code.module.form.bad_pivots), code.larger(size, code.number(SMALLEST))
    )


def emit_check(module: IRModule, plan: lu.Plan) -> None:
    """`check(W, b, x) -> i1`: whether W x = b, beside the size of its terms."""
    names = ("W", "b", "x")
    code = Code(module, "check", [("ptr", name) for name in names], "i1", attributes="noinline")
    starts = module.constants(np.searchsorted(plan.pattern_rows, np.arange(plan.n + 1)).astype(np.int32))
    columns = module.constants(plan.pattern_columns.astype(np.int32))
    left, size = code.variable("double"), code.variable("double")
    good = code.variable("i1", "true")
    with code.loop(plan.n) as k:
        b = code.load("%b", k)
        code.store(b, left)
        code.store(code.apply("abs", b), size)
        following = code.index(starts, code.integer("add", k, "1"))
        with code.loop(following, code.index(starts, k)) as e:
            product = code.apply("mul", code.load("%W", e), code.load("%x", code.index(columns, e)))
            code.store(code.apply("sub", code.load(left), product), left)
            code.store(code.apply("add", code.load(size), code.apply("abs", product)), size)
        holds = code.apply("le", code.apply("abs", code.load(left)), allowed(code, code.load(size)))
        code.store(code.value(f"and i1 {code.load(good, kind='i1')}, {holds}"), good, kind="i1")
    code.put(f"ret i1 {code.load(good, kind='i1')}")
    code.finish()
