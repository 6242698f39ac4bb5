"""Writes the expected texts of all stages."""

from tests.stages.dumps import MODELS, dump

for path in MODELS:
    path.with_suffix(".txt").write_text(dump(path), encoding="utf-8")
