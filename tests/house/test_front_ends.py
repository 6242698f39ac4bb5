"""A front end is one line: a file of another form is read wherever a model is."""

import pytest

import stiffdsl as sd
from stiffdsl import sources
from stiffdsl.cli.files import read_source
from stiffdsl.diagnostics import Source


@pytest.fixture
def rates(tmp_path, monkeypatch):
    """A file `x: 0.5` of rates of decay, and its front end."""

    def decays(path):
        lines = [line.split(":") for line in path.read_text().split("\n") if line]
        declared = "\n".join(f"  var {name} start 1" for name, _ in lines)
        equations = "\n".join(f"  der({name}) = -{rate}*{name}" for name, rate in lines)
        return Source(str(path), f"model Decays\n{declared}\nequations\n{equations}\nend\n")

    monkeypatch.setitem(sources.FRONT_ENDS, ".decays", decays)
    path = tmp_path / "two.decays"
    path.write_text("x: 0.5\ny: 2\n")
    return path


def test_a_front_end_reads_for_python_and_the_command_line(rates):
    assert sd.load(rates).states.names == ["x", "y"]
    assert "model Decays" in read_source(str(rates)).text
