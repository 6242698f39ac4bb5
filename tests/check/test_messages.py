"""Every code of this stage has a wrong model in `wrong/` and the text that its author reads.

`STIFFDSL_WRITE_GOLDEN=1` writes the texts anew; read the difference before you commit it.
"""

import os
from pathlib import Path

import pytest

from stiffdsl.check.codes import CODES
from stiffdsl.diagnostics import ModelError, render

HERE = Path(__file__).parent / "wrong"
CASES = sorted(p.stem for p in HERE.glob("[EW]*.sml"))


@pytest.mark.parametrize("case", CASES)
def test_the_message_of_a_wrong_model(case, checked):
    text = (HERE / f"{case}.sml").read_text()
    try:
        told = "\n\n".join(render(d) for d in checked(text, name=f"{case}.sml").warnings)
    except ModelError as error:
        told = str(error)
    golden = HERE / f"{case}.txt"
    if os.environ.get("STIFFDSL_WRITE_GOLDEN"):
        golden.write_text(told + "\n")
    assert told + "\n" == golden.read_text()
    assert f"[{case.partition('_')[0]}]" in told


def test_every_code_has_a_wrong_model():
    # E0258 needs an expression too deep to keep in a file: it has a test of its own.
    assert set(CODES) - {"E0258"} == {case.partition("_")[0] for case in CASES}
