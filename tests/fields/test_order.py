"""Solutions that are known: the error in cells, and at the ends, falls with the square of their width."""

import numpy as np
import pytest

from tests.fields.steady import steady

# u = cos(x) where 0 = div((1 + u^2)*grad(u)) + s: the flux is q, s = -(q' + m*q/x).
MODEL = """
model M
  const a = {a}
  param b = 1.5
  field u(x) over {over} {cells} {geometry} start 1
  output left = u at {first}
  output right = u at b
  output slope = grad(u) at b
  output through = ({D}*grad(u)) at b
equations
  der(u) = div({D}*grad(u)) - (-(cos(u.x) + cos(u.x)^3 - 2*sin(u.x)^2*cos(u.x)) - {m}*(1 + cos(u.x)^2)*sin(u.x)/u.x)
  {conditions}
end
"""
FACES = {
    "uniform": lambda a, n: f"cells {n}",
    "graded": lambda a, n: f"cells {n} grading {1.06 ** (20 / n)}",
    # Widths that jump from cell to cell by a factor of two, whatever their number.
    "by hand": lambda a, n: "at {" + ", ".join(map(repr, _uneven(a, 1.5, n))) + "}",
}
CONDITIONS = {
    "value": ("u at {0} = cos({0})", "u at b = cos(b)"),
    "slope": ("grad(u) at {0} = -sin({0})", "u at b = cos(b)"),
    "flux": ("u at {0} = cos({0})", "(1 + (u at b)^2)*grad(u) at b = -(1 + cos(b)^2)*sin(b)"),
    "mixed": ("u at {0} = cos({0})", "-grad(u) at b = 3*(u at b) + sin(b) - 3*cos(b)"),
    "of both ends": (
        "grad(u) at {0} - 2*(u at {0}) = -sin({0}) - 2*cos({0})",
        "-2*grad(u) at b = 5*(u at b) + 2*sin(b) - 5*cos(b)",
    ),
    "radiation": ("u at {0} = cos({0})", "grad(u) at b = -(u at b)^3 + cos(b)^3 - sin(b)"),
}


def _uneven(a: float, b: float, n: int) -> list[float]:
    widths = np.where(np.arange(n) % 2, 2.0, 1.0)
    return (a + (b - a) * np.r_[0.0, np.cumsum(widths) / widths.sum()]).tolist()


def _errors(n: int, geometry: str, cells: str, conditions: str, a: float, coefficient: str) -> np.ndarray:
    centre = geometry != "cartesian" and a == 0
    first = "0" if a == 0 else "a"
    left, right = (c.format(first) for c in CONDITIONS[conditions])
    text = MODEL.format(
        a=a, over=f"{first}..b", first=first, cells=FACES[cells](a, n), geometry=geometry, D=coefficient,
        m=["cartesian", "cylindrical", "spherical"].index(geometry),
        conditions=right if centre else f"{left}\n  {right}",
    )  # fmt: skip
    found = steady(text)
    faces = np.array(_uneven(a, 1.5, n))
    if cells == "uniform":
        faces = np.linspace(a, 1.5, n + 1)
    elif cells == "graded":
        q = 1.06 ** (20 / n)
        faces = a + (1.5 - a) * (q ** np.arange(n + 1) - 1) / (q**n - 1)
    x = (faces[1:] + faces[:-1]) / 2
    inside = np.max(np.abs(found["u"] - np.cos(x)))
    ends = np.abs(found["right"] - np.cos(1.5))[0], np.abs(found["left"] - np.cos(a))[0]
    through = np.abs(found["through"] + (1 + np.cos(1.5) ** 2) * np.sin(1.5))[0]
    return np.array([inside, *ends, through])


@pytest.mark.parametrize(
    ("geometry", "cells", "conditions", "a", "coefficient"),
    [
        pytest.param("cartesian", "uniform", "value", 0.0, "(1 + u^2)", marks=pytest.mark.slow),
        ("cartesian", "by hand", "mixed", 0.0, "(1 + u^2)"),
        ("cartesian", "graded", "of both ends", 0.3, "(1 + u^2)"),
        pytest.param("cylindrical", "uniform", "mixed", 0.0, "(1 + u^2)", marks=pytest.mark.slow),
        pytest.param("cartesian", "uniform", "radiation", 0.0, "(1 + u^2)", marks=pytest.mark.slow),
        ("cylindrical", "by hand", "slope", 0.5, "(1 + u^2)"),
        ("spherical", "uniform", "mixed", 0.0, "(1 + u^2)"),
        pytest.param("spherical", "graded", "value", 0.0, "(1 + u^2)", marks=pytest.mark.slow),
        ("spherical", "graded", "flux", 0.5, "(1 + u^2)"),
        pytest.param("spherical", "by hand", "of both ends", 0.5, "(1 + u^2)", marks=pytest.mark.slow),
        pytest.param("cartesian", "uniform", "mixed", 0.0, "harmonic(1 + u^2)", marks=pytest.mark.slow),
        ("spherical", "by hand", "value", 0.0, "harmonic(1 + u^2)"),
    ],
)
def test_the_order_is_two(geometry, cells, conditions, a, coefficient):
    coarse, fine = (_errors(n, geometry, cells, conditions, a, coefficient) for n in (20, 40))
    # Some errors at ends are all but zero: of a value that is given, or by chance beside those inside.
    coarse, fine = (np.maximum(errors, errors[0] / 30) for errors in (coarse, fine))
    order = np.log2(coarse / fine)
    assert np.all(order > 1.8), (order, coarse, fine)
