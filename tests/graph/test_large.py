"""Models of many equal equations: the number of assignments does not depend on how many."""

from dataclasses import replace
from time import process_time

import numpy as np
import pytest
from scipy.optimize import fsolve

from stiffdsl.diagnostics import ModelError
from stiffdsl.flat.model import Sum, slot
from stiffdsl.graph import sort

from .build import family, flat_model, variables
from .evaluate import residual, run, unsatisfied


def ladder(n: int):
    """RC ladder: v[k-1] - v[k] = R*i[k]; C*der(v[k]) = i[k] - i[k+1]; the last current is zero."""
    blocks = variables(("v", n + 1), ("i", n + 1))
    k = np.arange(1, n + 1)
    i = n + 1
    equations = (
        family("a - b - r*c", a=("var", k - 1), b=("var", k), r=("param", [0]), c=("var", i + k - 1)),
        family("c*d - a + b", c=("param", [1]), d=("der", k), a=("var", i + k - 1), b=("var", i + k)),
        family("a - u", a=("var", [0]), u=("input", [0])),
        family("a", a=("var", [i + n])),
    )
    return flat_model(blocks, equations)


def running_sum(n: int):
    """s[1] = x[1], s[k] = s[k-1] + x[k]: every assignment would need the one before."""
    blocks = variables(("x", n), ("s", n))
    k = np.arange(1, n)
    equations = (
        family("d + s", d=("der", np.arange(n)), s=("var", n + np.arange(n))),
        family("s - x", s=("var", [n]), x=("var", [0])),
        family("s - p - x", s=("var", n + k), p=("var", n + k - 1), x=("var", k)),
    )
    return flat_model(blocks, equations)


def mesh(n: int):
    """n x n nodes joined by resistors, one corner at 1 V through a resistor, the other grounded by one."""
    node = np.arange(n * n).reshape(n, n)
    tail = np.concatenate([node[:, :-1].ravel(), node[:-1].ravel()])
    head = np.concatenate([node[:, 1:].ravel(), node[1:].ravel()])
    m = len(tail)
    blocks = variables(("v", n * n), ("i", m), ("e", 2))
    current = n * n + np.arange(m)
    ends = n * n + m + np.arange(2)
    owner = np.concatenate([tail, head, [0, n * n - 1]])
    column = np.concatenate([current, current, ends])
    sign = np.concatenate([np.zeros(m, int), np.full(m, 2), [2, 2]])
    order = np.argsort(owner, kind="stable")
    balance = Sum(slot(0) * slot(1), ("const", "var"), np.column_stack([sign, column])[order], owner[order])
    equations = (
        family("a - b - r*i", a=("var", tail), b=("var", head), r=("param", [0]), i=("var", current)),
        family("g0 + 0*z", sums=(balance,), z=("const", np.ones(n * n, int))),
        family("1 - a - r*i", a=("var", [0]), r=("param", [0]), i=("var", [ends[0]])),
        family("-a - r*i", a=("var", [n * n - 1]), r=("param", [0]), i=("var", [ends[1]])),
    )
    return flat_model(blocks, equations)


def test_a_ladder_of_100000_equations_takes_seconds():
    flat = ladder(50_000)
    start = process_time()
    system = sort(flat)
    assert process_time() - start < 30
    assert system.blocks["implicit"] == 0
    assert len(system.assignments) == len(sort(ladder(40)).assignments)


def test_a_ladder_keeps_its_equations():
    system = sort(ladder(50))
    values = run(system, np.linspace(1, 0, 50), [2.0, 3.0], [1.0])
    assert unsatisfied(system, values) == 0


@pytest.mark.parametrize("n", [100, 30_000])
def test_a_long_chain_becomes_implicit(n):
    start = process_time()
    system = sort(running_sum(n))
    assert process_time() - start < 30
    assert system.blocks["chained"] == n - 1
    assert len(system.assignments) <= 4


def test_a_short_chain_stays_explicit():
    system = sort(running_sum(12))
    assert system.size == 12
    values = run(system, np.arange(12.0))
    assert values.of["var"][-1] == 66
    assert unsatisfied(system, values) == 0


def test_a_resistor_mesh_keeps_its_voltages():
    system = sort(mesh(5))
    assert len(system.implicit) <= 25
    parameters = [2.0]
    y = fsolve(lambda y: residual(system, run(system, y, parameters)), np.zeros(system.size))
    assert unsatisfied(system, run(system, y, parameters)) == 0


def test_a_large_mesh_takes_seconds():
    flat = mesh(120)
    start = process_time()
    system = sort(flat)
    assert process_time() - start < 30
    assert len(system.assignments) == len(sort(mesh(8)).assignments)
    assert len(system.implicit) <= 120 * 120


