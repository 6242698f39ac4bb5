"""Jumps in time: steps land on them by every method, in both tiers and in all lanes; derivatives know when they are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.diagnostics import Source
from stiffdsl.pipeline import compile_model
from stiffdsl.runtime import tier
from stiffdsl.solve.base.method_table import METHODS
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate.solver import make_solve

AT, WIDE, END = 5.0, 0.001, 10.0
# On for a ten-thousandth of the time; the others only follow, and make the system large enough for kernels.
PULSE = f"""
model Pulse
  param at = {AT}
  param wide = {WIDE}
  param rate = 0.5
  var x start 0
  var y[5] start 0
equations
  der(x) = (if time >= at and time < at + wide then 1/wide else 0) - rate*x
  for i in 1..5
    der(y[i]) = i*(x - y[i])
  end
experiment
  time 0..{END}
end
"""
SAVED = np.array([0.0, 2.0, AT, AT + WIDE / 4, AT + WIDE, 7.0, END])


def expected(t, at=AT, rate=0.5):
    """x of the pulse."""
    since = np.clip(np.asarray(t) - at, 0.0, WIDE)
    after = np.maximum(np.asarray(t) - at - WIDE, 0.0)
    return (1 - np.exp(-rate * since)) / (rate * WIDE) * np.exp(-rate * after)


@pytest.fixture(scope="module")
def pulse():
    return sd.loads(PULSE)


SLOW = {"rodas4pw", "rodas6p", "kvaerno5", "kencarp47", "radau9", "tsit5", "rkc2"}


@pytest.mark.parametrize(
    "method", [pytest.param(m, marks=pytest.mark.slow if m in SLOW else ()) for m in METHODS]
)
def test_every_method_sees_a_narrow_pulse(pulse, method):
    found = pulse.simulate(method=method, saveat=SAVED, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found["x"], expected(SAVED), rtol=1e-5, atol=1e-9)
    steps = pulse.simulate(method=method, rtol=1e-7, atol=1e-9)
    assert {AT, AT + WIDE} <= set(steps.t)
    np.testing.assert_allclose(steps(SAVED)["x"], expected(SAVED), rtol=1e-5, atol=1e-9)


def test_the_portable_tier_takes_the_same_steps(pulse):
    args, y0 = pulse.args(), pulse.initial_state()
    kernel, _ = tier.pure_solve(pulse, "rodas5p", Options(max_steps=1000), ())
    portable = make_solve(pulse.system(False), "rodas5p", 1000)
    given = (0.0, END, y0, args, jnp.asarray(SAVED), 1e-7, 1e-9)
    ours, theirs = kernel(*given), portable(*given)
    assert list(map(int, ours.counts)) == list(map(int, theirs.counts))
    np.testing.assert_allclose(ours.ys, theirs.ys, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", ["rodas5p", pytest.param("fbdf", marks=pytest.mark.slow)])
def test_lanes_jump_at_their_own_times(pulse, method):
    at = np.array([0.5, 2.0, 3.7, 8.0, 12.0])
    limits = {"saveat": SAVED, "rtol": 1e-7, "atol": 1e-9, "method": method}
    found = pulse.ensemble({"at": at}, outputs=["x"], **limits)
    exact = np.stack([expected(SAVED, a) for a in at])
    np.testing.assert_allclose(found["x"], exact, rtol=1e-5, atol=1e-9)
    solve = pulse.solver(outputs=["x"], **limits)
    mapped = jax.vmap(lambda a: solve({"at": a}))(at)
    np.testing.assert_allclose(mapped[..., 0], exact, rtol=1e-5, atol=1e-9)


def test_derivatives_by_the_time_of_a_jump(pulse):
    solve = pulse.solver(saveat=[7.0, END], outputs=["x"], rtol=1e-9, atol=1e-12)

    def end(at, rate):
        return solve({"at": at, "rate": rate})[1, 0]

    at, rate = np.array([2.0, 5.0, 12.0]), np.array([0.5, 0.3, 0.5])
    by_at, by_rate = jax.vmap(jax.grad(end, argnums=(0, 1)))(at, rate)
    x = [expected(END, a, r) for a, r in zip(at, rate, strict=True)]
    np.testing.assert_allclose(by_at, rate * x, rtol=1e-7, atol=1e-9)
    slope = [
        (expected(END, a, r + 1e-5) - expected(END, a, r - 1e-5)) / 2e-5
        for a, r in zip(at, rate, strict=True)
    ]
    np.testing.assert_allclose(by_rate, slope, rtol=1e-6, atol=1e-9)
    along = jax.vmap(lambda a, r: jax.jvp(end, (a, r), (1.0, 0.0))[1])(at, rate)
    np.testing.assert_allclose(along, by_at, rtol=1e-9, atol=1e-12)
    forward = jax.vmap(jax.jacfwd(end, argnums=0))(at, rate)
    np.testing.assert_allclose(forward, by_at, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_derivatives_of_the_portable_tier_are_the_same(pulse):
    portable = make_solve(pulse.system(False), "rodas5p", 1000)
    kernel, _ = tier.pure_solve(pulse, "rodas5p", Options(max_steps=1000), ())
    args, y0 = pulse.args(), pulse.initial_state()
    weights = np.linspace(1, 2, len(y0))

    def end(solve):
        def of(p):
            return weights @ solve(0.0, END, y0, args._replace(p=p), jnp.zeros(0), 1e-9, 1e-12).y

        return jax.grad(of)(jnp.asarray(args.p))

    np.testing.assert_allclose(end(kernel), end(portable), rtol=1e-6)


TRAIN = """
model Train
  param T = 0.7
  param wide = 0.01
  var x start 0
  var y start 1
