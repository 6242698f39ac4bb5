"""Results of `check` that are kept: told at once while nothing has changed, and never when something has."""

import pytest

from stiffdsl.cli import check

PART = "model Part\n  param k = {}\n  var x start 1\nequations\n  der(x) = -k*x\nend\n"
WHOLE = "import parts\nmodel Whole\n  part p : parts.Part\nend\n"


@pytest.fixture
def checks(folder, tmp_path_factory, monkeypatch):
    """The names of the files that were truly checked, in a cache of their own."""
    monkeypatch.setenv("STIFFDSL_CACHE", str(tmp_path_factory.mktemp("cache")))
    (folder / "parts.sml").write_text(PART.format(1))
    (folder / "whole.sml").write_text(WHOLE)
    found, whole = [], check.check_file
    monkeypatch.setattr(check, "check_file", lambda source: found.append(source.name) or whole(source))
    return found


def test_what_was_right_is_told_at_once(stiffdsl, checks, monkeypatch):
    first = stiffdsl("check", "whole.sml")
    assert first.out == "whole.sml: ok (Whole)\n"
    assert stiffdsl("check", "whole.sml").out == first.out
    assert checks == ["whole.sml"]
    monkeypatch.setenv("STIFFDSL_CACHE", "")
    stiffdsl("check", "whole.sml")
    assert checks == ["whole.sml"] * 2


@pytest.mark.parametrize("place", ["parts.sml", "whole.sml"])
def test_what_has_changed_is_checked(stiffdsl, folder, checks, place):
    stiffdsl("check", "whole.sml")
    text = (folder / place).read_text()
    (folder / place).write_text(text.replace("Part", "Piece"))
    assert stiffdsl("check", "whole.sml").status == 1
    (folder / place).write_text(text)
    assert stiffdsl("check", "whole.sml").status == 0


def test_messages_come_each_time(stiffdsl, folder, checks):
    (folder / "parts.sml").write_text(PART.replace("-k*x", "-q*x"))
    first = stiffdsl("check", "parts.sml")
    assert "q" in first.err
    assert stiffdsl("check", "parts.sml").err == first.err


def test_files_that_read_data_are_checked(stiffdsl, folder, checks):
    (folder / "weather.csv").write_text("time,T\n0,1\n1,2\n")
    (folder / "room.sml").write_text(
        'model Room\n  input T = csv("weather.csv", t = "time", y = "T")\n  var x start 1\n'
        "equations\n  der(x) = T - x\nend\n"
    )
    assert [stiffdsl("check", "room.sml").status for _ in range(2)] == [0, 0]
    assert checks == ["room.sml"] * 2
