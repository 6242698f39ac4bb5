"""`lower`: the sorted system as an array program."""

from dataclasses import replace

import numpy as np

from stiffdsl.flat.model import TIME
from stiffdsl.graph.system import SortedSystem
from stiffdsl.program.definitions import parameters, scattered
from stiffdsl.program.evaluation import Evaluation
from stiffdsl.program.jacobian import Accumulation
from stiffdsl.program.ops import Builder, ConstantTables
from stiffdsl.program.program import Function, OperationCounts, Program
from stiffdsl.program.relations import relations
from stiffdsl.program.stops import Stops
from stiffdsl.program.tables import named
from stiffdsl.program.values import Numbers, Vectors

# Models of at most this many equations, and sums of at most this many terms, are written number by number.
SCALAR = 80
# So are larger models of more families than that, with no more members and terms than this for each.
UNLIKE = 4


def lower(system: SortedSystem) -> Program:
    """The program of `system`; its functions share one builder, which works everything out once."""
    flat = system.flat
    scalar = _by_number(system)
    builder = Builder(ConstantTables())
    evaluation = Evaluation(system, (Numbers if scalar else Vectors)(builder))
    derivatives = Accumulation(evaluation)
    planned: list[tuple[str, tuple[str, ...], str, int]] = []
    time_dependent = _mentions_time(system)

    def function(name: str, arguments: str, doc: str, result: int) -> None:
        planned.append((name, tuple(arguments.split()), doc, result))

    def in_steps(name: str, doc: str, result: int) -> None:
        """A function that steps evaluate: conditions on time alone are decided at `side`."""
        planned.append((name, ("t", "y", "p", "u", "side"), doc, result))

    rows = [evaluation.column("der", system.states), *(evaluation.family(f) for f in system.residuals)]
    doc = "The derivative of every state, then the residuals: f of M dy/dt = f."
    f = evaluation.joined(rows)
    in_steps("rhs", doc, f)
    asked = builder.asked
    jacobian = derivatives.of_rows()
    doc = "The structural nonzeros of df/dy, row by row."
    df = evaluation.values.vector(jacobian.value)
    in_steps("jacobian", doc, df)
    work = _work(builder, f, df, asked)
    function("variables", "t y p u", "Every declared variable.", evaluation.declared("var"))
    doc = "The derivative of every declared variable that has one; NaN for the others."
    function("derivatives", "t y p u", doc, evaluation.declared("der"))

    doc = "All parameters: those given where `mask` is set, the others by their definitions."
    function("parameters", "given mask", doc, parameters(flat, builder, system.totals))
    inputs = scattered(flat, builder, flat.input_values, sum(b.size for b in flat.inputs))
    function("input_defaults", "p", "The inputs that nobody drives.", inputs)
    doc = "The start value of every declared variable; NaN where there is none."
    function("start", "p u t", doc, scattered(flat, builder, flat.starts, flat.size))
    doc = "A guess of the start value of every declared variable; NaN where there is none."
    function("guess", "p u t", doc, scattered(flat, builder, flat.guesses, flat.size))

    conditions = (*system.initial.conditions, *system.residuals)
    at_start = derivatives.of_families(conditions)
    place = np.full(system.size, -1, dtype=np.int64)
    place[system.initial.free] = np.arange(len(system.initial.free))
    at_start = derivatives.kept(at_start, np.flatnonzero(place[at_start.column] >= 0))
    doc = "What must be zero at the initial time."
    result = evaluation.joined([evaluation.family(f) for f in conditions])
    function("initial_residual", "t y p u start", doc, result)
    doc = "The structural nonzeros of the initial residual by the free entries of y, row by row."
    function("initial_jacobian", "t y p u start", doc, evaluation.values.vector(at_start.value))
    doc = "Start values and equations left over, which must be zero."
    result = evaluation.joined([evaluation.family(f) for f in system.initial.checks])
    function("checks", "t y p u start", doc, result)

    if system.totals:
        doc = "The totals of conserved quantities for the state that a run begins with."
        result = evaluation.joined([evaluation.family(f) for f in system.totals])
        function("totals", "p start", doc, result)

    held = derivatives.of_families(system.invariants)
    if system.invariants:
        doc = "Constraints that every solution holds: the solver takes y back to where they are zero."
        result = evaluation.joined([evaluation.family(f) for f in system.invariants])
        in_steps("invariants", doc, result)
        doc = "The structural nonzeros of the derivative of `invariants` by y, row by row."
        in_steps("invariants_jacobian", doc, evaluation.values.vector(held.value))

    periodic, follow = np.zeros(0, dtype=bool), False
    stops = Stops(builder)
    kinks = relations(builder, f, stops.decides)
    if kinks is not None:
        in_steps("relations", "Each condition that changes while the equations are solved.", kinks.values)
        doc = "rhs, with each of these conditions as `m` says."
        planned.append(("held", ("t", "y", "p", "u", "m", "side"), doc, kinks.held))
    if time_dependent:
        planned = [(name, a, doc, stops.of(result, a)) for name, a, doc, result in planned]
    if stops.found:
        result, periodic, follow = stops.crossings()
        doc = "Offsets, then slopes, of the lines over time that conditions on time alone compare or round."
        planned.append(("crossings", ("p", "side"), doc, result))
        stops.settle()
    unused = () if stops.found else ("side",)
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
        initial_rows=at_start.member,
        initial_columns=place[at_start.column],
        time_dependent=time_dependent,
        scalar=scalar,
        invariant_rows=held.member,
        invariant_columns=held.column,
        work=replace(work, folded=builder.folded),
        crossings_periodic=periodic,
        crossings_follow=follow,
        relation_rises=np.zeros(0) if kinks is None else kinks.rises,
    )


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
    sizes = [f.size for f in families]
    terms = [len(s.table) for f in families for s in f.sums]
    if sum(sizes) <= SCALAR:
        return max(terms, default=0) <= SCALAR
    return len(sizes) > SCALAR and sum(sizes) + sum(terms) <= UNLIKE * len(sizes)


def _mentions_time(system: SortedSystem) -> bool:
    families = [a.value for a in system.assignments] + list(system.residuals)
    terms = [s.term for f in families for s in f.sums]
    return any(TIME in e.free_symbols for e in [*(f.template for f in families), *terms])
