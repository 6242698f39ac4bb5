"""The dump of a sorted system, and its block form."""

import numpy as np

from stiffdsl.graph import sort
from stiffdsl.graph.show import show, structure

from .build import model
from .test_large import ladder
from .test_sort import ROBERTSON


def test_show_robertson():
    assert show(sort(model(ROBERTSON))) == (
        """\
system Test: 2 states, 0 implicit unknowns
  3 equations in 3 blocks, the largest of 1; 0 loops, 0 unknowns solved in closed form, 0 torn, 0 kept implicit to break chains

states  A, B

assignments
    1  C := -A - B + 1
    2  der(A) := -A*k1 + B*C*k3
    3  der(B) := A*k1 - B**2*k2 - B*C*k3

initial
  check  0 = C - start(C)
"""  # noqa: E501
    )


def test_show_implicit():
    text = show(sort(model("var x start 1\nvar y\nder(x) = -y\ny + y^3 = x")))
    assert "implicit\n  y\n  0 = -x + y**3 + y\n" in text


def test_block_form_is_lower_triangular():
    form = structure(sort(ladder(20)))
    rows, columns = form.after()
    block = np.searchsorted(form.start, np.arange(form.size), side="right")
    assert np.all(block[columns] <= block[rows])
    assert sorted(form.row_place) == list(range(form.size))
