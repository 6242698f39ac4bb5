"""`simulate(check=True)`: right solutions pass, wrong ones do not, whatever made them."""

from dataclasses import replace

import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.runtime.driving.inputs import Inputs
from stiffdsl.runtime.verify.check import Check, checked
from stiffdsl.runtime.verify.points import slopes
from stiffdsl.runtime.verify.reference import Reference
from stiffdsl.solve.base.dense_output import interpolate_many
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate.record import Trajectory
from tests.models.test_library import TESTED, compiled

SLOW = ("mechanics/car_axis", "mechanics/slider_crank")
SLOW += tuple(m for m in TESTED if m.startswith(("battery/", "building/")) and m != "battery/spm")


@pytest.mark.parametrize("name", [m for m in TESTED if m not in SLOW])
def test_every_model_of_the_library_passes(name):
    found = compiled(name).simulate(check=True).check
    assert found.verdict == "ok", str(found)
    assert found.residual_tolerances < 50
    assert found.local_error < 5
    assert found.steps > 2


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_large_models_pass(name):
    found = compiled(name).simulate(check=True).check
    assert found.verdict == "ok", str(found)


def constant(model, y, time, **options):
    """The check of a "solution" that stays where it begins, as solvers that stepped over something gave it."""
    t = np.linspace(*time, 8)
    y = np.tile(np.asarray(y, dtype=float), (len(t), 1))
    still = Trajectory(t, y, Status.SUCCESS, np.full(3, -1), {}, np.zeros((7, 3, y.shape[1])))
    args = model.args(inputs=options.get("inputs"))
    inputs = args.inputs if isinstance(args.inputs, Inputs) else Inputs(args.inputs, ())
    return checked(model, still, np.asarray(args.p), inputs, 1e-6, 1e-9, True)


TIMES = np.linspace(0, 5, 1001)
PULSE = (TIMES, np.where((TIMES > 1.03) & (TIMES < 1.11), 2.0, 1.0))


@pytest.mark.parametrize(
    ("text", "y", "time", "inputs"),
    [
        ("var y\nequations\n y + sqrt(y) = 2", [0.0], (0, 1), None),
        ("var x start 0\nequations\n der(x) = 1 - sqrt(x)", [0.0], (0, 2), None),
        ("var h start 0\nequations\n der(h) = 0.1 - 0.2*sqrt(max(h, 0))", [0.0], (0, 10), None),
        ("input u = 0\n var x start 1\nequations\n der(x) = -x + u", [1.0], (0, 5), {"u": PULSE}),
        ("var y start 1\nequations\n der(y) = 100*abs(sin(time/1000)^1000)", [1.0], (0, 5000), None),
        ("var x start 1\n var z\nequations\n der(x) = -x + z\n z = x\ninitial\n", [1.0], (0, 1), None),
    ],
)
def test_an_answer_that_steps_over_something_fails(text, y, time, inputs):
    model = sd.loads(f"model M\n {text}\nend\n")
    found = constant(model, y, time, inputs=inputs)
    if "z = x" in text:
        assert found.verdict == "ok", "staying is right there"
    else:
        assert found.verdict == "failed", str(found)
        assert found.worst
        assert found.equation in text


