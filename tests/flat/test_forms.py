"""The forms of the language page, each in a model of `forms/`: all of them compile and are well determined."""

from pathlib import Path

import pytest

from stiffdsl.diagnostics import Source
from stiffdsl.pipeline import compile_model

FORMS = sorted((Path(__file__).parent / "forms").glob("*.sml"))


@pytest.mark.parametrize("path", FORMS, ids=lambda p: p.stem)
def test_a_form_of_the_language_compiles(path):
    source = Source(path.name, path.read_text(encoding="utf-8"))
    assert compile_model(source, stop_after="graph") is not None
