"""Wrong texts in `wrong/` and what their authors read: every code of this stage, and the habits of other languages.

`STIFFDSL_WRITE_GOLDEN=1` writes the messages anew; read the difference before you commit it.
"""

import os
from pathlib import Path

import pytest

from stiffdsl.diagnostics import ModelError, Source
from stiffdsl.syntax.codes import CODES
from stiffdsl.syntax.parse import parse

HERE = Path(__file__).parent / "wrong"
CASES = sorted(p.stem for p in HERE.glob("*.sml"))


@pytest.mark.parametrize("case", CASES)
def test_the_message_of_a_wrong_text(case):
    with pytest.raises(ModelError) as caught:
        parse(Source(f"{case}.sml", (HERE / f"{case}.sml").read_text(encoding="utf-8")))
    told = str(caught.value) + "\n"
    golden = HERE / f"{case}.txt"
    if os.environ.get("STIFFDSL_WRITE_GOLDEN"):
        golden.write_text(told, encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8")


def test_every_code_has_a_wrong_text():
    told = "".join(p.read_text(encoding="utf-8") for p in HERE.glob("*.txt"))
    # E0100 is about files; the command line tests it.
    assert {code for code in CODES if f"[{code}]" in told} == set(CODES) - {"E0100"}


def test_a_mistake_does_not_hide_the_next_ones():
    text = "modle M\n  parm k = 1\n  var x start = 1\nequation\n  der(x) = -2x\n  y == 1\n  for i in 1:3\n"
    text += "  end\nend M\n"
    with pytest.raises(ModelError) as caught:
        parse(Source("m.sml", text))
    assert [d.labels[0].span.line for d in caught.value.diagnostics] == [1, 2, 3, 4, 5, 6, 7, 9]


def test_messages_stop_before_they_bury_the_first():
    with pytest.raises(ModelError) as caught:
        parse(Source("m.sml", "model M\nequations\n" + "  x = 2y\n" * 5000 + "end\n"))
    assert len(caught.value.diagnostics) == 20
