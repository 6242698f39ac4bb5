"""Random constrained systems keep their solutions.

At a consistent state every equation holds as it was written, and along the derivative that the sorted system
gives, no invariant moves.
"""

import numpy as np
import sympy as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stiffdsl.graph import sort

from .build import model
from .evaluate import consistent, derivative, invariants, off_by, run

TERMS = ("{a}", "2*{a}", "{a}*{b}", "{a}^2", "sin({a})", "cos({a} + {b})", "time*{a}")


@st.composite
def expression(draw, names, terms=TERMS, most=3):
    parts = [
        draw(st.sampled_from(terms)).format(a=draw(st.sampled_from(names)), b=draw(st.sampled_from(names)))
        for _ in range(draw(st.integers(1, most)))
    ]
    return " + ".join(parts)


@st.composite
def index_two(draw):
    """n states, m of them tied by constraints; multipliers act through a matrix with a strong diagonal."""
    n = draw(st.integers(2, 5))
    m = draw(st.integers(1, n - 1))
    names = [f"x{k}" for k in range(n)]
    started = draw(st.sets(st.integers(0, n - 1)))
    lines = [f"var {x}{' start 0.3' if k in started else ''}" for k, x in enumerate(names)]
    lines += [f"var l{k}" for k in range(m)]
    equations = []
    for k, x in enumerate(names):
        own = f" + 5*l{k}" if k < m else ""
        other = f" + l{draw(st.integers(0, m - 1))}" if draw(st.booleans()) else ""
        equations.append(f"der({x}) = {draw(expression(names))}{own}{other}")
    for k in range(m):
        free = draw(expression(names[m:]))
        linear = draw(st.sampled_from(["4*{x}", "3*{x} + {x}^3", "4*{x} + 0.5*sin({y})"]))
        left = linear.format(x=names[k], y=names[draw(st.integers(0, m - 1))])
        equations.append(f"{left} = {free}")
    return "\n".join(lines + draw(st.permutations(equations)))


@st.composite
def index_three(draw):
    """Points with positions and speeds; each constraint pulls along its own gradient, as a rigid rod does."""
    n = draw(st.integers(2, 4))
    m = draw(st.integers(1, n - 1))
    positions = [sp.Symbol(f"x{k}") for k in range(n)]
    names = [str(x) for x in positions]
    lines = [f"var x{k} start 0.5\nvar v{k} start 0" for k in range(n)] + [f"var l{k}" for k in range(m)]
    constraints = []
    for k in range(m):
        form = draw(
            st.sampled_from(["{x}^2 + {y}^2 - 1", "3*{x} - {y}^2", "({x} - {y})^2 + {x} - 1", "2*{x} + {y}"])
        )
        constraints.append(form.format(x=names[k], y=names[draw(st.integers(m, n - 1))]))
    forms = [sp.sympify(c.replace("^", "**")) for c in constraints]
    equations = [f"{c} = 0" for c in constraints]
    for k in range(n):
        pull = " + ".join(f"l{i}*({sp.diff(form, positions[k])})" for i, form in enumerate(forms))
        force = draw(expression([*names, *(f"v{j}" for j in range(n))]))
        equations += [f"der(x{k}) = v{k}", f"der(v{k}) = {force} - ({pull.replace('**', '^')})"]
    return "\n".join(lines + draw(st.permutations(equations)))


def check(text: str, seed: int, index: int) -> None:
    flat = model(text)
    system = sort(flat)
    assert system.blocks["index"] == index
    with np.errstate(all="ignore"):
        y = consistent(system, 0.5 + 0.2 * np.random.default_rng(seed).normal(size=system.size))
        values = run(system, y)
        slope = derivative(system, values)
        assume(np.all(np.isfinite(slope)) and np.max(np.abs(slope), initial=0.0) < 1e3)
        size = 1 + np.max(np.abs(np.nan_to_num(values.of["var"])))
        # Gauss and Newton may not have found the manifold from where they began.
        assume(np.max(np.abs(invariants(system, values)), initial=0.0) < 1e-9)
        assert off_by(flat, system, values) < 1e-6 * size**2
        step = 1e-5
        moved = [invariants(system, run(system, y + s * slope, time=0.7 + s)) for s in (-step, step)]
    assert (
        np.max(np.abs(moved[1] - moved[0]), initial=0.0) / (2 * step)
        < 1e-4 * (1 + np.max(np.abs(slope))) ** 2
    )


@settings(max_examples=25)
@given(index_two(), st.integers(0, 2**32 - 1))
def test_index_two_keeps_its_solutions(text, seed):
    check(text, seed, 2)


@settings(max_examples=20)
@given(index_three(), st.integers(0, 2**32 - 1))
def test_index_three_keeps_its_solutions(text, seed):
    check(text, seed, 3)
