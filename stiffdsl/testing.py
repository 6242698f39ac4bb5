"""Tests of models: `test` blocks run, and what they expect held against what is measured.

A model is compiled once for all tests that set the same `const` values; what they expect of expressions is added to it
as outputs. Each test is one solve, in which the solver chooses its own steps.
"""

import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stiffdsl.check.calculate import value_of
from stiffdsl.check.model import CheckedModel
from stiffdsl.check.testing.expectations import CheckedExpectation, Measurement
from stiffdsl.check.testing.tests import CheckedTest
from stiffdsl.diagnostics import ModelError, Source
from stiffdsl.pipeline import compile_model
from stiffdsl.solve.base.status import Status
from stiffdsl.sources import load_import
from stiffdsl.syntax import tree

if TYPE_CHECKING:
    from stiffdsl.model import CompiledModel
    from stiffdsl.solve.integrate.solution import Solution

# Without `within`, sides are equal to this part of their size.
ROUNDING = 1e-9
# Points of each step that extremes are looked for at, before the nearest is narrowed down.
WITHIN_A_STEP = 9
# Gauss-Legendre nodes of each step for means and integrals.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)


@dataclass(frozen=True)
class ExpectationResult:
    """An expectation and what was measured, in `unit`; `tolerance` is absolute, None where there is none.

    `note` says why nothing was measured, or what would let a near miss pass.
    """

    text: str
    line: int
    measured: float
    comparison: str
    wanted: float
    unit: str | None
    tolerance: float | None
    passed: bool
    note: str = ""


@dataclass(frozen=True)
class TestResult:
    """A test that was run: it passed where the solve ended well and every expectation holds."""

    __test__ = False  # none of pytest's

    file: str
    name: str
    model: str
    line: int
    expectations: tuple[ExpectationResult, ...]
    seconds: float
    failure: str = ""

    @property
    def passed(self) -> bool:
        return not self.failure and all(e.passed for e in self.expectations)


@dataclass(frozen=True)
class WithExpected:
    """A checked model with what is expected of expressions as outputs, and inputs that follow them (`driven`)."""

    outputs: tuple[tuple[str, tree.Expr], ...]
    arrays: tuple[tree.Variable, ...]
    driven: tuple[tuple[str, tree.Expr], ...]

    def __call__(self, checked: CheckedModel) -> CheckedModel:
        root = checked.root
        driven = dict(self.driven)
        variables = [
            replace(v, kind="output", value=driven[v.name]) if v.name in driven else v for v in root.variables
        ]
        for name, expr in self.outputs:
            variables.append(_output(name, expr))
        known = {v.name for v in variables}
        variables += [a for a in self.arrays if a.name not in known]
        experiment = root.experiment
        if experiment is not None:  # the solution is looked at between the solver's own steps
            kept = tuple(o for o in experiment.options if o[0] != "points")
            experiment = replace(experiment, options=kept)
        return replace(checked, root=replace(root, variables=tuple(variables), experiment=experiment))


def _output(name: str, expr: tree.Expr) -> tree.Variable:
    nothing: tuple[Any, ...] = (None,) * 5
    unit, range_, start, guess, doc = nothing
    return tree.Variable("output", name, (), unit, expr, range_, start, guess, doc, expr.span, expr.span)


def tests_in(source: Source) -> list[CheckedTest]:
    """The tests of a file, checked with all else in it. Raises `ModelError` with every mistake."""
    from stiffdsl.check.compile import tests_of
    from stiffdsl.syntax.parse import parse

    return tests_of(parse(source), source, load=load_import)[0]


def run_tests(source: Source, tests: Sequence[CheckedTest]) -> Iterator[TestResult]:
    """The results of `tests` of one file, as they come: tests that share a compiled model one after the other."""
    groups: dict[str, list[CheckedTest]] = {}
    for test in tests:
        groups.setdefault(_structure(test), []).append(test)
    for group in groups.values():
        begun = time.perf_counter()
        outputs = _outputs(group)
        try:
            model = _compiled(source, group, outputs)
        except ModelError as error:
            for test in group:
                yield _failed(source, test, time.perf_counter() - begun, str(error))
            continue
        for test in group:
            yield _run(source, model, test, outputs, begun)
            begun = time.perf_counter()


def _structure(test: CheckedTest) -> str:
    """The shared setting of tests that are run with one compiled model."""
    return repr((test.model, sorted(test.constants.items()), sorted(test.driven.items())))


