"""Additions touch one place: a solver is an entry of its table, an elementary function one of another."""

import subprocess
import sys

import numpy as np

import stiffdsl as sd
from stiffdsl.solve.base.method_table import METHODS
from tests.solve.test_method_table import OWN

DECAY = """\
model Decay
  var x start 1
equations
  der(x) = -x + sin(time)
end
"""


def test_a_solver_is_an_entry_of_the_table(monkeypatch):
    monkeypatch.setitem(METHODS, "bs3", OWN)
    times = np.linspace(0, 3, 7)
    found = sd.loads(DECAY).simulate((0, 3), method="bs3", rtol=1e-7, saveat=times)
    right = (np.sin(times) - np.cos(times)) / 2 + 1.5 * np.exp(-times)
    np.testing.assert_allclose(found["x"], right, atol=2e-6)
    assert found.stats["method"] == "bs3"


FUNCTION = """
import numpy as np
from sympy.codegen.cfunctions import log1p
from stiffdsl.elementary import ELEMENTARY, ElementaryFunction

ELEMENTARY["log1p"] = ElementaryFunction(
    np.log1p, lambda b, x, v: ("div", b.apply("add", b.number(1.0), x)), guarded=True, symbol=log1p
)
import jax
import stiffdsl as sd

model = sd.loads('''
model Logs
  param a = 2
  var x start 0
  var y guess 0.5
equations
  der(x) = log1p(a*time)
  y = 0.5 + 0.1*log1p(y)
end
''')
right = lambda a: ((1 + a) * np.log1p(a) - a) / a
for method in ("rodas5p", "fbdf"):
    found = model.simulate((0, 1), rtol=1e-9, method=method)
    assert abs(found["x"][-1] - right(2)) < 1e-7, found["x"]
    y = found["y"][-1]
    assert abs(y - 0.5 - 0.1 * np.log1p(y)) < 1e-9, y
solve = model.solver(time=(0, 1), saveat=[1.0], outputs=["x"], rtol=1e-9)
slope = jax.grad(lambda a: solve({"a": a})[0, 0])(2.0)
assert abs(slope - (right(2 + 1e-5) - right(2 - 1e-5)) / 2e-5) < 1e-6, slope
"""


def test_an_elementary_function_is_an_entry_of_the_table():
    run = subprocess.run([sys.executable, "-c", FUNCTION], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