equations
  der(x) = if time - T*floor(time/T) < wide then 1 else 0
  der(y) = -y
experiment
  time 0..10
end
"""


def test_every_pulse_of_a_train_counts():
    train = sd.loads(TRAIN)
    solution = train.simulate(saveat=[10.0], rtol=1e-6)
    assert solution["x"][-1] == pytest.approx(15 * 0.01, rel=1e-12)
    solve = train.solver(saveat=[3.5, 10.0], outputs=["x"])
    both = jax.jacrev(lambda p: solve(p)[:, 0])({"T": 0.7, "wide": 0.01})
    np.testing.assert_allclose(both["wide"], [5.0, 15.0], rtol=1e-9)
    np.testing.assert_allclose(both["T"], 0.0, atol=1e-9)


ALGEBRAIC = """
model Algebraic
  param at = 1
  var x start 0
  var z guess 0.5
equations
  der(x) = z - x
  z + z^3 = (if time < at then 2 else 10) + 0.1*x
experiment
  time 0..2
end
"""


def test_algebraic_unknowns_jump_as_well():
    model = sd.loads(ALGEBRAIC)
    solution = model.simulate(rtol=1e-8, atol=1e-10)
    x, z = (solution([0.5, 1.0, 1.5])[name] for name in ("x", "z"))
    np.testing.assert_allclose(z + z**3, np.array([2, 10, 10]) + 0.1 * x, rtol=1e-7)
    saved = model.simulate(saveat=[0.5, 1.0, 1.5], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(saved["z"], z, rtol=1e-6)
    solve = model.solver(saveat=[2.0], outputs=["x"], rtol=1e-10, atol=1e-12)
    slope = jax.grad(lambda at: solve({"at": at})[0, 0])(1.0)
    ends = [float(solve({"at": at})[0, 0]) for at in (0.999, 1.001)]
    assert float(slope) == pytest.approx((ends[1] - ends[0]) / 2e-3, rel=1e-5)


CHOPPER = """
model Chopper "a switch, a diode for the current when it opens, and a load of constant voltage"
  param T = 1e-5
  param duty = 0.4
  param L = 1e-4
  var i start 0.5
  var v
  var i_switch
  var i_diode
equations
  i_switch = (24 - v)*(if mod(time, T) < duty*T then 1e3 else 1e-6)
  i_diode = -v*(if v < 0 then 1e3 else 1e-6)
  i_switch + i_diode = i
  L*der(i) = v - 9
experiment
  time 0..4e-4
end
"""


def test_a_diode_takes_over_when_a_switch_opens():
    """The slope of the equation for `v` grows by 1e9 as the diode begins to conduct, 24 V away."""
    solution = sd.loads(CHOPPER).simulate(rtol=1e-8, check=True)
    assert solution.success, solution.reason
    # The run ends on a jump, behind which the equations are others.
    assert solution.check.verdict == "ok", str(solution.check)
    expected = 0.5
    for wide, voltage, conductance in 40 * [(4e-6, 24.0, 1e3 + 1e-6), (6e-6, 24e-9, 1e3 + 1e-6)]:
        # v = voltage - i/conductance while one of the two conducts.
        final = (voltage - 9) * conductance
        expected = final + (expected - final) * np.exp(-wide / (1e-4 * conductance))
    assert solution["i"][-1] == pytest.approx(expected, rel=1e-6)


TABLE = """
model Table
  input u = 0
  param k = 1
  var x start 0
