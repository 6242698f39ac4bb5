"""The table of methods: who names methods reads it, and a method of one's own is one entry of it."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from stiffdsl.cli.options import methods
from stiffdsl.solve.base.method_table import METHODS, Specification
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.base.system import FunctionSystem
from stiffdsl.solve.integrate.solver import make_solve
from stiffdsl.solve.methods.explicit_tableau import ExplicitTableau

DOCUMENTED = (Path(__file__).parents[2] / "docs" / "solvers.md").read_text(encoding="utf-8")
# Bogacki and Shampine, Applied Mathematics Letters 2:321, 1989, with Hermite's cubic.
BS3 = ExplicitTableau(
    name="bs3",
    order=3,
    a=((), (1 / 2,), (0, 3 / 4), (2 / 9, 1 / 3, 4 / 9)),
    c=(0, 1 / 2, 3 / 4, 1),
    e=(2 / 9 - 7 / 24, 1 / 3 - 1 / 4, 4 / 9 - 1 / 3, -1 / 8),
    dense=((1, -4 / 3, 5 / 9), (0, 1, -2 / 3), (0, 4 / 3, -8 / 9), (0, -1, 1)),
)
OWN = Specification(
    name="bs3",
    kind="explicit Runge-Kutta",
    order=3,
    dense=3,
    purpose="a test",
    citation="Bogacki and Shampine, Appl. Math. Lett. 2:321 (1989)",
    made="stiffdsl.solve.methods.explicit:Explicit",
    given=f"{__name__}:BS3",
    takes=(),
    algebraic=False,
)


def test_a_method_of_ones_own_is_one_entry(monkeypatch):
    monkeypatch.setitem(METHODS, "bs3", OWN)
    assert "bs3" in methods()
    with pytest.raises(ValueError, match="did you mean `bs3`"):
        Options(method="bs33")
    with pytest.raises(ValueError, match="`bs3` solves no linear systems"):
        Options(method="bs3", linear="klu")
    solve = make_solve(FunctionSystem(lambda t, y, _: jnp.cos(t) * y, 1), "bs3")
    times = np.linspace(0.0, 3.0, 8)
    found = solve(0.0, 3.0, np.ones(1), None, times, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.ys[:, 0], np.exp(np.sin(times)), rtol=2e-5)


@pytest.mark.parametrize("name", METHODS)
def test_the_documentation_says_what_the_table_says(name):
    one = METHODS[name]
    order = f"{one.order}, dense output {one.dense}"
    assert f"| `{name}` | {one.kind} | {order} | {one.purpose} |" in DOCUMENTED
    assert one.citation in " ".join(DOCUMENTED.split())
