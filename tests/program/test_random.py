"""Random templates: values against the families themselves, derivatives against JAX, both ways of writing."""

import math
import operator

import jax
import numpy as np
import pytest
import sympy as sp
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from stiffdsl.diagnostics import Source, Span
from stiffdsl.flat.functions import FUNCTIONS, Where, where
from stiffdsl.flat.model import TIME, Definition, Family, Sum, slot, total
from stiffdsl.graph import sort
from stiffdsl.program import lower
from stiffdsl.program.interpret import run
from stiffdsl.runtime.emit import functions
from tests.graph.build import flat_model, variables

from .programs import close, dense

SIZE = 3
SPAN = Span(Source("test.sml", "x"), 1, 1, 1, 2)


@st.composite
def templates(draw, leaves, depth=3):
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from(leaves))
    inner = templates(leaves, depth - 1)
    a, b = draw(inner), draw(inner)
    kind = draw(st.integers(0, 14))
    if kind < 5:
        return [a + b, a - b, a * b, a * b, a / (2 + b**2)][kind]
    match kind:
        case 5:
            return (1 + a**2) ** draw(
                st.sampled_from([sp.Rational(1, 2), sp.Rational(-1, 2), sp.Rational(3, 2)])
            )
        case 6:
            return a ** draw(st.integers(2, 5))
        case 7:
            return FUNCTIONS[draw(st.sampled_from(["sin", "cos", "tanh", "atan"]))](a)
        case 8:
            return FUNCTIONS["log"](1 + a**2) + FUNCTIONS["exp"](-(b**2))
        case 9:
            return FUNCTIONS["abs"](a)
        case 10:
            return FUNCTIONS[draw(st.sampled_from(["min", "max"]))](a, b)
        case 11:
            return FUNCTIONS["atan2"](a, 1 + b**2)
        case 12:
            return where(sp.Gt(a, b), FUNCTIONS["sqrt"](1 + a**2), b)
        case 13:
            return where(sp.And(sp.Lt(a, 1), sp.Ge(b, 0)), a * b, where(sp.Or(sp.Gt(a, 2), b < -1), a, -b))
        case _:
            return FUNCTIONS["sign"](a) + FUNCTIONS["floor"](b / 3)


@st.composite
def systems(draw):
    """x' = template(x, p, time, sum over x), members of which see entries of x in any order."""
    s = [slot(k) for k in range(5)]
    numbers = [sp.Integer(2), sp.Float(0.3), sp.Integer(-1), TIME]
    value = draw(templates([*s[1:4], *s[1:4], s[4], total(0), *numbers]))
    term = draw(templates([slot(0), slot(1), sp.Float(1.5)], depth=2))
    columns = [draw(st.permutations(range(SIZE))) for _ in range(3)]
    table = np.column_stack([np.arange(SIZE), *columns, [0, 1, 0]])
    owner = np.array(sorted(draw(st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=6))))
    terms = np.column_stack(
        [draw(st.lists(st.integers(0, SIZE - 1), min_size=len(owner), max_size=len(owner))), owner % 2]
    )
    family = Family(
        s[0] - value,
        ("der", "var", "var", "var", "param"),
        table,
        (SPAN,),
        np.zeros(SIZE, dtype=int),
        (Sum(term, ("var", "param"), terms.astype(np.int64), owner),),
    )
    one = Family(sp.Integer(1), (), np.zeros((2, 0), dtype=int), (SPAN,), np.zeros(2, dtype=int))
    defined = (Definition(np.arange(2), one),)
    blocks, parameters = variables(("x", SIZE)), variables(("p", 2))
    return sort(flat_model(blocks, (family,), parameters=parameters, parameter_values=defined))


def meaning(e, of):
    """An expression at one point: the oracle."""
    if e in of:
        return of[e]
    if e.is_Number or e.is_NumberSymbol:
        return float(e)
    if isinstance(e, Where):
        return meaning(e.args[1 if meaning(e.args[0], of) else 2], of)
    a = [meaning(x, of) for x in e.args]
    return MEANINGS[type(e).__name__](*a)


MEANINGS = {
    "Add": lambda *a: math.fsum(a),
    "Mul": lambda *a: math.prod(a),
    "Pow": lambda a, b: a**b,
    "And": lambda *a: all(a),
    "Or": lambda *a: any(a),
    "Not": lambda a: not a,
    "BooleanTrue": lambda: True,
    "BooleanFalse": lambda: False,
    "StrictLessThan": operator.lt,
    "LessThan": operator.le,
    "StrictGreaterThan": operator.gt,
    "GreaterThan": operator.ge,
    "Equality": operator.eq,
    "Unequality": operator.ne,
    "Abs": abs,
    "Floor": math.floor,
    "sign": lambda a: math.copysign(1.0, a) if a else 0.0,
    **{name: getattr(math, name) for name in ("sin", "cos", "tanh", "atan", "atan2", "exp", "log", "sqrt")},
}


def evaluated(family, time, y, p):
    """The template of `family` member by member, its first slot taken as zero."""
    of = {"der": np.zeros(SIZE), "var": y, "param": p}

    def call(expression, kinds, table, sums):
        names = [TIME, *(slot(k) for k in range(len(kinds))), *(total(k) for k in range(len(sums)))]
        columns = [[of[kind][i] for i in table[:, k]] for k, kind in enumerate(kinds)]
        rows = zip(*columns, *sums, strict=True)
        return np.array([meaning(expression, dict(zip(names, (time, *row), strict=True))) for row in rows])

    sums = []
    for part in family.sums:
        terms = call(part.term, part.kinds, part.table, [])
        sums.append(np.bincount(part.owner, weights=terms, minlength=SIZE))
    return -call(family.template, family.kinds, family.table, sums)


# Without shrinking: SymPy makes it take minutes.
@pytest.mark.parametrize("by_number", [False, True])
@settings(max_examples=20, phases=(Phase.explicit, Phase.generate))
@given(system=systems(), seed=st.integers(0, 1000))
def test_random_systems(by_number, system, seed):
    rng = np.random.default_rng(seed)
    y, p, u = rng.uniform(-2, 2, SIZE), rng.uniform(0.5, 1.5, 2), np.zeros(0)
    program = lower(system, by_number)
    assert program.scalar == by_number
    expected = evaluated(system.flat.equations[0], 0.7, y, p)
    found = run(program, "rhs", 0.7, y, p, u)
    assert close(expected, found, 1e-9)
    emitted = functions(program)
    with jax.disable_jit():
        assert close(found, np.asarray(emitted.rhs(0.7, y, p, u)), 1e-11)
        jacobian = jax.jacfwd(lambda y: emitted.rhs(0.7, y, p, u))(y)
    assert close(np.asarray(jacobian), dense(program, run(program, "jacobian", 0.7, y, p, u)), 1e-9)
