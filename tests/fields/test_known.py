"""Fields beside closed forms: diffusion into a sphere, layers, what is carried along, arrays of parts."""

import numpy as np
import pytest

import stiffdsl as sd
from tests.fields.steady import steady

SPHERE = """
model Sphere
  param R = 1e-5 [m]
  param D = 1e-14 [m^2/s]
  field c(r) [mol/m^3] over 0..R cells {n} spherical start 0
  output mean_of_c = mean(c)
  output held [mol] = integral(c)
equations
  der(c) = div(D*grad(c))
  c at R = 1000
end
"""


def test_diffusion_into_a_sphere():
    # Crank, The Mathematics of Diffusion (1975), equations 6.18 and 6.20, at D*t/R^2 = 0.05.
    n, tau = np.arange(1, 60)[:, None], 0.05
    errors = []
    for cells in (20, 40):
        sol = sd.loads(SPHERE.format(n=cells)).simulate(
            (0, tau * 1e4), rtol=1e-8, atol=1e-8, saveat=[0, tau * 1e4]
        )
        x = (np.arange(cells) + 0.5) / cells
        series = (-1.0) ** n / n * np.sin(n * np.pi * x) * np.exp(-(n**2) * np.pi**2 * tau)
        exact = 1000 * (1 + 2 / (np.pi * x) * series.sum(0))
        mean = 1000 * (1 - 6 / np.pi**2 * (np.exp(-(n**2) * np.pi**2 * tau) / n**2).sum())
        errors.append([np.max(np.abs(sol["c"][-1] - exact)), abs(sol["mean_of_c"][-1] - mean)])
        assert sol["held"][-1] == pytest.approx(sol["mean_of_c"][-1] * 4 / 3 * np.pi * 1e-15, rel=1e-12)
    assert np.all(np.array(errors[1]) < 1.2)
    assert np.all(np.log2(np.array(errors[0]) / errors[1]) > 1.9)


LAYERS = """
model Layer
  param L = 0.1
  param k = 1
  field T(x) over 0..L cells 5 grading 1.3 start 0
equations
  der(T) = {equation}
end
model Wall
  part a : Layer(L = 0.24, k = 2)
  part b : Layer(L = 0.12, k = 0.05)
  part c : Layer(k = 7)
  output heat = (a.k*grad(a.T)) at 0
  output first = a.T at L
  output second = c.T at 0
equations
  a.T at 0 = 5
  connect a.T at L, b.T at 0
  connect b.T at b.L, c.T at 0
  -c.k*grad(c.T) at L = 8*(c.T at L - 21)
end
"""


@pytest.mark.parametrize("equation", ["-div(-k*grad(T))", "0.5*T - 0.5*T + div(harmonic(k)*grad(T))"])
def test_layers_of_unlike_materials(equation):
    found = steady(LAYERS.format(equation=equation))
    resistances = np.array([0.24 / 2, 0.12 / 0.05, 0.1 / 7, 1 / 8])
    heat = (21 - 5) / resistances.sum()
    assert found["heat"] == pytest.approx(heat, rel=1e-10)
    assert found["first"] == pytest.approx(5 + heat * resistances[0], rel=1e-10)
    assert found["second"] == pytest.approx(5 + heat * resistances[:2].sum(), rel=1e-10)


CARRIED = """
model Carried
  param v = {v}
  field u(x) over 0..1 {cells} start {start}
equations
  der(u) = -div({how}(v, u))
  u at {where} = {value}
end
"""