def test_a_solution_of_other_equations_fails():
    model = sd.loads("model M\n var x start 1\n var y start 0\nequations\n der(x) = y\n der(y) = -x\nend\n")
    found = model.simulate(time=(0, 3))
    right, args = found._dense, model.args()
    for off, verdict in ((0.0, "ok"), (1e-3, "failed")):
        y = right.y.copy()
        y[len(y) // 2 :, 0] += off
        moved = Trajectory(right.t, y, right.status, right.culprits, {}, right.K)
        check = checked(model, moved, np.asarray(args.p), args.inputs, 1e-6, 1e-9, True)
        assert check.verdict == verdict, str(check)


TABLE = "model M\n input u = 0\n var x start 1\n var z\nequations\n der(x) = -x + u + z\n z + tanh(z) = 0.1*x\nend\n"
JUMPS = (
    "model M\n var x start 1\n var z\nequations\n der(x) = -x + z\n"
    " z + 0.3*tanh(z) = if mod(time, 0.3) < 0.1 then 0 else x\nend\n"
)


# The derivative of a variable of time alone, that no state is: a capacitor at a source, a mass on a given path.
SOURCE = "model M\n var u\n var i\nequations\n u = 1 + sin(2*time)\n 2*der(u) = i\nend\n"
PATH = (
    "model M\n var x\n var v\n var F\n var y start 0\nequations\n x = sin(time)^3\n der(x) = v\n"
    " 2*der(v) = F - 3*(x - y)\n der(y) = x - y\nend\n"
)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (SOURCE, {"time": (0, 5)}),
        (PATH, {"time": (0, 5)}),
        (TABLE, {"time": (0, 5), "inputs": {"u": ([0, 1, 1, 3, 5], [0, 1, 2, 2, 0])}}),
        (TABLE, {"time": (0, 5), "inputs": {"u": lambda t: np.sin(t)}}),
        (TABLE, {"time": (2, 0)}),
        (JUMPS, {"time": (0, 2)}),
        (JUMPS, {"time": (0, 2), "saveat": [0, 0.5, 2], "initial": {"x": 2}}),
        (JUMPS, {"time": (0, 2), "outputs": ["x"]}),
    ],
)
def test_inputs_jumps_backward_time_and_saved_times_pass(text, options):
    solution = sd.loads(text).simulate(check=True, **options)
    assert solution.check.verdict == "ok", str(solution.check)
    if "saveat" in options:
        plain = sd.loads(text).simulate(**options)
        assert np.allclose(solution["x"], plain["x"], rtol=1e-12)


def test_the_record_says_where_and_what():
    model = compiled("chemistry/robertson")
    solution = model.simulate(check=True)
    told = solution.check.to_dict()
    assert told["verdict"] == "ok"
    assert str(solution.check).startswith("check: residual ")
    assert told["equation"] in (
        "der(A) = -k1*A + k3*B*C",
        "der(B) =  k1*A - k3*B*C - k2*B^2",
        "A + B + C = 1",
    )
    assert model.simulate().check is None


def test_slopes_are_those_of_the_dense_output():
    random = np.random.default_rng(0)
    y0, y1, K = random.normal(size=(5, 2)), random.normal(size=(5, 2)), random.normal(size=(5, 4, 2))
    theta, step = random.uniform(0.1, 0.9, 5), 1e-6
    ends = [interpolate_many(y0, y1, K, theta + s * step) for s in (-1, 1)]
    assert np.allclose(slopes(y0, y1, K, theta), (ends[1] - ends[0]) / (2 * step), rtol=1e-6)


def test_the_reference_solves_a_stiff_system_with_an_algebraic_unknown():
    rows, columns = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])

    def f(t, y):
        return np.array([-1e4 * (y[0] - np.cos(t)) - y[1], y[1] - 2 * y[0]])

    reference = Reference(
        f, lambda t, y: np.array([-1e4, -1.0, -2.0, 1.0]), rows, columns, np.array([1.0, 0.0])
    )
    found = reference.after(0.0, 1.0, np.array([1.0, 2.0]), np.full(2, 1e-8))
    rate = 1e4 + 2
    expected = 1e4 * (rate * np.cos(1.0) + np.sin(1.0)) / (rate**2 + 1)
    assert found is not None
    assert found == pytest.approx([expected, 2 * expected], rel=1e-7)


RUNS_AWAY = "model M\n  var x start 1\nequations\n  der(x) = x^2\nexperiment\n  time 0..3\nend"
NO_START = RUNS_AWAY.replace("start 1\n", "start 1\n  var z start 5\n").replace("x^2\n", "-x\n  z = x^2\n")


