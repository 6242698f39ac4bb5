"""Start values: kept, moved, solved, contradicted; and the messages about them."""

import jax
import numpy as np
import pytest
from scipy.optimize import brentq

import stiffdsl as sd

ROBERTSON = """
model R
  param c0 = 0
  var A start 1
  var B start 0
  var C start c0
equations
  der(A) = -0.04*A + 1e4*B*C
  der(B) = 0.04*A - 1e4*B*C - 3e7*B^2
  A + B + C = 1
experiment
  time 0..1
end
"""
CAPACITORS = """
import electrical
model Caps
  part s : electrical.VoltageSource(V = 3)
  part r : electrical.Resistor
  part c1 : electrical.Capacitor
  part c2 : electrical.Capacitor(v start 2)
  part c3 : electrical.Capacitor
  part g : electrical.Ground
equations
  connect s.p, r.p
  connect r.n, c1.p, c2.p
  connect c2.n, c3.p
  connect s.n, c1.n, c3.n, g.p
initial
  c3.v = 0.5
experiment
  time 0..1
end
"""
# Exponentials whose arguments are two thousand where the guess is zero.
DIODES = """
model Diodes
  const N = 10
  param V = 50
  param R = 10
  var v[N] guess 0
  var i[N] guess 0
  var u start 0
equations
  der(u) = v[N] - u
  V - v[1] = R*i[1]
  for k in 2..N
    v[k-1] - v[k] = R*i[k]
  end
  for k in 1..N-1
    i[k] = i[k+1] + 1e-14*(exp(v[k]/0.02585) - 1)
  end
  i[N] = 1e-14*(exp(v[N]/0.02585) - 1)
experiment
  time 0..1
end
"""


def test_redundant_start_values_that_agree_are_kept():
    report = sd.loads(ROBERTSON).start_report()
    assert (report.kept, report.moved, report.solved, report.summary) == (3, (), (), "")


def test_start_values_that_contradict_are_named_with_their_numbers():
    report = sd.loads(ROBERTSON).start_report({"c0": 0.5})
    assert report.failure == (
        "no consistent initial state was found: start values contradict the equations; `C` has start 0.5 (line 6), "
        "but the equations give 0 with `A` = 1, `B` = 0; change a `start`, or make it a `guess`"
    )


def test_a_contradiction_is_the_status_of_its_lane():
    model = sd.loads(ROBERTSON)
    batch = model.ensemble({"c0": [0.0, 0.5]}, saveat=[1.0], outputs=("A",))
    assert batch.success.tolist() == [True, False]
    assert batch.reasons()[1] == "no consistent initial state was found"
    assert np.isnan(batch["A"][1]).all()
    solve = jax.jit(model.solver(saveat=[1.0], outputs=("A",)))
    assert np.isnan(solve({"c0": 0.5})).all()
    assert solve({"c0": 0.0})[0, 0] == batch["A"][0, 0]


def test_starts_that_gave_way_are_reported_with_how_far():
    report = sd.loads(CAPACITORS).simulate().start
    assert str(report) == (
        "kept      1 start value\n"
        "moved     c1.v: 0 → 2.5 V (by +2.5, the default of its part)\n"
        "          c3.v: 0 → 0.5 V (by +0.5, the default of its part)\n"
        "solved    c1.v\n"
        "          in 1 block, by Newton, 1 iteration"
    )
    assert report.to_dict()["moved"][0]["by"] == 2.5
    assert report.summary == "1 unknown solved by Newton (1 iteration); 2 start values moved"


def test_all_unknowns_where_newton_overflows_in_those_of_y_and_lanes_from_the_declared_start():
    model = sd.loads(DIODES)
    sol = model.simulate()
    assert sol.success
    assert sol.start.how == "Newton, block by block"
    v, i = sol["v"][0], sol["i"][0]
    through = 1e-14 * np.expm1(v / 0.02585)
    assert i[:-1] - i[1:] == pytest.approx(through[:-1], rel=1e-9, abs=1e-14)
    batch = model.ensemble({"V": [1.0, 50.0, 200.0]}, saveat=[0.0], outputs=("v[1]",))
    assert batch.success.all()
    assert batch["v[1]"][1, 0] == pytest.approx(v[0], rel=1e-10)
    # Of the model that this output needs, `u` is no part.
    only = model.simulate(outputs=("v[1]",), saveat=[0.0])
    assert only.start.how == "Newton, block by block"
    assert only["v[1]"][0] == pytest.approx(v[0], rel=1e-10)


def test_a_guess_twelve_orders_away():
    model = sd.loads("""
model Far
  var x guess 1e-8
  var y guess 1e12
  var z start 0
equations
  der(z) = x - z
  log(x) + y = 10
  y^3 + x = 1000
experiment
  time 0..1
end
""")
    y = brentq(lambda y: y**3 + np.exp(10 - y) - 1000, 9, 11)
    assert model.simulate()["y"][0] == pytest.approx(y, rel=1e-10)