def _outputs(group: list[CheckedTest]) -> dict[tree.Expr, str]:
    """The outputs that measurements of these tests need, by their expressions."""
    found: dict[tree.Expr, str] = {}
    for test in group:
        for expectation in test.expectations:
            for m in expectation.measurements:
                if m.scalar is None and m.kind != "stop":
                    found.setdefault(m.quantity, f"_expected_{len(found) + 1}_")
    return found


def _compiled(source: Source, group: list[CheckedTest], outputs: dict[tree.Expr, str]) -> "CompiledModel":
    test = group[0]
    arrays = {a.name: a for t in group for a in t.arrays}
    named = tuple((name, expr) for expr, name in outputs.items())
    change = WithExpected(named, tuple(arrays.values()), tuple(test.driven.items()))
    return compile_model(source, test.model, test.constants, change=change)


def _run(
    source: Source, model: "CompiledModel", test: CheckedTest, outputs: dict[tree.Expr, str], begun: float
) -> TestResult:
    from stiffdsl.solve.integrate.solution import NotANumberWarning

    given = {"params": test.params, "inputs": test.inputs, "initial": test.initial}
    options = _options(test)
    if "time" not in options and "time" not in model.experiment:
        reason = "which time to simulate? Write `simulate time 0..10` in the test"
        return _failed(source, test, time.perf_counter() - begun, reason)
    try:
        solution = model.simulate(**{k: v for k, v in given.items() if v}, **options)
    except (ValueError, KeyError) as error:
        return _failed(source, test, time.perf_counter() - begun, str(error.args[0] if error.args else error))
    failure = "" if solution.success else str(solution.reason)
    if not len(solution.t):
        return _failed(source, test, time.perf_counter() - begun, failure)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotANumberWarning)  # the result of the expectation says it
        results = tuple(_measured(e, solution, outputs) for e in test.expectations)
    seconds = time.perf_counter() - begun
    return TestResult(source.name, test.name, test.model, test.span.line, results, seconds, failure)


def _options(test: CheckedTest) -> dict[str, Any]:
    """The options of `simulate` as its arguments; what says how to save has no meaning here."""
    options = {k: v for k, v in test.options.items() if k not in ("points", "log")}
    if options.pop("include", None):
        options["include_quadratures"] = True
    if "max_steps" in options:
        options["max_steps"] = int(options["max_steps"])
    return options


def _failed(source: Source, test: CheckedTest, seconds: float, reason: str) -> TestResult:
    missed = tuple(
        ExpectationResult(e.text, e.span.line, np.nan, e.comparison, np.nan, e.unit, None, False)
        for e in test.expectations
    )
    return TestResult(source.name, test.name, test.model, test.span.line, missed, seconds, reason)


# --- what is measured ----------------------------------------------------------------------------


class OutsideRun(Exception):
    """A time that the run does not hold, or an end that it has not."""


def _measured(
    e: CheckedExpectation, solution: "Solution", outputs: dict[tree.Expr, str]
) -> ExpectationResult:
    unit = e.shown_unit
    try:
        found = {m.name: _measurement(m, solution, outputs) for m in e.measurements}
    except OutsideRun as error:
        nan = float("nan")
        return ExpectationResult(e.text, e.span.line, nan, e.comparison, nan, e.unit, None, False, str(error))
    scale, shift = (unit.scale, unit.shift) if unit is not None else (1.0, 0.0)
    measured, wanted = ((_value(side, found) - shift) / scale for side in (e.left, e.right))
    tolerance = _tolerance(e, measured, wanted, scale)
    passed, note = _holds(e, measured, wanted, tolerance)
    return ExpectationResult(
        e.text, e.span.line, measured, e.comparison, wanted, e.unit, tolerance, passed, note
    )


def _value(side: tree.Expr, found: dict[str, float]) -> float:
    value = value_of(side, found)
    assert value is not None, "checked to be a number"
    return value


def _tolerance(e: CheckedExpectation, measured: float, wanted: float, scale: float) -> float | None:
    """The distance that the sides may have, in the unit that is shown."""
    if e.comparison != "=":
        return None
    if not e.tolerance:
        return ROUNDING * max(abs(measured), abs(wanted))
    return e.tolerance * abs(wanted) if e.relative else e.tolerance / scale


