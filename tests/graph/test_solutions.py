"""Models of higher index, built from components and simulated, against equations reduced by hand."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import stiffdsl

PENDULUM = """
model Pendulum
  param L = 1 [m]
  var x [m] start 0
  var y [m] start -L
  var vx [m/s] start 7
  var vy [m/s] start 0
  var pull [N/(kg*m)]
equations
  der(x) = vx
  der(y) = vy
  der(vx) = -pull*x
  der(vy) = -pull*y - 9.81
  x^2 + y^2 = L^2
end
"""

SLIDER_CRANK = """
connector Frame "a point of the plane"
  potential x [m]
  potential y [m]
  flow fx [N]
  flow fy [N]
end

model Crank
  port p : Frame
  param r = 0.3 [m]
  param J = 0.2 [kg*m^2]
  var phi start 0.4
  var w [1/s] start 8
equations
  p.x = r*cos(phi)
  p.y = r*sin(phi)
  der(phi) = w
  J*der(w) = r*(p.fy*cos(phi) - p.fx*sin(phi))
end

model Rod
  port a : Frame
  port b : Frame
  param L = 1 [m]
  var pull [N/m]
equations
  (a.x - b.x)^2 + (a.y - b.y)^2 = L^2
  a.fx = pull*(a.x - b.x)
  a.fy = pull*(a.y - b.y)
  a.fx + b.fx = 0
  a.fy + b.fy = 0
end

model Slider
  port p : Frame
  param m = 2 [kg]
  var x [m] guess 1
  var v [m/s]
equations
  p.x = x
  p.y = 0
  der(x) = v
  m*der(v) = p.fx
end

model Engine
  part crank : Crank
  part rod : Rod
  part slider : Slider
equations
  connect crank.p, rod.a
  connect rod.b, slider.p
end
"""

SOURCE_ACROSS_CAPACITOR = """
from electrical import Capacitor, Ground, Resistor, SineVoltage
model Filter
  part s : SineVoltage(V = 2, f = 1)
  part r : Resistor(R = 3)
  part c : Capacitor(C = 0.1)
  part d : Capacitor(C = 0.2)
  part g : Ground
equations
  connect s.p, c.p, r.p
  connect r.n, d.p
  connect s.n, c.n, d.n, g.p
end
"""


CAR_AXIS = """
model CarAxis
  const L = 1
  const L0 = 0.5
  param eps = 1e-2
  param M = 10
  param r = 0.1
  param w = 10
  var xl start 0
  var yl start 0.5
  var xr start 1
  var yr start 0.5
  var ul start -0.5
  var vl start 0
  var ur start -0.5
  var vr start 0
  var lambda1
  var lambda2
  var xb
  var yb
  var Ll
  var Lr
  param k = M*eps^2/2
equations
  yb = r*sin(w*time)
  xb = sqrt(L^2 - yb^2)
  Ll = sqrt(xl^2 + yl^2)
  Lr = sqrt((xr - xb)^2 + (yr - yb)^2)
  der(xl) = ul
  der(yl) = vl
  der(xr) = ur
  der(yr) = vr
  k*der(ul) = (L0 - Ll)*xl/Ll + lambda1*xb + 2*lambda2*(xl - xr)
  k*der(vl) = (L0 - Ll)*yl/Ll + lambda1*yb + 2*lambda2*(yl - yr) - k
  k*der(ur) = (L0 - Lr)*(xr - xb)/Lr - 2*lambda2*(xl - xr)
  k*der(vr) = (L0 - Lr)*(yr - yb)/Lr - 2*lambda2*(yl - yr) - k
  xl*xb + yl*yb = 0
  (xl - xr)^2 + (yl - yr)^2 = L^2
