"""Index reduction: constraints between states, against reductions made by hand."""

import numpy as np
import pytest

from stiffdsl.graph import sort
from stiffdsl.graph.show import show, structure

from .build import model
from .evaluate import consistent, derivative, invariants, off_by, run

PENDULUM = """
var x start 1
var y start 0
var u start 0
var w start 0
var T
param L = 1
der(x) = u
der(y) = w
der(u) = -T*x
der(w) = -T*y - 10
x^2 + y^2 = L^2
"""


def test_the_pendulum_keeps_its_states_and_holds_two_invariants():
    assert show(sort(model(PENDULUM))) == (
        """\
system Test: 4 states, 0 implicit unknowns
  5 equations in 3 blocks, the largest of 3; 1 loops, 1 unknowns solved in closed form, 0 torn, 0 kept implicit to break chains
  index 3: 2 derivatives of equations, 0 states became ordinary unknowns, 2 invariants

states  x, y, u, w

assignments
    1  der(x) := u    and 1 more alike
    2  T := (u**2 + w**2 - 10*y)/(x**2 + y**2)
    3  der(u) := -T*x
    4  der(w) := -T*y - 10

invariants
  0 = -L**2 + x**2 + y**2
  0 = 2*u*x + 2*w*y

initial
  check  0 = -L**2 + x**2 + y**2
  check  0 = 2*u*x + 2*w*y
"""  # noqa: E501
    )


@pytest.mark.parametrize("angle", np.linspace(0, 2 * np.pi, 9))
def test_the_pendulum_all_the_way_round(angle):
    """The force in the rod and the angular acceleration of a pendulum of length L at `angle` from below."""
    system = sort(model(PENDULUM))
    length, speed = 2.0, 3.0
    x, y = length * np.sin(angle), -length * np.cos(angle)
    u, w = length * speed * np.cos(angle), length * speed * np.sin(angle)
    values = run(system, [x, y, u, w], [length])
    assert invariants(system, values) == pytest.approx(0, abs=1e-12)
    assert values.of["var"][4] == pytest.approx(speed**2 + 10 / length * np.cos(angle))
    turned = -10 / length * np.sin(angle)
    expected = [length * (turned * np.cos(angle) - speed**2 * np.sin(angle))]
    expected += [length * (turned * np.sin(angle) + speed**2 * np.cos(angle))]
    assert derivative(system, values)[2:] == pytest.approx(expected)


def test_a_constraint_that_gives_a_variable_costs_a_state():
    flat = model("""
    var x
    var y
    var u
    var w
    var phi start 1
    var om start 0
    var T
    param L = 1
    der(x) = u
    der(y) = w
    der(phi) = om
    der(om) = -om + 0*time
    der(u) = -T*x
    x = L*sin(phi)
    y = -L*cos(phi)
    """)
    system = sort(flat)
    assert [flat.variable_name(int(v)) for v in system.states] == ["phi", "om"]
    assert system.invariants == ()
    assert system.warnings == ()
    assert off_by(flat, system, run(system, [0.4, 0.7], [2.0])) < 1e-12


def test_two_capacitors_with_a_ratio():
    system = sort(
        model("""
        var a start 1
        var b
        var i
        var k
        param r = 2
        3*der(a) = i
        2*der(b) = k
        a = r*b
        i + k = sin(time)
        """)
    )
    assert [int(v) for v in system.states] == [0]
    assert system.blocks["index"] == 2
    values = run(system, [1.0], [2.0])
    assert values.of["der"][0] == pytest.approx(np.sin(0.7) / 4)


def test_the_variable_with_a_start_stays_a_state():
    text = "var a{0}\nvar b{1}\nvar i\nder(a) = i\nder(b) = 2 - i\na = 3*b"
    for starts, kept in (((" start 1", ""), 0), (("", " start 1"), 1)):
        system = sort(model(text.format(*starts)))
        assert system.states.tolist() == [kept]
        assert system.initial.conditions == system.initial.checks == ()


def test_a_source_is_differentiated():
    system = sort(model("var v\nvar i\nparam C = 2\nC*der(v) = i\nv = sin(3*time)"))
    assert system.size == 0
    assert run(system, [], [2.0]).of["var"][1] == pytest.approx(2 * 3 * np.cos(3 * 0.7))


