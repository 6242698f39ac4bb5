"""`lower`: the sorted system as an array program."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from stiffdsl.flat.conditions.events import families_of
from stiffdsl.flat.model import TIME, Family
from stiffdsl.flat.template import symbols_of
from stiffdsl.graph.system import SortedSystem
from stiffdsl.program.builder import Builder, ConstantTables
from stiffdsl.program.definitions import in_parameters, parameters, scattered
from stiffdsl.program.derivatives.jacobian import Accumulation, Nonzeros
from stiffdsl.program.evaluation import Evaluation
from stiffdsl.program.events import event_table, guards, reset, still
from stiffdsl.program.program import Function, OperationCounts, Program
from stiffdsl.program.relations import HeldRelations, relations
from stiffdsl.program.tables import named
from stiffdsl.program.time.time_events import TimeEventRewriter
from stiffdsl.program.values import Numbers, Vectors, is_long

# Models of at most this many equations, and sums of at most this many terms, are written number by number.
SCALAR = 80
# So are larger models of more families than that, with no more members and terms than this for each.
UNLIKE = 4


def lower(system: SortedSystem, by_number: bool | None = None) -> Program:
    """The program of `system`, written number by number or over vectors (None: by its size); its functions share one
    builder, which works everything out once."""
    scalar = _by_number(system) if by_number is None else by_number
    builder = Builder(ConstantTables())
    lowering = _Lowering(
        system, builder, (Numbers if scalar else Vectors)(builder, in_parameters(system.flat, builder))
    )
    time_dependent = _mention_time([*(a.value for a in system.assignments), *system.residuals])
    f, jacobian, work = lowering.steps()
    lowering.variables()
    lowering.definitions()
    initial, initial_columns = lowering.initial()
    invariants = lowering.conserved()
    periodic, follow = np.zeros(0, dtype=bool), False
    watched = lowering.lookups()
    time_events = TimeEventRewriter(builder)
    kinks = relations(builder, f, time_events.decides, frozenset(np.flatnonzero(still(system)).tolist()))
    if kinks is not None:
        lowering.relations(kinks)
    if system.flat.events:
        lowering.events()
    planned = lowering.planned
    if time_dependent or _mention_time([*families_of(system.flat.events)]):
        planned = [(name, a, doc, time_events.of(result, a)) for name, a, doc, result in planned]
    if time_events.found:
        result, periodic, follow = time_events.crossings()
        doc = "Offsets, then slopes, of the lines over time that conditions on time alone compare or round."
        planned.append(("crossings", ("p", "side"), doc, result))
        time_events.settle()
    unused = () if time_events.found else ("side",)
    functions = [
        Function(name, tuple(a for a in arguments if a not in unused), doc, *builder.needed(k))
        for name, arguments, doc, k in planned
    ]
    renamed, tables = named(functions, builder.tables)
    return Program(
        system,
        renamed,
        tables,
        rows=jacobian.member,
        columns=jacobian.column,
        initial_rows=initial.member,
        initial_columns=initial_columns,
        time_dependent=time_dependent,
        scalar=scalar,
        invariant_rows=invariants.member,
        invariant_columns=invariants.column,
        work=replace(work, folded=builder.folded),
        crossings_periodic=periodic,
        crossings_follow=follow,
        relation_rises=np.zeros(0) if kinks is None else kinks.rises,
        events=event_table(system),
        watched=watched,
    )


class _Lowering:
    """The functions of a program as they are built: `planned` holds name, arguments, documentation and result."""

    def __init__(self, system: SortedSystem, builder: Builder, values: Numbers | Vectors):
        self.system, self.builder = system, builder
        self.evaluation = Evaluation(system, values)
        self.derivatives = Accumulation(self.evaluation)
        self.planned: list[tuple[str, tuple[str, ...], str, int]] = []

    def _function(self, name: str, arguments: str, doc: str, result: int) -> None:
        self.planned.append((name, tuple(arguments.split()), doc, result))

    def _in_steps(self, name: str, doc: str, result: int) -> None:
        """A function that steps evaluate: conditions on time alone are decided at `side`."""
        self._function(name, "t y p u side", doc, result)

    def _families(self, families: Sequence[Family]) -> int:
        """The values of families, one after another."""
        return self.evaluation.joined([self.evaluation.family(f) for f in families])

    def steps(self) -> tuple[int, Nonzeros, OperationCounts]:
        """f and its Jacobian: the number of f, the entries of the Jacobian, and the operations that both take."""
        system, evaluation, builder = self.system, self.evaluation, self.builder
        rows = [evaluation.column("der", system.states), *(evaluation.family(f) for f in system.residuals)]
        doc = "The derivative of every state, then the residuals: f of M dy/dt = f."
        f = evaluation.joined(rows)
        self._in_steps("rhs", doc, f)
        asked = builder.asked
        jacobian = self.derivatives.of_rows()
        doc = "The structural nonzeros of df/dy, row by row."
        df = evaluation.values.vector(jacobian.value)
        self._in_steps("jacobian", doc, df)
        return f, jacobian, _work(builder, f, df, asked)

    def variables(self) -> None:
        """The declared variables and their derivatives."""
        declared = self.evaluation.declared
        self._function("variables", "t y p u", "Every declared variable.", declared("var"))
        doc = "The derivative of every declared variable that has one; NaN for the others."
        self._function("derivatives", "t y p u", doc, declared("der"))

    def definitions(self) -> None:
        """Parameters, inputs, and start values by their definitions in the model."""
        flat, builder = self.system.flat, self.builder
        doc = "All parameters: those given where `mask` is set, the others by their definitions."
        self._function("parameters", "given mask", doc, parameters(flat, builder, self.system.totals))
        inputs = scattered(flat, builder, flat.input_values, sum(b.size for b in flat.inputs))
        self._function("input_defaults", "p", "The inputs that nobody drives.", inputs)
        doc = "The start value of every declared variable; NaN where there is none."
        self._function("start", "p u t", doc, scattered(flat, builder, flat.starts, flat.size))
        doc = "A guess of the start value of every declared variable; NaN where there is none."
        self._function("guess", "p u t", doc, scattered(flat, builder, flat.guesses, flat.size))

    def initial(self) -> tuple[Nonzeros, np.ndarray]:
        """The initial equations: the entries of their Jacobian, and the column of each among the free unknowns."""
        system = self.system
        conditions = (*system.initial.conditions, *system.residuals)
        jacobian = self.derivatives.of_families(conditions)
        place = np.full(system.size, -1, dtype=np.int64)
        place[system.initial.free] = np.arange(len(system.initial.free))
        jacobian = self.derivatives.kept(jacobian, np.flatnonzero(place[jacobian.column] >= 0))
        doc = "What must be zero at the initial time."
        self._function("initial_residual", "t y p u start", doc, self._families(conditions))
        doc = "The structural nonzeros of the initial residual by the free entries of y, row by row."
        values = self.evaluation.values.vector(jacobian.value)
        self._function("initial_jacobian", "t y p u start", doc, values)
        doc = "Start values and equations left over, which must be zero."
        self._function("checks", "t y p u start", doc, self._families(system.initial.checks))
        return jacobian, place[jacobian.column]

    def conserved(self) -> Nonzeros:
        """Totals of conserved quantities, and invariants: the entries of the invariants' Jacobian."""
        system = self.system
        if system.totals:
            doc = "The totals of conserved quantities for the state that a run begins with."
            self._function("totals", "p start", doc, self._families(system.totals))
        jacobian = self.derivatives.of_families(system.invariants)
        if system.invariants:
            doc = "Constraints that every solution holds: the solver takes y back to where they are zero."
            self._in_steps("invariants", doc, self._families(system.invariants))
            doc = "The structural nonzeros of the derivative of `invariants` by y, row by row."
            self._in_steps("invariants_jacobian", doc, self.evaluation.values.vector(jacobian.value))
        return jacobian

    def lookups(self) -> np.ndarray:
        """The arguments of tables that refuse what lies outside: the table and the argument's place of each entry."""
        b = self.builder
        used = [w for w in b.watched if not b.reads(w[2], ("start", "given", "mask", "fired", "m"))]
        if not used:
            return np.zeros((0, 2), dtype=np.int64)
        sizes = [b.ops[value].size or 1 for _, _, value in used]
        parts = [b.full(value, size) for (_, _, value), size in zip(used, sizes, strict=True)]
        self._function(
            "lookups", "t y p u", "Arguments of tables that refuse what lies outside.", b.concatenate(parts)
        )
        return np.repeat(np.array([(table, k) for table, k, _ in used]), sizes, axis=0)

    def relations(self, kinks: HeldRelations) -> None:
        """Conditions that change while the equations are solved, and f with them held."""
        doc = "Each condition that changes while the equations are solved."
        self._in_steps("relations", doc, kinks.values)
        doc = "rhs, with each of these conditions as `m` says."
        self._function("held", "t y p u m side", doc, kinks.held)

    def events(self) -> None:
        """The functions of events: conditions, and the values that they set."""
        doc = "Of every event what fires where it rises, then a number that is positive where its condition holds."
        self._in_steps("guards", doc, guards(self.evaluation))
        doc = "y after the events `fired`, the number of what ends the run, and whether events contradict one another."
        self._function("reset", "t y p u fired side", doc, reset(self.evaluation))