@pytest.mark.parametrize(
    ("text", "options"), [(RUNS_AWAY, {}), (NO_START, {}), (RUNS_AWAY, {"max_steps": 3})]
)
def test_a_run_that_failed_does_not_hold(text, options):
    found = sd.loads(text).simulate(check=True, **options)
    assert not found.success
    assert found.check.verdict == "failed"
    assert found.reason in found.check.reason


def zero_by_zero(equation):
    head = (
        "model M\n  var x start 0\n  var w start 1\n  var z\nequations\n  der(x) = cos(time)\n  der(w) = -w\n"
    )
    return sd.loads(f"{head}  z = {equation}\nexperiment\n  time 0..1\nend")


@pytest.mark.parametrize("equation", ["(exp(x) - 1)/x", "sin(x)/x", "(1 - w^2)/(1 - w)", "log(1 + x)/x + w"])
def test_a_formula_without_a_value_that_has_a_limit_passes(equation):
    found = zero_by_zero(equation).simulate(check=True)
    assert found.check.verdict == "ok", str(found.check)


@pytest.mark.parametrize("equation", ["w*exp(x)/x", "log(x)", "w/x^2"])
def test_one_that_has_none_fails(equation):
    found = zero_by_zero(equation).simulate(check=True)
    assert found.check.verdict == "failed"


def test_a_step_that_was_not_done_again_is_not_called_ok():
    known = Check("ok", 1e-9, 1.0, 0.5, "", None, 0.1, 0.5, "x", 0.5, "`x`", 0, 24, 12, 0)
    assert str(known).endswith("(t = 0.5, `x`): ok")
    told = str(replace(known, unresolved=1, unresolved_time=0.3))
    assert "ok for 11 of 12 steps; the other method did not get through one step (to t = 0.3)" in told
    assert "whose error is not known" in told


@pytest.mark.parametrize(("method", "rtol"), [("auto", 1e-4), ("fbdf", 1e-3)])
def test_errors_of_steps_add_up(method, rtol):
    """A wave, against its closed form at the ends of steps: what single steps do not say is told."""
    model = sd.loads("model M\n  var x start 1\n  var v start 0\nequations\n  der(x) = v\n  der(v) = -x\nend")
    found = model.simulate(time=(0, 40), check=True, method=method, rtol=rtol)
    exact = np.stack([np.cos(found.t), -np.sin(found.t)])
    values = np.stack([found["x"], found["v"]])
    size = 1e-9 + rtol * np.maximum(np.abs(values), np.abs(exact))
    wanted = np.sqrt(np.mean(((values - exact) / size) ** 2, axis=0))
    worst = int(np.argmax(wanted))
    assert found.check.accumulated == pytest.approx(wanted[worst], rel=0.2)
    assert found.check.accumulated_time == found.t[worst]
    assert found.check.accumulated > 10 * found.check.local_error
    assert "accumulated error about" in str(found.check)


def test_jumps_at_times_that_follow_the_solution_are_no_error():
    text = "model M\n  var x start 1\n  var v start 0\nequations\n  der(x) = v\n  der(v) = -9.81\n"
    text += "  when x < 0\n    v := -0.8*v\n  end\nend"
    found = sd.loads(text).simulate(time=(0, 1.5), check=True)
    assert found.check.accumulated < 1000, str(found.check)


def test_moves_of_two_unknowns_that_cancel_do_not_make_a_residual_large():
    """What is allowed came of random moves, in all of which tanh(x) and s once rose together (found by the fuzzer)."""
    model = sd.loads(
        "model M\n  var s\n  var w guess 0.98\n  var x start 0.675\nequations\n  2*s + 0.3*sin(w) = tanh(x)\n"
        "  0.0072 - 2*x = der(x)\n  2*w + 0.3*atan(s) - tanh(-(x*1.5)) = 0\nend\n"
    )
    found = model.simulate((0, 1), method="rodas5p", rtol=1e-7, atol=1e-9, check=True).check
    assert found.ok
    assert found.residual_tolerances < 15
