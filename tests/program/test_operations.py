"""The table of operations: every entry says what it means, and its derivatives are those of that meaning."""

import numpy as np
import pytest

from stiffdsl.program.builder import Builder, ConstantTables
from stiffdsl.program.operations import FLAT, OPERATIONS, partial_of
from stiffdsl.program.text import HELPERS
from stiffdsl.runtime.export.array_library import NUMPY

POINTS = {"lower": (0.3, 0.7), "upper": (0.9, -0.4)}


def value_of(builder: Builder, at: int, inputs: tuple[float, ...]) -> float:
    values: list[float] = []
    for op in builder.ops[: at + 1]:
        if op.name == "number":
            values.append(op.data)
        elif op.name == "element":
            values.append(inputs[op.data])
        elif op.name == "input":
            values.append(np.nan)
        else:
            values.append(OPERATIONS[op.name].meaning(*(values[a] for a in op.args)))
    return float(values[at])


@pytest.mark.parametrize("name", [n for n, o in OPERATIONS.items() if o.partial is not None])
@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_partials_are_the_derivatives_of_the_meaning(name, point):
    operation = OPERATIONS[name]
    if name == "pow":
        point = (abs(point[0]), point[1])
    if name == "acosh":
        point = (1 + point[0], point[1])
    b = Builder(ConstantTables())
    args = [b.element(b.input("y", 2), k) for k in range(operation.arity)]
    value, h = b.apply(name, *args), 1e-6
    for k in range(operation.arity):
        slope = value_of(b, partial_of(name)(b, k, value, args, b.number(1.0)), point)
        moved = [tuple(x + s * h * (i == k) for i, x in enumerate(point))[: operation.arity] for s in (1, -1)]
        upper, lower = (operation.meaning(*p) for p in moved)
        assert slope == pytest.approx((upper - lower) / (2 * h), rel=1e-8, abs=1e-9)


def test_what_has_no_slope_is_no_smooth_operation():
    assert all(not OPERATIONS[name].smooth for name in FLAT - {"locate"})
    # Where a value lies in a table is flat, too, and no elementwise operation.
    assert {name for name, o in OPERATIONS.items() if o.partial is None} == {*FLAT, "select"} - {"locate"}


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_arity_is_that_of_the_meaning(name):
    operands = [np.array([True])] * OPERATIONS[name].arity if name in ("and", "or", "not", "select") else None
    operands = operands or [np.array([0.5])] * OPERATIONS[name].arity
    assert OPERATIONS[name].meaning(*operands).shape == (1,)


def test_the_array_library_has_every_function_that_stands_in_at_singular_points():
    named = {o.at_singular_points for o in OPERATIONS.values()} - {None}
    named |= {f"bounded_{name}" for name, o in OPERATIONS.items() if o.overflows}
    assert named <= set(HELPERS) & set(NUMPY)
