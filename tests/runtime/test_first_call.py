"""What a first call compiles: counts of operations and programs, which do not depend on the load of a machine."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.runtime.driving.inputs import interpolated
from stiffdsl.solve.integrate.knots import knots_of_table

DRIVEN = """
model Driven
  param k = 2
  input u = 1
  input v = 1
  var x start 1
  var y guess 1
equations
  der(x) = -k*x + u
  y + y^3/10 = x + max(v, 0.5)
experiment
  time 0..10, rtol 1e-8, atol 1e-10
end
"""
# Algebraic unknowns enough for a kernel, with kinks between steps.
LOOPS = """
model Loops
  const N = 20
  param k = 2
  var x start 1
  var y[N] guess 1
  var total
equations
  der(x) = -k*x
  for i in 1..N
    y[i] + 0.1*y[i]^3 + 0.01*exp(-k*y[i])*sin(i*x) + max(x - 0.4, 0) = x*i + k*y[if i == 1 then N else i - 1]/10
  end
  total = sum(y[i] for i in 1..N)
experiment
  time 0..1, rtol 1e-6, atol 1e-8
end
"""
AT = np.linspace(0.0, 10.0, 41)
TABLES = {"u": (AT, np.where(AT > 4, 2.0, 1.0)), "v": (AT, np.sin(3 * AT))}


@pytest.fixture(scope="module")
def solve() -> Any:
    return sd.loads(DRIVEN).solver(saveat=[0.3, 5.0, 10.0], outputs=["x", "y"])


def equations(jaxpr: Any) -> Iterator[Any]:
    for equation in jaxpr.eqns:
        yield equation
        for inner in jax.tree.leaves(equation.params, is_leaf=lambda x: hasattr(x, "eqns")):
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                yield from equations(inner)


def test_known_tables_leave_the_search_for_knots_to_numpy(solve):
    def with_table(values):
        return solve({"k": 3.0}, inputs={**TABLES, "u": (AT, values)})

    fixed = jax.make_jaxpr(lambda k: solve({"k": k}, inputs=TABLES))(2.0)
    traced = jax.make_jaxpr(with_table)(TABLES["u"][1])
    names = [e.primitive.name for e in equations(fixed.jaxpr)]
    assert "cumsum" not in names
    assert "sort" not in names
    assert "cumsum" in [e.primitive.name for e in equations(traced.jaxpr)]
    # The same steps, whoever finds the knots.
    same = solve({"k": 3.0}, inputs=TABLES)
    np.testing.assert_allclose(jax.jit(with_table)(TABLES["u"][1]), same, rtol=1e-12)


def test_an_ensemble_takes_knots_that_are_known(solve):
    k = np.array([1.0, 2.0, 3.0])
    alone = [solve({"k": value}, inputs=TABLES) for value in k]
    found = sd.loads(DRIVEN).ensemble({"k": k}, inputs=TABLES, saveat=[0.3, 5.0, 10.0], outputs=["x", "y"])
    np.testing.assert_allclose(found.values, alone, rtol=1e-12)


def test_the_reverse_pass_outside_of_jit_is_one_program(solve):
    """Not one for each operation of it, which XLA would compile one by one."""
    _, back = jax.vjp(lambda k: solve({"k": k}, inputs=TABLES), 2.0)
    whole = jax.make_jaxpr(back)(np.ones((3, 2))).jaxpr
    assert len(whole.eqns) < 8, [e.primitive.name for e in whole.eqns]
    assert len(list(equations(whole))) > 2 * len(whole.eqns)


def test_values_by_name_are_put_in_place_by_one_program(solve):
    def bound(k):
        return solve.model.bindings.params({"k": k}).values

    for whole in (jax.make_jaxpr(bound)(2.0).jaxpr, jax.make_jaxpr(jax.vjp(bound, 2.0)[1])(np.ones(1)).jaxpr):
        assert len(whole.eqns) <= 2, [e.primitive.name for e in whole.eqns]


def test_derivatives_of_a_start_need_no_factors_by_xla():
    """The start, and algebraic unknowns between steps, are found by kernels; so are the solutions of linear systems."""
    model = sd.loads(LOOPS)
    own = model.solver(saveat=[0.5, 1.0], outputs=["total"])
    traced = jax.make_jaxpr(jax.jacrev(lambda k: own({"k": k})[:, 0]))(2.0)
    names = {e.primitive.name for e in equations(traced.jaxpr)}
    assert not {"lu", "triangular_solve", "while"} & names
    assert "native_kernel" in names
    step = 1e-5
    tight = model.solver(saveat=[0.5, 1.0], outputs=["total"], rtol=1e-11, atol=1e-13)
    expected = (tight({"k": 2 + step}) - tight({"k": 2 - step}))[:, 0] / (2 * step)
    np.testing.assert_allclose(jax.jacrev(lambda k: tight({"k": k})[:, 0])(2.0), expected, rtol=1e-6)
    np.testing.assert_allclose(jax.jacfwd(lambda k: tight({"k": k})[:, 0])(2.0), expected, rtol=1e-6)


@pytest.mark.parametrize("t", [-1.0, 0.0, 0.3, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, np.nan])
@pytest.mark.parametrize("times", [[0.0, 1.0, 1.0, 2.0, 3.0], [0.0, 1.0, 2.0, 3.0, 3.0], [2.0]])
def test_tables_are_looked_into_as_jax_does(t, times):
    times = np.array(times)
    values = np.array([np.arange(len(times)) ** 2.0, 3.0 - np.arange(len(times))])
    if len(times) == 1:
        expected = values[:, 0]
    elif np.isnan(t):
        expected = [np.nan, np.nan]
    else:
        expected = [jnp.interp(t, times, row) for row in values]
    np.testing.assert_allclose(interpolated(t, jnp.asarray(times), jnp.asarray(values)), expected, rtol=1e-15)
    long = np.linspace(0.0, 3.0, 5000)
    np.testing.assert_allclose(
        interpolated(t, jnp.asarray(long), jnp.sin(long)), jnp.interp(t, long, np.sin(long))
    )


def test_knots_by_numpy_are_those_by_jax():
    values = np.stack([TABLES["u"][1], TABLES["v"][1]])
    by_numpy = knots_of_table(AT, values, 1e-6, False)
    by_jax = jax.jit(knots_of_table)(AT, values, 1e-6, False)
    count = len(by_numpy.begin)
    np.testing.assert_allclose(by_jax.begin[:count], by_numpy.begin)
    assert np.all(np.isinf(by_jax.begin[count:]))
