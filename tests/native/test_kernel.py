"""The native tier against published values, SciPy, and the JAX loop: the same steps, the same statuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate

from stiffdsl import native
from stiffdsl.native.host import engine
from stiffdsl.program import interpret
from stiffdsl.runtime.driving.inputs import Inputs, signal
from stiffdsl.runtime.emit import functions
from stiffdsl.runtime.system import Args, ModelSystem
from stiffdsl.solve.base.dense_output import interpolate_many
from stiffdsl.solve.base.method import Tolerance
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate import loop
from stiffdsl.solve.methods.make import make_method
from tests.native import solves

pytestmark = pytest.mark.skipif(not engine.available(), reason="LLVM is not installed")


def solved(given: solves.SolveArguments, form: native.Form = native.FORM, **options):
    solver = native.build(given.program, form=form)
    assert solver is not None
    return solver.solve(given.t0, given.t1, given.y0, given.p, given.u, **options)


# However few lanes there are.
SIDE_BY_SIDE = native.CallSizes(side_by_side=1)


@pytest.fixture(scope="module")
def robertson():
    return solves.library_model("chemistry/robertson.sml")


@pytest.fixture(scope="module")
def constrained():
    return solves.model(solves.CONSTRAINED)


# Mazzia, Magherini, Test Set for Initial Value Problem Solvers, release 2.4: end values; ROBER at t = 1e5 by Radau.
PUBLISHED = {
    "chemistry/robertson.sml": (1.786592114209946e-2, 7.274751468436319e-8),
    "chemistry/hires.sml": (0.7371312573325668e-3, 0.1442485726316185e-3, 0.5888729740967575e-4),
    "chemistry/pollu.sml": (0.5646255480022769e-1, 0.1342484130422339, 0.4139734331099427e-8),
    "problems/van_der_pol.sml": (0.1706167732170483e1, -0.8928097010247975e-3),
}


@pytest.mark.parametrize("path", PUBLISHED)
def test_published_end_values(path):
    given = solves.library_model(path)
    end = 2000.0 if "van_der_pol" in path else given.t1
    result = native.build(given.program).solve(given.t0, end, given.y0, given.p, rtol=1e-9, atol=1e-13)
    expected = np.array(PUBLISHED[path])
    np.testing.assert_allclose(result.y[: len(expected)], expected, rtol=1e-6)


def in_jax(given: solves.SolveArguments, times, rtol=1e-6, atol=1e-9, inputs=None, **limits):
    """The portable loop, before it looks for the reasons of a failure."""
    driven = inputs is not None
    system = ModelSystem(given.program, functions(given.program), lambda: (), driven)
    args = Args(given.p, inputs if driven else Inputs(given.u, ()))
    problem = loop.Problem(*map(jnp.asarray, (given.t0, given.t1, given.y0)), args, jnp.asarray(times))
    limits = loop.Limits(Tolerance(rtol, atol), limits.get("first_step", 0.0), limits.get("max_step", np.inf))
    limits = jax.tree.map(jnp.asarray, limits)
    method = make_method("rodas5p", system)
    state, saves = jax.jit(lambda problem: loop.run(method, system, problem, limits, 100_000))(problem)
    return state, np.asarray(saves.ys)


def assert_same(native_result, state, ys, rtol=1e-9):
    assert native_result.counts.tolist() == np.asarray(state.counts).tolist()
    assert native_result.status == int(state.status)
    np.testing.assert_allclose(native_result.ys, ys, rtol=rtol, atol=1e-12)
    np.testing.assert_allclose(native_result.t, state.t, rtol=1e-12)


def test_takes_the_steps_of_the_portable_loop(robertson):
    times = [0.0, 1.0, 1e2, 1e5]
    assert_same(solved(robertson, saveat=times), *in_jax(robertson, times))


def test_algebraic_unknowns_time_and_tables(constrained):
    table = signal(0, 1.0, 0.0, (np.array([0.0, 0.7, 0.9, 1.5]), np.array([1.0, 3.0, 0.0, 1.0])), "u")
    times = np.linspace(0, 2, 9)
    tables = native.Tables(np.array([0]), [np.asarray(table.times)], [np.asarray(table.values)])
    driven = solved(constrained, tables=tables, saveat=times)
    # Around a bend of the table, steps are rejected until they are short: rounding is seen in where they end.
    assert_same(driven, *in_jax(constrained, times, inputs=Inputs(constrained.u, (table,))), rtol=1e-7)
    free = solved(constrained, saveat=times)
    assert not np.allclose(free.ys, driven.ys, rtol=1e-3)


def test_backward_in_time_and_limits(constrained):
    there = solved(constrained, rtol=1e-9, atol=1e-11)
    back = constrained._replace(t0=constrained.t1, t1=1.9, y0=there.y)
    times = [2.0, 1.95, 1.9]
    limits = {"first_step": 1e-3, "max_step": 0.01}
    result = solved(back, saveat=times, **limits)
    assert_same(result, *in_jax(back, times, **limits))
    assert result.counts[0] >= 10


def test_explosion_stops_as_in_the_portable_loop():
    given = solves.model(solves.EXPLODING)
    times = np.array([0.0, 0.5, 0.9, 1.5])
    result = solved(given, saveat=times)
    state, ys = in_jax(given, times)
    # Digits get lost where the solution leaves all bounds: the steps agree up to there.
    assert result.status == int(state.status) == Status.STEP_TOO_SMALL
    assert result.culprits[0] == 0
    np.testing.assert_allclose(result.ys, ys, rtol=1e-9)
    np.testing.assert_allclose(result.t, state.t, rtol=1e-9)


def test_leaving_the_domain_of_a_function_stops():
    given = solves.model(solves.UNDEFINED)
    times = np.linspace(given.t0, given.t1, 9)
    result = solved(given, saveat=times)
    assert result.status == Status.NON_FINITE
    assert result.culprits[0] == 0
    # With s = sqrt(x): dt = -2 s ds / (1 + s), from s = 1 to the end of the domain at s = 0.
    np.testing.assert_allclose(result.t, 2 - 2 * np.log(2), rtol=1e-4)
    assert np.all(np.isnan(result.ys[times > result.t]))
    assert np.all(np.isfinite(result.ys[times <= result.t]))


def test_not_a_number_at_the_start(robertson):
    result = solved(robertson._replace(y0=np.array([1.0, np.nan])))
    assert result.status == Status.NON_FINITE
    assert result.counts.tolist() == [0] * 7


def test_greatest_number_of_steps(robertson):
    result = solved(robertson, max_steps=20)
    assert result.status == Status.MAX_STEPS
    assert result.counts[:2].sum() == 20


@pytest.mark.parametrize("few", [40, 0], ids=["whole", "sparse"])
@pytest.mark.parametrize("unrolled", [True, False])
def test_pivots_planned_for_other_parameters_may_be_zero(few, unrolled):
    form = native.Form(dense_pivoting=few, **({} if unrolled else {"unrolled_step": 0}))
    planned = solves.model(solves.AWKWARD)
    assert solved(planned, form).pivoted == 0
    y0 = solves.consistent(planned.program, 0.0, np.ones(3), np.zeros(1), planned.u)
    given = planned._replace(p=np.zeros(1), y0=y0)
    result = solved(given, form, rtol=1e-8, atol=1e-10)
    assert result.status == Status.SUCCESS
    assert result.pivoted > 0
    attempts, factorizations = result.counts[:2].sum(), result.counts[5]
    # Where plans keep being bad they are seldom tried.
    assert factorizations <= attempts + (result.pivoted if unrolled else np.log2(attempts) + attempts / 64)

    def rhs(t, x):
        y = solves.consistent(given.program, t, np.array([x[0], *given.y0[1:]]), given.p, given.u)
        return interpret.run(given.program, "rhs", t, y, given.p, given.u)[:1]

    reference = scipy.integrate.solve_ivp(rhs, (given.t0, given.t1), given.y0[:1], rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(result.y[0], reference.y[0, -1], rtol=1e-6)


def test_singular_whatever_the_pivots():
    given = solves.model(solves.AWKWARD)
    singular = given._replace(y0=np.array([1.0, np.inf, 1.0]))
    assert solved(singular).status == Status.NON_FINITE


@pytest.mark.parametrize("path", ["chemistry/hires.sml", "examples/rc_ladder.sml"])
def test_every_way_to_write_a_step_is_the_same_step(path):
    """Written out; with calls; with tables of positions instead of code; with loops over vectors."""
    given = solves.library_model(path)
    times = np.linspace(given.t0, given.t1, 5)
    first = solved(given, saveat=times)
    for form in solves.FORMS:
        other = solved(given, form, saveat=times)
        assert other.counts.tolist() == first.counts.tolist()
        np.testing.assert_allclose(other.ys, first.ys, rtol=1e-9, atol=1e-12)


def test_records_all_steps_and_goes_on_where_the_buffer_ended(robertson):
    solver = native.build(robertson.program, sizes=native.CallSizes(capacity=7))
    times = np.geomspace(1e-3, 1e5, 40)
    whole = solved(robertson, saveat=times)
    told = []
    t, y, K, arrived = solver.record(*robertson[1:], progress=told.append)
    assert len(t) == whole.counts[0] + 1
    assert arrived.counts.tolist() == whole.counts.tolist()
    assert told == sorted(told)
    assert len(told) > 10
    step = np.searchsorted(t, times, side="left") - 1
    theta = (times - t[step]) / np.diff(t)[step]
    values = interpolate_many(y[step], y[step + 1], K[step], theta)
    np.testing.assert_allclose(values, whole.ys, rtol=1e-10)


def test_progress_may_call_another_solve(robertson):
    solver = native.build(robertson.program, sizes=native.CallSizes(attempts=10))
    alone = native.build(robertson.program).solve(*robertson[1:])
    others = []
    again = solver.solve(
        *robertson[1:], progress=lambda part: others.append(solver.solve(0.0, 10.0, *robertson[3:]))
    )
    assert len(others) > 5
    assert np.array_equal(again.y, alone.y)
    assert others[-1].t == 10.0


def test_interrupted_by_the_keyboard(robertson):
    def stop(fraction):
        raise KeyboardInterrupt

    solver = native.build(robertson.program, sizes=native.CallSizes(attempts=10, capacity=7))
    result = solver.solve(*robertson[1:], saveat=[0.0, 1e-9, 1e5], progress=stop)
    assert result.status == Status.INTERRUPTED
    assert result.counts[:2].sum() == 10
    assert np.isnan(result.ys[-1]).all()
    recorded = solver.record(*robertson[1:], progress=stop)
    assert recorded.arrived.status == Status.INTERRUPTED
    assert len(recorded.t) == 8


@pytest.mark.parametrize(
    "path",
    ["chemistry/robertson.sml", "examples/rc_circuit.sml", "chemistry/hires.sml", "chemistry/pollu.sml"],
)
def test_lanes_side_by_side_are_the_same_lanes(path, monkeypatch):
    """Lanes of very different lengths, of which some fail; the second model changes with time. The larger ones are
    stepped in vectors of unknowns where they are alone."""
    # Code kept from an earlier run would serve both.
    monkeypatch.setenv("STIFFDSL_CACHE", "")
    given = solves.library_model(path)
    solver = native.build(given.program)
    rng = np.random.default_rng(0)
    y0 = given.y0 + rng.uniform(0, 0.1, (61, len(given.y0)))
    y0[7] = np.nan
    ends = given.t1 * np.geomspace(1e-6, 1, 61)
    ends[3] = given.t0
    options = {"saveat": [0.0, given.t1 * 1e-3], "max_steps": 120}
    arguments = (given.t0, ends, y0, given.p, given.u)
    one_by_one = solver.solve_lanes(*arguments, **options, threads=1)
    beside = native.build(given.program, sizes=SIDE_BY_SIDE)
    together = beside.solve_lanes(*arguments, **options, threads=1)
    assert beside.simd._library is not None
    assert {Status.SUCCESS, Status.NON_FINITE} <= set(one_by_one.status.tolist())
    for a, b in zip(one_by_one, together, strict=True):
        np.testing.assert_array_equal(a, b)


def test_lanes_side_by_side_with_bad_pivots():
    given = solves.model(solves.AWKWARD)
    p = np.where(np.arange(20) % 3 == 0, 0.0, 10.0)[:, None]
    y0 = np.array([solves.consistent(given.program, 0.0, np.ones(3), a, given.u) for a in p])
    solver = native.build(given.program)
    one_by_one = solver.solve_lanes(0.0, given.t1, y0, p, threads=1)
    together = native.build(given.program, sizes=SIDE_BY_SIDE).solve_lanes(0.0, given.t1, y0, p, threads=1)
    assert (together.pivoted[::3] > 0).all()
    for a, b in zip(one_by_one, together, strict=True):
        np.testing.assert_array_equal(a, b)


def test_lanes(robertson):
    solver = native.build(robertson.program)
    factors = np.linspace(0.5, 2, 300)[:, None]
    p, ends = robertson.p * factors, np.linspace(1e3, 1e5, 300)
    times = [0.0, 10.0, 1e3]
    lanes = solver.solve_lanes(0.0, ends, robertson.y0, p, saveat=times)
    for lane in (0, 150, 299):
        one = solver.solve(0.0, ends[lane], robertson.y0, p[lane], saveat=times)
        assert np.array_equal(one.ys, lanes.ys[lane])
        assert np.array_equal(one.counts, lanes.counts[lane])
        assert lanes.t[lane] == ends[lane]
        assert lanes.status[lane] == 0


def test_other_methods_and_large_models_have_no_kernel(robertson):
    assert (
        native.build(robertson.program, "fbdf") == "there are kernels for rodas5p, tsit5, vern7, not for fbdf"
    )
    assert isinstance(native.build(robertson.program, "auto"), str)
