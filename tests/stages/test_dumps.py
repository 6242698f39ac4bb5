"""Small models, one for each thing that a stage does, and what each stage makes of them."""

import pytest

from tests.stages.dumps import MODELS, dump


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_stages_make_what_they_made(path):
    assert dump(path) == path.with_suffix(".txt").read_text(encoding="utf-8"), "see `python -m tests.stages`"
