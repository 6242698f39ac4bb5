"""Operations as machine code mean what they mean in NumPy; derivatives by time are derivatives."""

import ctypes
import math
from types import SimpleNamespace

import numpy as np
import pytest

from stiffdsl.native.functions import emission
from stiffdsl.native.host import engine
from stiffdsl.native.ir.code import IRModule
from stiffdsl.native.ir.form import FORM, Form
from stiffdsl.program import interpret
from stiffdsl.program.builder import Builder, ConstantTables
from stiffdsl.program.derivatives.forward import time_derivative
from stiffdsl.program.operations import OPERATIONS
from stiffdsl.program.program import Function

pytestmark = pytest.mark.skipif(not engine.available(), reason="LLVM is not installed")

CONDITIONS = {"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"}
ARITIES = {
    name: 2 if name in ("add", "sub", "mul", "div", "pow", "atan2") else 1
    for name in OPERATIONS
    if name not in CONDITIONS | {"select"}
}


def compiled(function: Function, tables: dict[str, np.ndarray], form: Form = FORM):
    """`function` as machine code, called as the NumPy meaning is."""
    module = IRModule(form)
    scratch = np.zeros(emission.emit_function(module, function, tables) + 1)
    text = module.text().replace("define internal", "define dso_local")
    library = engine.load(text, lambda: text)
    kinds = [ctypes.c_double if a == "t" else ctypes.c_void_p for a in function.arguments]
    call = ctypes.CFUNCTYPE(None, *kinds, ctypes.c_void_p, ctypes.c_void_p)(library.address(function.name))
    result = np.full(function.ops[-1].size or 1, np.nan)

    def run(**values):
        given = [values[a] if a == "t" else values[a].ctypes.data for a in function.arguments]
        call(*given, result.ctypes.data, scratch.ctypes.data)
        return result.copy()

    run.library = library
    return run


def function_of(builder: Builder, result: int) -> Function:
    return Function("rhs", ("t", "y", "p", "u"), "", builder.needed(result)[0])


def meaning(function: Function, tables: dict[str, np.ndarray], **values):
    """Values of a function by `interpret.run`, without a model around it."""
    alone = SimpleNamespace(by_name={"rhs": function}, tables=tables)
    return interpret.run(alone, "rhs", *(values[a] for a in function.arguments))


@pytest.mark.parametrize("limit", [0, 10_000])
def test_every_elementwise_operation(limit):
    b = Builder(ConstantTables())
    y, u = b.input("y", 7), b.input("u", 7)
    parts = []
    for name, arity in ARITIES.items():
        parts.append(b.apply(name, *(y, u)[:arity]))
        parts.append(b.full(b.apply(name, *(b.element(y, 1), b.element(u, 2))[:arity]), 2))
    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        parts.append(b.apply("select", b.apply(name, y, u), y, b.number(3.0)))
    both = b.apply(
        "and",
        b.apply("lt", y, u),
        b.apply("not", b.apply("or", b.apply("gt", y, b.number(0.0)), b.apply("eq", u, u))),
    )
    parts += [b.apply("select", both, y, u), b.apply("select", both, u, y)]
    function = function_of(b, b.concatenate(parts))
    values = {
        "t": 0.0,
        "y": np.array([0.5, -0.7, 0.0, math.inf, math.nan, 1e-300, 2.0]),
        "p": np.zeros(1),
        "u": np.array([0.5, 0.3, -2.0, 1.0, 1.0, 3.0, -math.inf]),
    }
    expected = meaning(function, b.tables.arrays, **values)
    found = compiled(function, b.tables.arrays, Form(unrolled_function=limit))(**values)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("seed", range(8))