@pytest.mark.slow
def test_the_order_of_what_is_carried_along():
    # A bump that has moved by a quarter.
    errors = {"upwind": [], "limited": []}
    for how, found in errors.items():
        for n in (40, 80):
            text = CARRIED.format(
                v=1, cells=f"cells {n}", start="exp(-100*(x - 0.4)^2)", how=how, where="0", value="0"
            )
            u = sd.loads(text).simulate((0, 0.25), rtol=1e-7, atol=1e-9, saveat=[0.25])["u"][-1]
            x = (np.arange(n) + 0.5) / n
            found.append(np.mean(np.abs(u - np.exp(-100 * (x - 0.65) ** 2))))
    order = {how: np.log2(a / b) for how, (a, b) in errors.items()}
    assert order["upwind"] > 0.7
    assert order["limited"] > 1.7
    assert errors["limited"][1] < errors["upwind"][1] / 10


@pytest.mark.parametrize(("v", "where", "cells"), [(1, "0", "cells 30"), (-1, "1", "cells 15 grading 1.1")])
def test_a_limited_step_does_not_overshoot(v, where, cells):
    text = CARRIED.format(v=v, cells=cells, start="0", how="limited", where=where, value="1")
    u = sd.loads(text).simulate((0, 0.5), rtol=1e-8, atol=1e-10)["u"]
    assert np.min(u) > -1e-7
    assert np.max(u) < 1 + 1e-7
    along = u if where == "0" else u[:, ::-1]
    assert np.max(np.diff(along, axis=1)) < 1e-6  # it falls from where it comes in to the front, at all times
    assert along[-1][2] == pytest.approx(1, abs=0.1)


PARTICLES = """
model Particle
  param R = 1
  param j = 0
  field c(r) over 0..R cells 8 spherical start 1 + r^2
  output surface = c at R
equations
  der(c) = div(0.3*(1 + c)*grad(c))
  -0.3*(1 + c at R)*grad(c) at R = j
end
model Many
  part p[3] : Particle(R = {{1, 2, 0.5}}, j = {{0.1, 0.2, 0.02}})
  output all = sum(mean(p[i].c) for i in 1..3)
  output second = p[2].c at R
end
"""


def test_an_array_of_parts_holds_fields():
    many = sd.loads(PARTICLES.replace("{{", "{").replace("}}", "}"))
    together = many.simulate((0, 1), rtol=1e-9, atol=1e-11, saveat=[1.0])
    alone = sd.loads(PARTICLES.replace("{{", "{").replace("}}", "}"), model="Particle")
    means = 0.0
    for k, (R, j) in enumerate(((1, 0.1), (2, 0.2), (0.5, 0.02))):
        one = alone.simulate((0, 1), params={"R": R, "j": j}, rtol=1e-9, atol=1e-11, saveat=[1.0])
        assert together[f"p[{k + 1}].surface"][-1] == pytest.approx(one["surface"][-1], rel=1e-7)
        faces = np.linspace(0, R, 9) ** 3
        means += np.sum(one["c"][-1] * np.diff(faces)) / R**3
    assert together["all"][-1] == pytest.approx(means, rel=1e-7)
    assert together["second"][-1] == together["p[2].surface"][-1]


WIRE = """
model Wire
  field phi(x) over 0..2 cells 12 grading 1.2 guess 1
  field k(x) over 0..2 cells 12 grading 1.2
  output heat = integral(k*grad(phi)^2)
  output slope = grad(phi)[3]
  output passed = (k*grad(phi)) at 2
equations
  0 = div(k*grad(phi))
  k = 1 + phi.x
  phi at 0 = 0
  phi at 2 = 3
end
"""


def test_a_slope_in_the_cells():
    # The current times the voltage is the heat; the current is 3/log(3), and the slope current/(1 + x).
    found = steady(WIRE)
    width = 2 * (1.2 - 1) / (1.2**12 - 1)
    x = width * ((1.2**3 - 1) / 0.2 + (1.2**2 - 1) / 0.2) / 2
    assert found["passed"] == pytest.approx(3 / np.log(3), rel=5e-3)
    assert found["heat"] == pytest.approx(3 * found["passed"], rel=3e-3)
    assert found["slope"] == pytest.approx(3 / np.log(3) / (1 + x), rel=5e-3)