def test_a_steady_start_of_a_burning_tank():
    """All states at rest: the steady states of this reactor are known from its one equation in T."""
    model = sd.loads("""
model Cstr
  var c guess 0.5
  var T guess 350
equations
  der(c) = 1 - c - 7.2e10*exp(-8750/T)*c
  der(T) = 350 - T + 209.2*7.2e10*exp(-8750/T)*c + 2.092*(300 - T)
initial
  der(c) = 0
  der(T) = 0
experiment
  time 0..1
end
""")
    T, c = (float(model.simulate().y[0, k]) for k in (1, 0))
    k = 7.2e10 * np.exp(-8750 / T)
    assert c == pytest.approx(1 / (1 + k), rel=1e-9)
    assert 350 - T + 209.2 * k / (1 + k) + 2.092 * (300 - T) == pytest.approx(0, abs=1e-8)


def test_without_a_solution_the_equations_furthest_off_are_quoted():
    model = sd.loads("""
model None
  var x guess 1
  var z start 0
equations
  der(z) = x - z
  x^2 + exp(x) = -1
experiment
  time 0..1
end
""")
    sol = model.simulate()
    assert not sol.success
    assert sol.reason.startswith(
        "no consistent initial state was found: neither Newton's method nor continuation came to a solution; "
        "most involved: `x`; `x^2 + exp(x) = -1` (line 7) is off by "
    )
    assert sol.start.wrong


@pytest.mark.parametrize(
    ("equation", "expected"),
    [("S = A/2", -50.0), ("S = A^2", -2e4), ("S + S^3 = A", -100 / (1 + 3 * 4.569780162932653**2))],
)
def test_the_derivative_of_an_algebraic_unknown_stands_in_initial(equation, expected):
    text = f"""
model M
  var A
  var S guess 4
  var p
equations
  der(A) = -A
  {equation}
  der(p) = 0
initial
  p = der(S)
  A = 100
end
"""
    assert sd.loads(text).simulate(time=(0, 1))["p"][-1] == pytest.approx(expected, rel=1e-4)


# What is given is not in y, and what y holds is said nothing of: T follows from its start, x from T, U from both.
CHAIN = """
model Chain
  var U
  var T start 293.15
  var x guess 0.1
equations
  1 = x*log(T - 200)
  U = T + x
  der(U) = 1
end
"""
# A vessel of liquid and vapour, given by its temperature; energy and mass are its states.
VESSEL = """
model Vessel
  param V = 2e-3
  var m
  var E
  var T start 283.15
  var x start 0.3
  var rho_l
  var rho_v
  var v
equations
  rho_l = 1294.8 - 3.23*(T - 273.15) - 0.0098*(T - 273.15)^2
  rho_v = 14.43*exp(0.0334*(T - 273.15))
  v = 1/rho_l + x*(1/rho_v - 1/rho_l)
  m*v = V
  E = m*(51.9e3 + 1340*(T - 273.15) + x*(198.6e3 - 700*(T - 273.15))) - 2.93e5*V*exp(0.032*(T - 273.15))
  der(m) = 0
  der(E) = 10
end
"""


def test_explicit_chains_from_what_is_given_come_first():
    found = sd.loads(CHAIN).simulate(time=(0, 1))
    x = 1 / np.log(93.15)
    assert found["x"][0] == pytest.approx(x, rel=1e-12)
    assert found["U"][0] == pytest.approx(293.15 + x, rel=1e-12)
    assert found.start.how == "Newton, block by block"
    assert found.start.iterations <= 8


def test_states_of_a_vessel_follow_from_its_temperature():
    found = sd.loads(VESSEL).simulate(time=(0, 1))
    rho_l, rho_v = 1294.8 - 32.3 - 0.98, 14.43 * np.exp(0.334)
    m = 2e-3 / (1 / rho_l + 0.3 * (1 / rho_v - 1 / rho_l))
    assert found["m"][0] == pytest.approx(m, rel=1e-10)
    expected = m * (51.9e3 + 13400 + 0.3 * (198.6e3 - 7000)) - 586 * np.exp(0.32)
    assert found["E"][0] == pytest.approx(expected, rel=1e-10)
    assert found["T"][-1] > 283.15


def test_a_state_that_nothing_is_said_of_is_looked_for_where_its_equation_has_a_value():
    text = """
model Root
  var a
  var b start 3
equations
  der(a) = -a
  b = sqrt(a - 5)
end
"""
    assert sd.loads(text).simulate(time=(0, 0.1))["a"][0] == pytest.approx(14.0, rel=1e-10)


def test_what_rounding_leaves_of_a_zero_is_no_move():
    text = (
        "model M\n  param a = 0.1\n  param b = 0.2\n  var x start 0.3\n  var y start {y}\nequations\n"
        "  der(x) = -x\n  y = x - (a + b)\nend\n"
    )
    report = sd.loads(text.format(y=0)).start_report()
    assert (report.kept, report.moved) == (2, ())
    (move,) = sd.loads(text.format(y="1e-6")).start_report().moved
    assert move.name == "y"