def test_random_programs_in_both_forms_and_their_derivatives(seed):
    rng = np.random.default_rng(seed)
    b = Builder(ConstantTables())
    t, y, u = b.input("t", None), b.input("y", 6), b.input("u", 6)
    vectors, numbers = [y, u, b.full(t, 6)], [t, b.element(u, 0)]

    def pick(among):
        return among[rng.integers(len(among))]

    for _ in range(12):
        kind = pick(["unary", "binary", "number", "take", "sum", "join", "place", "element", "total"])
        if kind == "unary":
            vectors.append(
                b.apply(pick(["sin", "tanh", "exp", "atan", "neg"]), b.apply("sin", pick(vectors)))
            )
        elif kind == "binary":
            vectors.append(b.apply(pick(["add", "sub", "mul", "atan2"]), pick(vectors), pick(vectors)))
        elif kind == "number":
            vectors.append(b.apply(pick(["add", "mul"]), pick(numbers), pick(vectors)))
        elif kind == "take":
            index = rng.integers(6, size=6)
            vectors.append(b.full(b.take(pick(vectors), index), 6))
        elif kind == "sum":
            owner = rng.integers(6, size=6)
            vectors.append(b.full(b.total(pick(vectors), owner, 6), 6))
        elif kind == "join":
            first, second = b.take(pick(vectors), np.arange(2)), b.take(pick(vectors), np.arange(1, 5))
            vectors.append(b.concatenate([b.full(first, 2), b.full(second, 4)]))
        elif kind == "place":
            part = b.full(b.take(pick(vectors), np.arange(2)), 2)
            vectors.append(b.put("place", (pick(vectors), part), 3, 6))
        elif kind == "element":
            numbers.append(b.apply("cos", b.element(pick(vectors), int(rng.integers(6)))))
        else:
            vectors.append(b.full(b.element(b.total(pick(vectors), np.zeros(6, dtype=int), 1), 0), 6))
    function = function_of(b, b.concatenate([vectors[-1], b.full(pick(numbers), 1)]))
    values = {"t": 0.3, "y": rng.normal(size=6), "p": np.zeros(1), "u": rng.normal(size=6)}
    slope = rng.normal(size=6)
    expected = meaning(function, b.tables.arrays, **values)
    derivative = time_derivative(function, b.tables.arrays)
    for form in (Form(unrolled_function=0), Form(unrolled_function=10_000)):
        run = compiled(function, b.tables.arrays, form)
        np.testing.assert_allclose(run(**values), expected, rtol=1e-12, atol=1e-12)
        if derivative is None:
            continue
        step = 1e-6
        around = [
            meaning(function, b.tables.arrays, **{**values, "t": 0.3 + s, "u": values["u"] + s * slope})
            for s in (-step, step)
        ]
        run = compiled(*derivative, form)
        found = run(**values, u_t=slope)
        scale = 1 + np.abs(found)
        assert np.all(np.abs(found - (around[1] - around[0]) / (2 * step)) < 1e-5 * scale)


def test_derivative_by_time_of_every_function():
    b = Builder(ConstantTables())
    y, t = b.element(b.input("y", 1), 0), b.input("t", None)
    x = b.apply("mul", y, t)
    smooth = [n for n, arity in ARITIES.items() if arity == 1]
    results = [b.apply(name, x) for name in smooth]
    results += [b.apply("pow", x, b.number(2.5)), b.apply("pow", b.number(2.5), x), b.apply("pow", x, x)]
    results += [b.apply("div", t, x), b.apply("atan2", x, t), b.apply("atan2", t, b.apply("exp", x))]
    results.append(b.apply("select", b.apply("lt", x, b.number(1.0)), x, t))
    function = function_of(b, b.stack(results))
    values = {"y": np.array([0.6]), "p": np.zeros(1), "u": np.zeros(1)}
    derivative = time_derivative(function, b.tables.arrays)
    assert derivative is not None
    found = compiled(*derivative)(t=0.8, **values, u_t=np.zeros(1))
    low, high = (meaning(function, b.tables.arrays, t=0.8 + s, **values) for s in (-1e-6, 1e-6))
    np.testing.assert_allclose(found, (high - low) / 2e-6, rtol=1e-8, atol=1e-9)


def test_nothing_changes_with_time():
    b = Builder(ConstantTables())
    function = function_of(b, b.stack([b.apply("exp", b.element(b.input("y", 2), 1))]))
    assert time_derivative(function, {}) is None


@pytest.mark.parametrize(
    ("count", "form"), [(500, Form(unrolled_function=0)), (8, FORM)], ids=["loop", "unrolled"]
)
def test_powers_of_halves_are_products_and_roots(count, form):
    x = np.array([0.0, 5e-324, 1e-310, 1e-150, 0.3, 1.0, 2.0, 3.7, 1e9, 1e150, np.inf, -2.0, np.nan])
    x = np.concatenate([x, np.random.default_rng(1).lognormal(0, 5, count)])
    for half in [k for k in range(-9, 10) if k]:
        builder = Builder(ConstantTables())
        value = builder.apply("pow", builder.input("y", len(x)), builder.number(half / 2))
        function = Function("f", ("t", "y"), "A power.", builder.needed(value)[0])
        found = compiled(function, {}, form)(t=0.0, y=x)
        with np.errstate(all="ignore"):
            expected = np.power(x, half / 2)
        # Where the power is below the normal range, one over it is not exact to the last place.
        normal = (np.abs(expected) > 1e-300) & (np.abs(expected) < 1e300)
        assert np.allclose(found[normal], expected[normal], rtol=1e-15, atol=0)
        assert np.allclose(found[~normal], expected[~normal], rtol=1e-7, atol=1e-300, equal_nan=True)