def test_a_cut_set_of_inductors():
    flat = model("""
    var i1 start 0
    var i2 start 0
    var i3
    var v
    param L = 1
    L*der(i1) = 1 - i1 - v
    2*der(i2) = v - i2
    3*der(i3) = v - 2*i3
    i1 = i2 + i3
    """)
    system = sort(flat)
    assert system.states.tolist() == [0, 1]
    i1, i2 = 0.3, 0.1
    v = (1 - i1 + i2 / 2 + 2 * (i1 - i2) / 3) / (1 + 1 / 2 + 1 / 3)
    values = run(system, [i1, i2], [1.0])
    assert values.of["var"][3] == pytest.approx(v)
    assert off_by(flat, system, values) < 1e-12


def test_a_planetary_gear():
    """Three speeds in two constraints: one of these gives a speed, the other is an invariant."""
    flat = model("""
    var s start 1
    var c
    var r
    var t1
    var t2
    der(s) = 1 - t1
    2*der(c) = t1 + t2 - c
    3*der(r) = -t2
    s + 2*r = 3*c
    r = 2*s - 4*c
    """)
    system = sort(flat)
    assert (len(system.states), len(system.invariants)) == (2, 1)
    y = consistent(system, np.full(system.size, 0.3))
    values = run(system, y)
    assert off_by(flat, system, values) < 1e-9
    # Unknowns s', c', r', t1, t2.
    matrix = [[1, 0, 0, 1, 0], [0, 2, 0, -1, -1], [0, 0, 3, 0, 1], [1, -3, 2, 0, 0], [-2, 4, 1, 0, 0]]
    c = values.of["var"][1]
    slope = np.linalg.solve(np.array(matrix, dtype=float), [1, -c, 0, 0, 0])
    assert derivative(system, values)[:2] == pytest.approx(slope[system.states])


def test_a_hidden_constraint_finds_the_open_start():
    """At x = 1, y = 0 the derivative of the constraint says nothing of w: it determines u."""
    system = sort(model(PENDULUM.replace("u start 0", "u").replace("w start 0", "w start 2")))
    assert [system.states[k] for k in system.initial.free] == [2]
    assert [f.size for f in system.initial.conditions] == [1]
    assert system.warnings == ()
    system = sort(model(PENDULUM.replace("y start 0", "y guess -0.5").replace("x start 1", "x start 0.6")))
    assert [system.states[k] for k in system.initial.free] == [1]


def test_a_velocity_that_is_no_variable_is_hidden():
    """Two oscillators, their elongations tied: the speed of what is left is `der(x)`."""
    flat = model("""
    var x start 1
    var y
    var u
    var w
    var f
    der(x) = u
    der(y) = w
    der(u) = -x + f
    der(w) = -2*y - f
    y = 2*x
    """)
    system = sort(flat)
    assert [system.flat.variable_name(int(v)) for v in system.states] == ["x", "u"]
    assert off_by(flat, system, run(system, [0.5, 0.25])) < 1e-12
    assert {b.kind for b in system.flat.variables[len(flat.variables) :]} == {"hidden"}
    assert structure(system).size == system.blocks["unknowns"]


CAR_AXIS = """
var xl start 0
var yl start 0.5
var xr start 1
var yr start 0.5
var ul start 0
var wl start 0
var ur start 0
var wr start 0
var l1
var l2
param M = 10
der(xl) = ul
der(yl) = wl
der(xr) = ur
der(yr) = wr
M*der(ul) = -xl + 2*l2*(xl - xr)
M*der(wl) = 0.5 - yl + 2*l2*(yl - yr) + l1*0.1*sin(10*time)
M*der(ur) = -2*l2*(xl - xr) + 1 - xr
M*der(wr) = 0.5 - yr - 2*l2*(yl - yr) + l1*xr
xl*cos(time) + yl*0.1*sin(10*time) + l1*0 = 0.05*sin(10*time)
(xl - xr)^2 + (yl - yr)^2 = 1
"""


def test_a_car_axis():
    """Schwerin's car axis in the essentials: two points on two rods, one end of which follows the road."""
    flat = model(CAR_AXIS)
    system = sort(flat)
    assert system.blocks["index"] == 3
    y = consistent(system, np.r_[0, 0.5, 1, 0.5, np.zeros(system.size - 4)], [10.0])
    values = run(system, y, [10.0])
    assert off_by(flat, system, values) < 1e-7
