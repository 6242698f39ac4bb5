"""What a field holds changes by what passes its ends, to rounding, whatever its cells and its flux."""

import numpy as np
import pytest

import stiffdsl as sd

MODEL = """
model M
  param a = {a}
  param b = 2
  param v = 0.7
  field c(x) over {first}..b {cells} {geometry} start 1 + 0.3*sin(5*x)
  field d(x) over {first}..b {cells} {geometry} start 2 + 0.5*cos(4*x)
  output total = integral(c)
  output left = ({flux}) at {first}
  output right = ({flux}) at b
equations
  der(c) = div({flux})
  der(d) = -d
  {conditions}
end
"""
FLUXES = (
    "(1 + c^2)*d*grad(c)",
    "harmonic(exp(c))*grad(c) - upwind(v, c)",
    "0.1*grad(log(c)) - limited(-v*d, c)",
)
CELLS = ("cells 9", "cells 9 grading 0.8", "at {{{first}, 0.6, 0.7, 1.1, 1.2, 1.21, 1.5, 1.9, 2}}")
AREA = {
    "cartesian": lambda x: 1.0,
    "cylindrical": lambda x: 2 * np.pi * x,
    "spherical": lambda x: 4 * np.pi * x**2,
}


SLOW = [("cartesian", True), ("cylindrical", False), ("spherical", True)]


@pytest.mark.parametrize(
    ("geometry", "hollow"),
    [
        ("cartesian", False),
        ("cylindrical", True),
        ("spherical", False),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW),
    ],
)
def test_nothing_is_lost(geometry, hollow):
    for flux, cells in zip(FLUXES, CELLS, strict=True):
        a, first = (0.5, "a") if hollow else (0.0, "0")
        inner = f"c at {first} = 1.3"
        conditions = "" if geometry != "cartesian" and not hollow else inner
        conditions += "\n  grad(c) at b = -0.2"
        text = MODEL.format(
            a=a, first=first, geometry=geometry, flux=flux, conditions=conditions,
            cells=cells.format(first=a),
        )  # fmt: skip
        model = sd.loads(text)
        f, p = model.interpreted, np.asarray(model.default_parameters)
        y = np.abs(np.random.default_rng(3).normal(1.0, 0.3, len(model.mass))) + 0.1
        at = model.program.system.flat.variables
        with np.errstate(
            invalid="ignore"
        ):  # a whole step is far for the logarithm in a flux, which is not asked for
            now, later = (np.asarray(f.variables(0.0, s, p, [])) for s in (y, y + f.rhs(0.0, y, p, [])))
        total, left, right = (next(b.offset for b in at if b.name == n) for n in ("total", "left", "right"))
        # The total is linear in the state: its rate is the difference over a step of length one.
        passed = AREA[geometry](2.0) * now[right] - (
            AREA[geometry](a) * now[left] if a or geometry == "cartesian" else 0.0
        )
        assert later[total] - now[total] == pytest.approx(passed, rel=1e-12, abs=1e-12 * abs(now[total]))
