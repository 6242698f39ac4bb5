"""Mistakes that only the instantiated model shows: wrong models in `wrong/` and what their authors read.

`STIFFDSL_WRITE_GOLDEN=1` writes the messages anew; read the difference before you commit it.
"""

import os
from pathlib import Path

import pytest

from stiffdsl.diagnostics import ModelError
from stiffdsl.flat.codes import CODES
from tests.flat.flatten_text import flat

HERE = Path(__file__).parent / "wrong"
CASES = sorted(p.stem for p in HERE.glob("*.sml"))
REPLACED = {"E0302": {"M": 3.0}}


@pytest.mark.parametrize("case", CASES)
def test_the_message_of_a_wrong_model(case):
    with pytest.raises(ModelError) as caught:
        flat((HERE / f"{case}.sml").read_text(encoding="utf-8"), REPLACED.get(case))
    told = str(caught.value) + "\n"
    golden = HERE / f"{case}.txt"
    if os.environ.get("STIFFDSL_WRITE_GOLDEN"):
        golden.write_text(told, encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8")
    assert f"[{case[:5]}]" in told


def test_every_code_has_a_wrong_model():
    assert {case[:5] for case in CASES} == {code for code in CODES if code.startswith("E")}


def test_independent_mistakes_are_reported_together():
    with pytest.raises(ModelError) as caught:
        flat("model M\n  var x[2] start 0\nequations\n  der(x[3]) = 1\n  x[5] = 2\n  der(x[1]) = 0\nend\n")
    assert len(caught.value.diagnostics) == 2


def test_a_branch_that_is_not_taken_may_be_out_of_range():
    flat(
        "model M\n  const N = 4\n  var x[N] start 0\nequations\n"
        "  for i in 1..N\n    der(x[i]) = (if i > 1 then x[i-1] else 0) - x[i]\n  end\nend\n"
    )


def test_a_bound_may_be_off_by_rounding():
    model = flat("model M\n  const h = 0.1\n  var x[3*h/h] start 0\nequations\n  for i in 1..0.3/h\n"
                 "    der(x[i]) = -x[i]\n  end\nend\n")  # fmt: skip
    assert model.size == 3