equations
  der(x) = u - k*x
experiment
  time 0..10
end
"""


def test_a_table_jumps_where_two_points_have_one_time():
    model = sd.loads(TABLE)
    inputs = {"u": ([0.0, AT, AT, AT + WIDE, AT + WIDE, END], [0.0, 0.0, 1 / WIDE, 1 / WIDE, 0.0, 0.0])}
    found = model.simulate(inputs=inputs, params={"k": 0.5}, saveat=SAVED, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found["x"], expected(SAVED), rtol=1e-6, atol=1e-9)
    assert found["u"][2] == pytest.approx(1 / WIDE)


FAMILY = """
model Family
  param at[3] = {1, 2.5, 2.5}
  var x[3] start 0
equations
  for i in 1..3
    der(x[i]) = if time < at[i] or time > at[i] + 0.001 then 0 else 1000
  end
experiment
  time 0..4
end
"""


def test_each_entry_of_a_vector_jumps_by_itself():
    model = sd.loads(FAMILY)
    np.testing.assert_allclose([model.simulate()[f"x[{i}]"][-1] for i in (1, 2, 3)], 1.0, rtol=1e-9)


WAVE = """
model Wave
  var x start 0
equations
  der(x) = if sin(time) > 0.5 then 1 else 0
experiment
  time 0..3
end
"""


def test_conditions_on_other_functions_of_time_are_found_by_rejected_steps():
    model = sd.loads(WAVE)
    assert not len(model.program.crossings_periodic)
    assert model.simulate(rtol=1e-8, atol=1e-10)["x"][-1] == pytest.approx(2 * np.pi / 3, abs=1e-6)


def test_there_and_back_again(pulse):
    args, y0 = pulse.args(), pulse.initial_state()
    kernel, _ = tier.pure_solve(pulse, "rodas5p", Options(max_steps=1000), ())
    none = jnp.zeros(0)
    there = kernel(0.0, 6.0, y0, args, none, 1e-10, 1e-12)
    back = kernel(6.0, 4.5, there.y, args, none, 1e-10, 1e-12)
    assert int(back.status) == 0
    np.testing.assert_allclose(back.y[0], 0.0, atol=1e-8)


def test_a_jump_to_where_there_is_no_solution_says_so():
    text = """
model Lost
  var x start 1
  var z guess 1
equations
  der(x) = -x
  z + 0.1*exp(z) + (if time < 0.5 then 0 else 10 + z^2) = x
experiment
  time 0..1
end
"""
    solution = compile_model(Source("lost.sml", text)).simulate()
    assert solution.status == Status.JUMP
    assert solution.t[-1] == 0.5
    assert "after a jump" in solution.reason
    assert "`z`" in solution.reason


@pytest.mark.parametrize(
    "guarded",
    [
        "if time <= 0 then 1 else sin(time)/time",
        "if time > 0 then sin(time)/time else 1",
        "if time == 0 then 1 else sin(time)/time",
    ],
)
def test_a_condition_guards_a_quotient_at_the_time_of_its_jump(guarded):
    model = sd.loads(f"model S\n var x start 0\n var s\nequations\n der(x) = {guarded}\n s = {guarded}\nend")
    found = model.simulate(time=(0, 1), rtol=1e-9, atol=1e-12, method="rodas5p")
    # Si(1)
    np.testing.assert_allclose(found["x"][-1], 0.9460830703671830, rtol=1e-9)
    assert found["s"][0] == 1.0


def test_a_guard_before_the_end_of_a_step_and_a_root_that_needs_none():
    text = """
model S
  var x start 0
  var s
equations
  der(x) = if time >= 5 then 1 + (time - 5)/10 else sin(time - 5)/(time - 5)
  s = if time <= 2 then 0 else 3 + sqrt(time - 2)
end
"""
    found = sd.loads(text).simulate(time=(0, 6), saveat=[2, 5, 6], rtol=1e-9, atol=1e-12, method="rodas5p")
    # Si(5) + 1.05; at its jump, `s` has the value after it.
    np.testing.assert_allclose(found["x"][-1], 1.5499312449446741 + 1.05, rtol=1e-9)
    assert found["s"][0] == 3.0
