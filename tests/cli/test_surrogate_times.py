"""The times that `stiffdsl surrogate` learns."""

import numpy as np
import pytest
from click import UsageError

import stiffdsl as sd
from stiffdsl.cli.surrogate import times_to_learn

MODEL = """
model M
  param k = 1 in 0.5..2
  var x start 1
equations
  der(x) = -k*x
experiment
  time 0..10
end
"""


def test_times_are_a_number_of_them_or_a_file(tmp_path):
    model = sd.loads(MODEL)
    assert times_to_learn(model, None, None, None) is None
    assert times_to_learn(model, (0.0, 4.0), 9, None) == pytest.approx(np.linspace(0, 4, 9))
    (tmp_path / "data.csv").write_text("time,u\n0,1\n2,2\n7,3\n")
    assert times_to_learn(model, None, None, str(tmp_path / "data.csv")) == pytest.approx([0, 2, 7])
    with pytest.raises(UsageError, match="exclude each other"):
        times_to_learn(model, None, 9, "data.csv")
