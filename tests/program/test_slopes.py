"""Slopes at single points: finite wherever they exist, in the Jacobian and in both directions of both tiers."""

import re
from types import SimpleNamespace

import jax
import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.program.derivatives.forward import directional
from stiffdsl.program.derivatives.reverse import pullback
from stiffdsl.program.interpret import run
from stiffdsl.runtime.emit import functions

from .programs import dense, of_text

# An expression of x and y with parameters, a point, its value there, and its slopes by x and y.
SLOPES = [
    ("(x/K)^n", (0.0, 0.0), 0.0, (0.0, 0.0)),
    ("(x/K)^one", (0.0, 0.0), 0.0, (2.0, 0.0)),
    ("(x/K)^zero", (0.0, 0.0), 1.0, (0.0, 0.0)),
    ("x^n/(K^n + x^n)", (0.0, 0.0), 0.0, (0.0, 0.0)),
    ("y*x^zero", (0.0, 3.0), 3.0, (0.0, 1.0)),
    ("x^y", (0.0, 2.0), 0.0, (0.0, 0.0)),
    ("sqrt(x^2 + y^2)", (0.0, 0.0), 0.0, (0.0, 0.0)),
    ("sqrt(x^2 + y^2)*x", (0.0, 0.0), 0.0, (0.0, 0.0)),
    ("(x^2 + y^2)^0.75", (0.0, 0.0), 0.0, (0.0, 0.0)),
    ("sqrt(max(x, 0))", (-1.0, 0.0), 0.0, (0.0, 0.0)),
    ("sign(x - y)*sqrt(abs(x - y))", (1.0, 1.0), 0.0, (0.0, 0.0)),
    ("sqrt(x)*sqrt(y)", (0.0, 0.0), 0.0, (0.0, 0.0)),
    ("y*sqrt(x)", (0.0, 0.0), 0.0, (0.0, 0.0)),
    ("x*sqrt(sin(x))", (0.0, 0.0), 0.0, (0.0, 0.0)),
    ("asin(min(x, 1))", (1.5, 0.0), np.pi / 2, (0.0, 0.0)),
    ("acos(max(x, -1))", (-2.0, 0.0), np.pi, (0.0, 0.0)),
    ("1/(1 + exp(-x))", (-800.0, 0.0), 0.0, (0.0, 0.0)),
    ("1/cosh(x)", (800.0, 0.0), 0.0, (0.0, 0.0)),
    ("tanh(y - x)", (800.0, 0.0), -1.0, (0.0, 0.0)),
    ("atan2(x, y)", (0.0, 0.0), 0.0, (0.0, 0.0)),
    ("if x > 0 then x*log(x) else y", (0.0, 2.0), 2.0, (0.0, 1.0)),
    ("if x == 0 then 1 else sin(x)/x", (0.0, 0.0), 1.0, (0.0, 0.0)),
    ("if x > 0 then sqrt(x)/y else 3*x", (-1.0, 0.0), -3.0, (3.0, 0.0)),
    ("abs(x) + min(x, y) + max(x, y)", (0.0, 1.0), 1.0, (2.0, 1.0)),
]


def model(expressions: list[str]) -> str:
    """`der(x[k])` is the k-th expression of x[k] and y[k]; the slope of `root` is infinite where `square` has none."""
    count = len(expressions)
    indexed = [re.sub(r"\b([xy])\b", rf"\1[{k}]", e) for k, e in enumerate(expressions, 1)]
    lines = "\n".join(f"  der(x[{k}]) = {e}" for k, e in enumerate(indexed, 1))
    return f"""
model Slopes
  param n = 2
  param one = 1
  param zero = 0
  param K = 0.5
  var x[{count}]
  var y[{count}]
  var square
  var root
equations
{lines}
  square = x[1]^2 + y[1]^2
  root = sqrt(square)
  der(y[1]) = 3*root
  for i in 2..{count}
    der(y[i]) = -y[i]
  end
end
"""


@pytest.fixture(scope="module")
def program():
    return of_text(model([e for e, *_ in SLOPES]))


@pytest.fixture(scope="module")
def at(program):
    flat, count = program.system.flat, len(SLOPES)
    zeros = np.zeros(4)
    points = np.array([point for _, point, *_ in SLOPES])
    by_name = np.r_[points[:, 0], points[:, 1]]
    assert [flat.variable_name(int(v)) for v in program.system.states[:2]] == ["x[1]", "x[2]"]
    assert len(program.system.states) == 2 * count
    return 0.0, by_name, run(program, "parameters", zeros, zeros), np.zeros(0)