def test_a_mistake_in_a_large_model_is_told_in_seconds():
    flat = ladder(20_000)
    start = process_time()
    for equations in (flat.equations[:-1], (*flat.equations, flat.equations[-1])):
        with pytest.raises(ModelError):
            sort(replace(flat, equations=equations))
    assert process_time() - start < 30


def test_conditions_at_the_start_free_as_many_states():
    flat = ladder(2_000)
    steady = family("d", d=("der", 1 + np.arange(2_000)))
    system = sort(replace(flat, initial=(steady,)))
    assert len(system.initial.free) == 2_000
    assert system.warnings == ()


def pairs(n: int):
    """n pairs of capacitors behind ideal transformers: a = r*b, one current for both."""
    blocks = variables(("a", n), ("b", n), ("i", n), ("k", n))
    m = np.arange(n)
    equations = (
        family("c*a - i", c=("param", [0]), a=("der", m), i=("var", 2 * n + m)),
        family("2*b - k", b=("der", n + m), k=("var", 3 * n + m)),
        family("a - r*b", a=("var", m), r=("param", [1]), b=("var", n + m)),
        family("i + k + a", i=("var", 2 * n + m), k=("var", 3 * n + m), a=("var", m)),
    )
    return flat_model(blocks, equations)


def gears(n: int):
    """n shafts in a row, each geared to the next: w[k] = r*w[k+1], and a torque between them."""
    blocks = variables(("w", n), ("t", n + 1))
    m = np.arange(n)
    equations = (
        family(
            "j*w - a + r*b",
            j=("param", [0]),
            w=("der", m),
            a=("var", n + m),
            r=("param", [1]),
            b=("var", n + 1 + m),
        ),
        family("w - r*v", w=("var", m[:-1]), r=("param", [1]), v=("var", m[1:])),
        family("t - 1", t=("var", [n])),
        family("t", t=("var", [2 * n])),
    )
    return flat_model(blocks, equations)


def rods(n: int):
    """A chain of n rods that hangs from a nail: index three, constraints that no variable can be taken from."""
    blocks = variables(("x", n), ("y", n), ("u", n), ("w", n), ("f", n))
    m = np.arange(1, n)
    x, y, u, w, f = (k * n for k in range(5))
    here, there = m, m - 1
    inner = m[:-1]
    pull = "v + f*(a - b) + g*(a - c)"
    at = np.concatenate([[0], inner])
    before = np.concatenate([[0], inner - 1])
    equations = [
        family("d - v", d=("der", k + np.arange(n)), v=("var", u + k + np.arange(n))) for k in (x, y)
    ]
    equations.append(family("a^2 + b^2 - 1".replace("^", "**"), a=("var", [x]), b=("var", [y])))
    equations.append(
        family(
            "(a - b)**2 + (c - d)**2 - 1",
            a=("var", x + here),
            b=("var", x + there),
            c=("var", y + here),
            d=("var", y + there),
        )
    )
    for speed, position, load in ((u, x, "0"), (w, y, "10")):
        equations.append(
            family(
                f"{pull} + {load}",
                v=("der", speed + at[1:]),
                f=("var", f + at[1:]),
                a=("var", position + at[1:]),
                b=("var", position + before[1:]),
                g=("var", f + at[1:] + 1),
                c=("var", position + at[1:] + 1),
            )
        )
        equations.append(
            family(
                f"v + f*a + g*(a - c) + {load}",
                v=("der", [speed]),
                f=("var", [f]),
                a=("var", [position]),
                g=("var", [f + 1]),
                c=("var", [position + 1]),
            )
        )
        equations.append(
            family(
                f"v + f*(a - b) + {load}",
                v=("der", [speed + n - 1]),
                f=("var", [f + n - 1]),
                a=("var", [position + n - 1]),
                b=("var", [position + n - 2]),
            )
        )
    return flat_model(blocks, tuple(equations))


@pytest.mark.parametrize(
    ("made", "small", "large"), [(pairs, 50, 20_000), (gears, 200, 20_000), (rods, 50, 5_000)]
)
def test_the_index_of_a_large_model_is_reduced_in_seconds(made, small, large):
    flat = made(large)
    start = process_time()
    system = sort(flat)
    seconds = process_time() - start
    few = sort(made(small))
    assert len(system.assignments) == len(few.assignments)
    assert len(system.invariants) == len(few.invariants)
    # Ten times fewer equations take a tenth, or there is work that grows faster than the model.
    start = process_time()
    sort(made(large // 10))
    assert seconds < 30 * max(0.1, process_time() - start)
