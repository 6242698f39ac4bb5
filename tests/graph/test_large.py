"""Models of many equal equations: the number of assignments does not depend on how many."""

from dataclasses import replace
from time import perf_counter

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
    start = perf_counter()
    system = sort(flat)
    assert perf_counter() - start < 3
    assert system.blocks["implicit"] == 0
    assert len(system.assignments) == len(sort(ladder(40)).assignments)


def test_a_ladder_keeps_its_equations():
    system = sort(ladder(50))
    values = run(system, np.linspace(1, 0, 50), [2.0, 3.0], [1.0])
    assert unsatisfied(system, values) == 0


@pytest.mark.parametrize("n", [100, 30_000])
def test_a_long_chain_becomes_implicit(n):
    start = perf_counter()
    system = sort(running_sum(n))
    assert perf_counter() - start < 3
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
    start = perf_counter()
    system = sort(flat)
    assert perf_counter() - start < 5
    assert len(system.assignments) == len(sort(mesh(8)).assignments)
    assert len(system.implicit) <= 120 * 120


def test_a_mistake_in_a_large_model_is_told_in_seconds():
    flat = ladder(20_000)
    start = perf_counter()
    for equations in (flat.equations[:-1], (*flat.equations, flat.equations[-1])):
        with pytest.raises(ModelError):
            sort(replace(flat, equations=equations))
    assert perf_counter() - start < 5


def test_conditions_at_the_start_free_as_many_states():
    flat = ladder(2_000)
    steady = family("d", d=("der", 1 + np.arange(2_000)))
    system = sort(replace(flat, initial=(steady,)))
    assert len(system.initial.free) == 2_000
    assert system.warnings == ()