def check(matrix: np.ndarray):
    count = len(SLOPES)
    for k, (text, _, _, slopes) in enumerate(SLOPES):
        np.testing.assert_allclose(matrix[k, [k, count + k]], slopes, atol=1e-300, err_msg=text)
    # The chain through `square` and `root`, at zero.
    np.testing.assert_array_equal(matrix[count, [0, count]], [0.0, 0.0])


def test_the_jacobian(program, at):
    values = run(program, "rhs", *at)[: len(SLOPES)]
    np.testing.assert_allclose(values, [value for _, _, value, _ in SLOPES], atol=1e-300)
    check(dense(program, run(program, "jacobian", *at)))


def test_along_directions_and_back_in_kernels(program, at):
    n = program.size
    found = directional(program.by_name["rhs"], program.tables, ("y",))
    back = pullback(program.by_name["rhs"], program.tables, (("y", n),))
    assert found is not None
    assert back is not None
    forward, reverse = (
        SimpleNamespace(by_name={"f": f}, tables=tables, crossings_periodic=()) for f, tables in (found, back)
    )
    check(np.array([run(forward, "f", *at, unit) for unit in np.eye(n)]).T)
    check(np.array([run(reverse, "f", *at, unit) for unit in np.eye(n)]))


def test_along_directions_and_back_by_jax(program, at):
    rhs = functions(program).rhs
    check(np.asarray(jax.jit(jax.jacfwd(rhs, argnums=1))(*at)))
    check(np.asarray(jax.jit(jax.jacrev(rhs, argnums=1))(*at)))


def test_a_slope_that_is_infinite_is_said_to_be():
    program = of_text(
        "model Roots\n param p = 0\n var x start 0\nequations\n der(x) = 1 - sqrt(x) + sqrt(p)\nend"
    )
    at = 0.0, np.zeros(1), np.zeros(1), np.zeros(0)
    assert run(program, "jacobian", *at)[0] == -np.inf
    # Of a parameter: nothing beside the point tells more.
    assert np.asarray(jax.jacfwd(functions(program).rhs, argnums=2)(*at)) == np.inf


# Models that begin where a quotient of the derivative would be 0/0, and values of closed forms or of SciPy (Radau,
# rtol 1e-12).
STARTS = {
    "hill": ("param n = 2\n param K = 0.5", "der(x) = 1 - (x/K)^n\n der(y) = 0", (0, 0), 1, np.tanh(2) / 2),
    "drag": (
        "",
        "der(x) = 1 - 0.1*sqrt(x^2 + y^2)*x\n der(y) = 0.5 - 0.1*sqrt(x^2 + y^2)*y",
        (0, 0),
        1,
        0.9643267,
    ),
    "orifice": (
        "",
        "der(x) = 1 - sign(x - y)*sqrt(abs(x - y))\n der(y) = sign(x - y)*sqrt(abs(x - y))",
        (1, 1),
        10,
        6.125,
    ),
    "refilled": (
        "",
        "der(x) = (if time < 20 then 0 else 0.1) - 0.2*sqrt(max(x, 0))\n der(y) = 0",
        (1, 0),
        30,
        0.2244537,
    ),
    "no power": ("param n = 0", "der(x) = 2 - x^n\n der(y) = 0", (0, 0), 1, 1.0),
}


@pytest.mark.parametrize("name", STARTS)
def test_models_that_begin_there(name):
    declared, equations, (x, y), end, expected = STARTS[name]
    text = f"model M\n {declared}\n var x start {x}\n var y start {y}\nequations\n {equations}\nend"
    found = sd.loads(text).simulate(time=(0, end), method="rodas5p", rtol=1e-8, atol=1e-10)
    assert found.success
    assert found["x"][-1] == pytest.approx(expected, rel=2e-7)


@pytest.mark.parametrize(
    ("law", "slope"),
    [
        ("exp(k*x)/(1 + exp(k*x))", 0.0),
        ("x*exp(k*x)/(2 + exp(k*x))", 1.0),
        ("(x/0.5)^n/(1 + (x/0.5)^n)", 0.0),
        ("(x*x + 1)*(x/0.5)^n/(1 + (x/0.5)^n)", 2.0),
        ("cosh(k*x)/(1 + cosh(k*x))", 0.0),
        ("sinh(k*x)/cosh(k*x)", 0.0),
    ],
)
def test_saturated_laws_whose_terms_have_squares_beyond_all_numbers(law, slope):
    text = (
        f"model Law\n param k = 500\n param n = 730\n var x start 1\nequations\n der(x) = {law} - 3*x\nend\n"
    )
    model = sd.loads(text)
    at = 0.0, np.ones(1), model.default_parameters, np.zeros(0)
    with np.errstate(all="ignore"):
        assert model.interpreted.jacobian(*at)[0] == pytest.approx(slope - 3, abs=1e-9)
