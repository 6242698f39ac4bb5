"""Ends of fields as authors write them."""

import numpy as np

import stiffdsl as sd
from stiffdsl.diagnostics import Source
from stiffdsl.syntax.parse import parse
from stiffdsl.syntax.show import show

LINE = """model Line
  param h = 2
  field c(x) over -1..1 cells 4
  field d(x) over -h..h cells 4
  output slope = grad(d) at -h
equations
  0 = div(grad(c))
  c at -1 = 3
  c at 1 = 1
  0 = div(grad(d))
  d at -h = 0
  grad(d) at (h) = c at -1
end
"""


def test_an_end_with_a_minus_sign():
    shown = show(parse(Source("line", LINE)))
    assert "c at -1 = 3" in shown and "grad(d) at -h" in shown
    sol = sd.loads(shown).simulate((0, 1))
    np.testing.assert_allclose(sol["c"][-1], 3 - (np.array([-0.75, -0.25, 0.25, 0.75]) + 1), rtol=1e-10)
    np.testing.assert_allclose(sol["slope"][-1], 3, rtol=1e-10)