end
"""

# F. Mazzia, C. Magherini, Test Set for Initial Value Problem Solvers, release 2.4, University of Bari, 2008: t = 3.
CAR_AXIS_END = {
    "xl": 0.0493455784275402,
    "yl": 0.4969894602303324,
    "xr": 1.041742524885400,
    "yr": 0.3739110272652214,
    "ul": -0.07705836840321485,
    "vl": 0.007446866596327776,
    "ur": 0.01755681574942899,
    "vr": 0.7703410437794031,
    "lambda1": -0.004736886750784630,
    "lambda2": -0.001104680411345730,
}


def test_the_car_axis_ends_where_published():
    solution = stiffdsl.loads(CAR_AXIS).simulate(
        time=(0, 3), points=4, rtol=1e-7, atol=1e-9, method="rodas5p"
    )
    assert solution.success, solution.reason
    end = {name: float(np.asarray(solution[name])[-1]) for name in CAR_AXIS_END}
    assert end == pytest.approx(CAR_AXIS_END, rel=1e-4, abs=1e-6)


def test_a_pendulum_turns_over_and_holds_its_length():
    solution = stiffdsl.loads(PENDULUM).simulate(time=(0, 20), points=101, rtol=1e-8, atol=1e-10)
    assert solution.success
    x, y, u, w = (np.asarray(solution[name]) for name in ("x", "y", "vx", "vy"))
    by_hand = solve_ivp(
        lambda t, z: [z[1], -9.81 * np.sin(z[0])], (0, 20), [0, 7], rtol=1e-11, atol=1e-12, t_eval=solution.t
    )
    assert by_hand.y[0, -1] > 4 * np.pi
    assert x == pytest.approx(np.sin(by_hand.y[0]), abs=1e-4)
    assert np.max(np.abs(x**2 + y**2 - 1)) < 1e-8
    assert np.max(np.abs(x * u + y * w)) < 1e-7


def test_a_pendulum_that_starts_off_its_circle_is_refused():
    solution = stiffdsl.loads(PENDULUM.replace("start 0\n  var y", "start 0.3\n  var y")).simulate(
        time=(0, 1)
    )
    assert not solution.success
    assert "x^2 + y^2 = L^2" in solution.reason


def test_a_slider_crank_from_components():
    r, length, inertia, mass = 0.3, 1.0, 0.2, 2.0

    def lever(phi):
        """The position of the slider by the angle of the crank: first and second derivative."""
        s, c = np.sin(phi), np.cos(phi)
        root = np.sqrt(length**2 - r**2 * s**2)
        first = -r * s - r**2 * s * c / root
        second = -r * c - r**2 * (c**2 - s**2) / root - r**4 * s**2 * c**2 / root**3
        return first, second

    def slope(t, z):
        first, second = lever(z[0])
        return [z[1], -mass * first * second * z[1] ** 2 / (inertia + mass * first**2)]

    solution = stiffdsl.loads(SLIDER_CRANK).simulate(time=(0, 5), points=51, rtol=1e-8, atol=1e-10)
    assert solution.success, solution.reason
    by_hand = solve_ivp(slope, (0, 5), [0.4, 8], rtol=1e-11, atol=1e-12, t_eval=solution.t)
    assert np.asarray(solution["crank.phi"]) == pytest.approx(by_hand.y[0], abs=1e-4)
    assert np.asarray(solution["slider.v"]) == pytest.approx(lever(by_hand.y[0])[0] * by_hand.y[1], abs=1e-3)


def test_a_capacitor_across_a_source():
    solution = stiffdsl.loads(SOURCE_ACROSS_CAPACITOR).simulate(time=(0, 2), points=21, rtol=1e-8, atol=1e-10)
    assert solution.success, solution.reason
    t = np.asarray(solution.t)
    omega = 2 * np.pi
    assert np.asarray(solution["c.i"]) == pytest.approx(0.1 * 2 * omega * np.cos(omega * t), abs=1e-6)
    by_hand = solve_ivp(
        lambda t, v: (2 * np.sin(omega * t) - v) / (3 * 0.2), (0, 2), [0], rtol=1e-10, atol=1e-12, t_eval=t
    )
    assert np.asarray(solution["d.v"]) == pytest.approx(by_hand.y[0], abs=1e-6)
