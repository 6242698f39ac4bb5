"""Equations of a loop that are not independent, and what they say together."""

import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.diagnostics import ModelError, Source
from stiffdsl.graph import sort
from stiffdsl.pipeline import compile_model

from .build import model

# Node voltages with capacitors between neighbours alone: their equations add up to one without derivatives.
CHAIN = """
model Chain
  const N = {N}
  param C = 1e-3
  param R = 3
  var v[N] start 0
equations
  {ground}C*(der(v[1]) - der(v[2])) = -v[1]/R + sin(time)
  for i in 2..N-1
    C*(2*der(v[i]) - der(v[i-1]) - der(v[i+1])) = -v[i]/R - v[i]^3
  end
  C*(der(v[N]) - der(v[N-1])) = -v[N]/R
experiment
  time 0..1
end
"""


def chain(n: int, ground: bool) -> sd.CompiledModel:
    return compile_model(Source("chain.sml", CHAIN.format(N=n, ground="C*der(v[1]) + " if ground else "")))


def test_a_capacitor_between_two_nodes_leaves_one_state():
    text = """
    var a start 1
    var b
    param C = 2
    param R = 3
    C*(der(a) - der(b)) = -a/R
    C*(der(b) - der(a)) = -b/R
    """
    found = sort(model(text))
    assert len(found.states) == 1
    assert not len(found.implicit)


def test_factors_before_the_equations_may_be_parameters():
    """Different capacities: their quotient stands in what is left, and divides nothing."""
    text = """
    var a start 1
    var b
    param C = 2
    param D = 5
    C*(der(a) - der(b)) = -a
    D*(der(b) - der(a)) = -b
    """
    assert len(sort(model(text)).states) == 1


@pytest.mark.parametrize(
    "second", ["der(b) - der(a) = R*time", "der(b) - der(a) = -R*time", "2*der(a) - 2*der(b) = 2*R*time"]
)
def test_equations_that_say_nothing_more_are_told(second):
    text = f"""
    var a start 1
    var b start 1
    param R = 2
    der(a) - der(b) = R*time
    {second}
    """
    with pytest.raises(ModelError) as failure:
        sort(model(text))
    assert failure.value.diagnostics[0].code == "E0314"


@pytest.mark.parametrize("n", [4, 8])
def test_the_solution_of_a_chain_without_a_ground(n):
    """The hidden algebraic equation is found; backward Euler on the equations as written agrees."""
    solution = chain(n, ground=False).simulate(rtol=1e-8, atol=1e-10)
    v = np.array([solution[f"v[{i}]"][-1] for i in range(1, n + 1)])
    rates = -v / 3 - np.r_[0.0, v[1:-1] ** 3, 0.0] + np.r_[np.sin(1.0), np.zeros(n - 1)]
    assert abs(rates.sum()) < 1e-8
    np.testing.assert_allclose(v, backward_euler(n), rtol=2e-3, atol=1e-6)


def backward_euler(n: int, steps: int = 4000) -> np.ndarray:
    """M v' = f by Euler's implicit method, whose error is of the size of a step."""
    C, h = 1e-3, 1.0 / steps
    M = C * (2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1))
    M[0, 0] = M[-1, -1] = C
    cubic = np.r_[0.0, np.ones(n - 2), 0.0]
    v = np.zeros(n)
    for k in range(1, steps + 1):
        x = v.copy()
        for _ in range(4):
            f = -x / 3 - cubic * x**3 + np.r_[np.sin(k * h), np.zeros(n - 1)]
            J = np.diag(-1 / 3 - 3 * cubic * x**2)
            x -= np.linalg.solve(M / h - J, M @ (x - v) / h - f)
        v = x
    return v


def test_derivatives_that_stay_implicit_are_not_held_to_a_tolerance():
    """Their error is that of their variables: a long chain takes as many steps as a short one, also to ten digits."""
    short, long = (chain(n, ground=True).simulate(rtol=1e-9, atol=1e-12) for n in (6, 30))
    assert long.stats["accepted"] < 1.5 * short.stats["accepted"]
    np.testing.assert_allclose(
        [long[f"v[{i}]"][-1] for i in (1, 2)], [short[f"v[{i}]"][-1] for i in (1, 2)], 1e-6
    )


def test_many_equal_loops_are_one():
    count = 20_000
    text = f"""
model Many
  const N = {count}
  param C = 2
  var a[N] start 0
  var b[N]
equations
  for i in 1..N
    C*(der(a[i]) - der(b[i])) = -a[i] + sin(time)
    C*(der(b[i]) - der(a[i])) = -b[i] - i/N
  end
experiment
  time 0..1
end
"""
    system = compile_model(Source("many.sml", text), stop_after="program").system
    assert (len(system.states), len(system.implicit)) == (count, 0)
    assert len(system.assignments) <= 4
