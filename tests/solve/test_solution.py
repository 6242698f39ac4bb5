"""What a solution says of values that it cannot give."""

import pytest

import stiffdsl as sd
from stiffdsl.solve.solution import NotANumberWarning

FALLING = """
model Falling
  var x start 1
  output root = sqrt(x)
  output twice = 2*root
  output sum = x + 1
equations
  der(x) = -1
experiment
  time 0..2
end
"""


def test_a_variable_that_is_no_number_is_told_once_with_its_time():
    solution = sd.loads(FALLING).simulate(saveat=[0.0, 0.5, 1.5, 2.0])
    assert solution.success
    assert solution.undefined() == {"root": 1.5, "twice": 1.5}
    with pytest.warns(NotANumberWarning, match="`root` is not a number at time = 1.5"):
        solution["root"]
    solution["root"]
    assert solution["sum"][-1] == pytest.approx(0.0, abs=1e-6)