def _holds(
    e: CheckedExpectation, measured: float, wanted: float, tolerance: float | None
) -> tuple[bool, str]:
    if not np.isfinite(measured):
        return False, "what is measured is not a number"
    compare = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}
    if tolerance is None:
        return bool(compare[e.comparison](measured, wanted)), ""
    off = abs(measured - wanted)
    if off <= tolerance:
        return True, ""
    if e.label:
        return False, "it has another value"
    if not e.tolerance and wanted:
        return False, f"off by {off / abs(wanted):.1e} of it: `within …` says how near it must be"
    return False, f"off by {off:.3g}, {tolerance:.3g} is allowed"


def _measurement(m: Measurement, solution: "Solution", outputs: dict[tree.Expr, str]) -> float:
    """One number of a run, in SI."""
    if m.kind == "stop":
        return _end_by_model(m.text, solution)
    name = m.scalar if m.scalar is not None else outputs[m.quantity]
    begin, end = float(solution.t[0]), float(solution.t[-1])
    if m.kind == "end":
        return _in_si(solution, name, float(solution[name][-1]))
    for t in (m.first, m.last):
        if t is not None and not begin <= t <= end:
            raise OutsideRun(f"the run holds times from {begin:.6g} to {end:.6g}, not {t:.6g}")
    first = begin if m.first is None else m.first
    last = end if m.last is None else m.last
    if m.kind == "at":
        return _in_si(solution, name, float(solution(first)[name]))
    edges = _edges(solution, first, last)
    if m.kind in ("mean", "integral"):
        total = _integral(solution, name, edges)
        return total / (last - first) if m.kind == "mean" else total
    return _in_si(solution, name, _extreme(solution, name, edges, m.kind))


def _end_by_model(text: str | None, solution: "Solution") -> float:
    """The time at which a `stop` of this text ended the run."""
    if solution.status != Status.STOPPED:
        raise OutsideRun("the run was not ended by a `stop`")
    if text not in (None, solution.ended_by):
        raise OutsideRun(f'the run was ended by `stop "{solution.ended_by}"`')
    return float(solution.t[-1])


def _in_si(solution: "Solution", name: str, value: float) -> float:
    unit = _unit(solution, name)
    return value if unit is None else unit.to_si(value)


def _unit(solution: "Solution", name: str) -> Any:
    from stiffdsl.check.quantities.units import parse_unit

    text = solution.units.get(name)
    return None if text is None else parse_unit(text)


def _edges(solution: "Solution", first: float, last: float) -> np.ndarray:
    """The ends of the solver's steps from `first` to `last`, both included."""
    inside = solution.t[(solution.t > first) & (solution.t < last)]
    return np.unique(np.concatenate([[first], inside, [last]]))


def _integral(solution: "Solution", name: str, edges: np.ndarray) -> float:
    """By Gauss's rule in every step, in SI."""
    half = np.diff(edges) / 2
    middle = (edges[:-1] + edges[1:]) / 2
    points = middle[:, None] + half[:, None] * _NODES
    values = np.asarray(solution(points.ravel())[name], dtype=float).reshape(points.shape)
    unit = _unit(solution, name)
    if unit is not None:
        values = values * unit.scale + unit.shift
    return float(np.sum(half * (values @ _WEIGHTS)))


def _extreme(solution: "Solution", name: str, edges: np.ndarray, kind: str) -> float:
    """The greatest or least value: of points within every step, then narrowed down around the best of them."""
    sign = 1.0 if kind == "max" else -1.0
    shares = np.linspace(0, 1, WITHIN_A_STEP)
    points = np.unique((edges[:-1, None] + np.diff(edges)[:, None] * shares).ravel())
    steps = solution.t[(solution.t >= edges[0]) & (solution.t <= edges[-1])]
    ends = solution[name][(solution.t >= edges[0]) & (solution.t <= edges[-1])]
    best = -np.inf if not len(steps) else float(np.nanmax(sign * ends))
    for _ in range(4):
        values = sign * np.asarray(solution(points)[name], dtype=float)
        k = int(np.nanargmax(values)) if np.isfinite(values).any() else 0
        best = max(best, float(values[k])) if np.isfinite(values[k]) else best
        low, high = points[max(0, k - 1)], points[min(len(points) - 1, k + 1)]
        if not low < high:
            break
        points = np.linspace(low, high, 33)
    return sign * best if np.isfinite(best) else float("nan")
