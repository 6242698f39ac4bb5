"""The parser's tables are kept on disk: made once, read after that, made anew where they cannot be read."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from lark.parsers.lalr_analysis import LALR_Analyzer

from stiffdsl.diagnostics import Source
from stiffdsl.syntax import parse as module
from stiffdsl.syntax.parse import parse

SOURCE = Source("m.sml", "model M\n  param k = 2\n  var x start 1\nequations\n  der(x) = -k*x^2 + 1\nend\n")


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("STIFFDSL_CACHE", str(tmp_path))
    module._parser.cache_clear()
    yield tmp_path / "grammar"
    module._parser.cache_clear()


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_):
        raise AssertionError("tables are made again")

    monkeypatch.setattr(LALR_Analyzer, "compute_lalr1_states", refused)


def test_tables_are_made_once(stored, monkeypatch):
    made = parse(SOURCE)
    (file,) = stored.iterdir()
    assert file.suffix == ".lark"
    module._parser.cache_clear()
    forbid(monkeypatch)
    assert parse(SOURCE) == made


def test_a_file_that_was_cut_short_is_made_anew(stored):
    made = parse(SOURCE)
    (file,) = stored.iterdir()
    for content in (file.read_bytes()[:5000], b"", b"nonsense"):
        file.write_bytes(content)
        module._parser.cache_clear()
        assert parse(SOURCE) == made


def test_nothing_is_kept_where_no_cache_is_wanted(stored, monkeypatch):
    monkeypatch.setenv("STIFFDSL_CACHE", "")
    parse(SOURCE)
    assert not stored.exists()


def test_a_folder_that_cannot_be_made_does_no_harm(stored):
    stored.write_text("a file in the place of the folder")
    parse(SOURCE)
