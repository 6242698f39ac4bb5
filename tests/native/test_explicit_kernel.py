"""Explicit steps in kernels: convergence orders, the steps of the portable tier, events, stiffness."""

import numpy as np
import pytest

import stiffdsl as sd
from benchmarks.events import BALL
from stiffdsl import native
from stiffdsl.native.host.solver import NativeSolver
from stiffdsl.program.derivatives.degrees import degrees
from stiffdsl.runtime import tier
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate.record import record

PENDULUM = """model Pendulum
  var x start 1
  var v start 0
equations
  der(x) = v
  der(v) = -sin(x) + cos(time)/3
end
"""
THERMOSTAT = """model Thermostat
  var T start 18
  var S start 18
  discrete on = 1
equations
  der(T) = (S - T)/2
  der(S) = (10 - S)/10 + 2*on + sin(time)/4
  when T > 20.5
    on := 0
  elsewhen T < 19.5
    on := 1
  end
end
"""


def kernel_of(text: str, method: str) -> NativeSolver:
    built = native.build(sd.loads(text).program, method)
    assert isinstance(built, NativeSolver), built
    return built


@pytest.mark.parametrize(("method", "order", "steps"), [("tsit5", 5, (20, 40)), ("vern7", 7, (10, 20))])
def test_error_falls_with_the_order_of_the_method(method, order, steps):
    solver = kernel_of(PENDULUM, method)

    def end(count: int, saved: float = 5.0) -> np.ndarray:
        h = 5.0 / count
        found = solver.solve(0.0, 5.0, np.array([1.0, 0.0]), np.zeros(0), None, native.NO_TABLES, [saved, 5.0],
                             rtol=1e3, atol=1e3, first_step=h, max_step=h)  # fmt: skip
        assert found.counts[0] == count
        return found.ys

    exact = end(2000, 2.345)
    for row, least in ((1, order), (0, order - 1)):
        errors = [np.max(np.abs(end(count, 2.345)[row] - exact[row])) for count in steps]
        assert np.log2(errors[0] / errors[1]) > least - 0.35


@pytest.mark.slow
def test_steps_are_those_of_the_portable_tier():
    model = sd.loads(THERMOSTAT)
    solver, system = kernel_of(THERMOSTAT, "tsit5"), model.system(driven=False)
    y0 = np.array([18.0, 18.0, 1.0])
    args = sd.runtime.run.arguments.run_arguments(
        model, model.bindings.params(None), *model.bindings.driven(None)
    )
    kernel = solver.record(0.0, 6.0, y0, np.zeros(0), rtol=1e-6, atol=1e-9)
    portable = record(system, "tsit5", 0.0, 6.0, y0, args, rtol=1e-6, atol=1e-9)
    assert portable.status == kernel.arrived.status == Status.SUCCESS
    assert len(kernel.t) == len(portable.t)
    np.testing.assert_allclose(kernel.t, portable.t, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(kernel.y, portable.y, rtol=1e-7, atol=1e-9)


def test_the_written_and_the_swept_form_are_one_method():
    program = sd.loads(THERMOSTAT).program
    ends = []
    for form in (native.FORM, native.Form(unrolled_step=1)):
        solver = native.build(program, "vern7", None, form)
        assert isinstance(solver, NativeSolver)
        ends.append(solver.solve(0.0, 40.0, np.array([18.0, 18.0, 1.0]), np.zeros(0), rtol=1e-8, atol=1e-9))
    np.testing.assert_allclose(ends[0].y, ends[1].y, rtol=1e-7)
    assert abs(ends[0].counts[0] - ends[1].counts[0]) <= 2


def test_a_solve_that_stability_bounds_ends_where_it_is_asked_to():
    solver = kernel_of(
        "model M\n  var x start 1\nequations\n  der(x) = -1000*(x - sin(time))\nend\n", "tsit5"
    )
    given = (0.0, 10.0, np.ones(1), np.zeros(0))
    assert solver.solve(*given, rtol=1e-6, atol=1e-6).status == Status.SUCCESS
    assert solver.solve(*given, rtol=1e-6, atol=1e-6, stiff=15.0).status == Status.STIFF


@pytest.mark.slow
def test_gradients_of_explicit_kernels_are_those_of_the_portable_tier():
    import jax

    model = sd.loads(PENDULUM.replace("/3", "*a").replace("equations", "  param a = 0.3\nequations"))
    assert tier.kernel(model, "tsit5") is not None
    solve = model.solver([5.0], ["x"], time=(0.0, 5.0), method="tsit5", rtol=1e-9, atol=1e-9)

    def last(a):
        return solve({"a": a})[-1, 0]

    h = 1e-4
    slope = (last(0.3 + h) - last(0.3 - h)) / (2 * h)
    assert jax.grad(last)(0.3) == pytest.approx(float(slope), rel=1e-5)


def test_guards_are_polynomials_where_they_are_affine_in_what_moves():
    text = THERMOSTAT.replace("T > 20.5", "T + S > 41 - time/100").replace("T < 19.5", "T*S < 400")
    program = sd.loads(text).program
    constant = {"p": 0, "t": 1, "u": 2, "y": np.where(program.still, 0, 1)}
    found = degrees(program.by_name["guards"], program.tables, constant)
    assert found[program.events.count :].tolist() == [1, 2]


@pytest.mark.parametrize("method", ["tsit5", "vern7", "rodas5p"])
def test_a_ball_that_bounces_is_where_it_should_be(method):
    first = np.sqrt(2 / 9.81)
    sol = sd.loads(BALL).simulate((0, first * 5), saveat=[first * 5], method=method)
    assert len(sol.events) == 3
    # Bounces at first*(1 + 2*0.9 + 2*0.81): then up again at 0.9**3 of the first speed.
    left, speed = first * (5 - 1 - 1.8 - 1.62), 9.81 * first * 0.9**3
    assert sol["h"][-1] == pytest.approx(speed * left - 9.81 / 2 * left**2, rel=1e-7)
