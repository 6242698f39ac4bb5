"""Single templates where arithmetic is delicate: powers at zero, branches not taken, kinks."""

import jax
import numpy as np
import pytest
import sympy as sp

from stiffdsl.flat.derive import derivative
from stiffdsl.flat.functions import FUNCTIONS, where
from stiffdsl.flat.model import slot
from stiffdsl.program.builder import Builder, ConstantTables
from stiffdsl.program.formula import TemplateLowering
from stiffdsl.program.program import Function
from stiffdsl.program.text import write
from stiffdsl.runtime.export.array_library import JAX

X, Y = slot(0), slot(1)


def compiled(expression: sp.Basic):
    """`f(t, y)` over y = (x, y), as JAX runs it."""
    builder = Builder(ConstantTables())
    y = builder.input("y", 2)
    symbols = {"s0": builder.element(y, 0), "s1": builder.element(y, 1)}
    result = builder.stack([TemplateLowering(builder, symbols).build(expression)])
    function = Function("f", ("t", "y"), "A template.", *builder.needed(result))
    space = dict(JAX)
    exec(write(function, builder.tables.arrays), space)
    return lambda x, y=0.0: space["f"](0.0, np.array([x, y]))[0], space["f"]


def by_jax(expression: sp.Basic, x: float, y: float = 0.0) -> float:
    _, f = compiled(expression)
    return float(jax.jacfwd(f, argnums=1)(0.0, np.array([x, y]))[0, 0])


@pytest.mark.parametrize(
    "power", [1, 2, 3, 5, 8, 16, 17, sp.Rational(3, 2), sp.Rational(5, 2), sp.Float(1.7)]
)
def test_powers_and_their_derivatives_at_zero(power):
    value, _ = compiled(X**power)
    assert float(value(0.0)) == 0.0
    slope, _ = compiled(derivative(X**power, X))
    assert float(slope(0.0)) == (1.0 if power == 1 else 0.0)
    assert by_jax(X**power, 0.0) == (1.0 if power == 1 else 0.0)
    assert float(value(1.3)) == pytest.approx(1.3 ** float(power), rel=1e-15)


@pytest.mark.parametrize("power", [-1, -2, -3, sp.Rational(-1, 2), sp.Rational(-3, 2), sp.Float(-0.7)])
def test_negative_powers(power):
    value, _ = compiled(X**power)
    assert float(value(1.3)) == pytest.approx(1.3 ** float(power), rel=1e-15)


@pytest.mark.parametrize(
    "branch",
    [
        1 / X,
        1 / X**2,
        FUNCTIONS["sqrt"](X - 1),
        FUNCTIONS["log"](X),
        X ** sp.Float(0.3),
        FUNCTIONS["asin"](2 + X),
    ],
)
def test_a_branch_not_taken_leaves_no_trace(branch):
    guarded = where(sp.Gt(X, 0), branch, X)
    value, _ = compiled(guarded)
    assert float(value(-0.0)) == 0.0
    assert by_jax(guarded, 0.0) == 1.0
    slope, _ = compiled(derivative(guarded, X))
    assert float(slope(0.0)) == 1.0


def test_nested_branches_are_guarded_by_all_conditions():
    inner = where(sp.Gt(Y, 0), FUNCTIONS["sqrt"](X) / Y, X**2)
    guarded = where(sp.Gt(X, 0), inner, 3 * X)
    assert by_jax(guarded, -1.0, -1.0) == 3.0
    assert by_jax(guarded, 4.0, 0.0) == 8.0
    assert by_jax(guarded, 4.0, 2.0) == 0.125


@pytest.mark.parametrize(
    ("name", "x", "value", "slope"),
    [
        ("abs", -2.0, 2.0, -1.0),
        ("abs", 0.0, 0.0, 1.0),
        ("sign", -3.0, -1.0, 0.0),
        ("sign", 0.0, 0.0, 0.0),
        ("floor", -1.5, -2.0, 0.0),
        ("ceil", -1.5, -1.0, 0.0),
        ("log10", 100.0, 2.0, 1 / (100 * np.log(10))),
    ],
)
def test_functions_of_one_argument(name, x, value, slope):
    expression = FUNCTIONS[name](X)
    f, _ = compiled(expression)
    assert float(f(x)) == pytest.approx(value, rel=1e-15)
    s, _ = compiled(derivative(expression, X))
    assert float(s(x)) == pytest.approx(slope, rel=1e-14)


@pytest.mark.parametrize("name", ["min", "max", "atan2", "mod"])
@pytest.mark.parametrize(("x", "y"), [(1.0, 2.0), (3.5, 2.0), (-1.0, 2.0)])
def test_functions_of_two_arguments(name, x, y):
    expected = {"min": min, "max": max, "atan2": np.arctan2, "mod": np.mod}[name](x, y)
    value, _ = compiled(FUNCTIONS[name](X, Y))
    assert float(value(x, y)) == pytest.approx(expected, rel=1e-15)
    slope, _ = compiled(derivative(FUNCTIONS[name](X, Y), X))
    assert float(slope(x, y)) == pytest.approx(by_jax(FUNCTIONS[name](X, Y), x, y), rel=1e-14)


def test_a_condition_may_hold_conditions():
    """SymPy's `Piecewise` folds conditions into each other, and fails on this one."""
    expression = FUNCTIONS["sign"](where(sp.Lt(FUNCTIONS["sign"](sp.Integer(2)), FUNCTIONS["abs"](X)), X, -Y))
    value, _ = compiled(where(sp.Gt(FUNCTIONS["max"](expression, Y), 0), X**2, Y))
    assert float(value(3.0, -1.0)) == 9.0
    assert float(value(0.5, 2.0)) == 0.25
    assert float(value(0.5, -0.0)) == 0.0
    assert float(value(-3.0, -1.0)) == -1.0