def _work(builder: Builder, f: int, df: int, asked: int) -> OperationCounts:
    """Operation counts of f and of the Jacobian, before and after common subexpressions are shared."""
    of_f, of_jacobian = builder.used(f), builder.used(df)
    own, shared = of_jacobian & ~of_f, of_jacobian & of_f
    return OperationCounts(
        (asked, builder.work(of_f)),
        (builder.asked - asked, builder.work(own)),
        builder.work(shared),
        builder.folded,
        builder.work((of_f | of_jacobian) & builder.follows("p")),
    )


def _by_number(system: SortedSystem) -> bool:
    """Whether the model is small, or its equations are unlike one another: vectors would be short then."""
    families = [a.value for a in system.assignments] + list(system.residuals)
    sizes = [1 if is_long(f.template, f.size) else f.size for f in families]
    terms = [len(s.table) for f in families for s in f.sums]
    if sum(sizes) <= SCALAR:
        return max(terms, default=0) <= SCALAR
    return len(sizes) > SCALAR and sum(sizes) + sum(terms) <= UNLIKE * len(sizes)


def _mention_time(families: Sequence[Family]) -> bool:
    terms = [s.term for f in families for s in f.sums]
    return any(TIME in symbols_of(e) for e in [*(f.template for f in families), *terms])
