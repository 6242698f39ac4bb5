"""Runs commands in this process, in an empty folder, with what they print at hand."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from stiffdsl.cli.entry import run


@dataclass
class CommandResult:
    """The result of a command: its exit status, standard output and standard error."""

    status: int
    out: str
    err: str


ROBERTSON = """\
model Robertson "three-species autocatalytic kinetics"
  param k1 = 0.04 in 0.02..0.06
  param k2 = 3e7
  param k3 = 1e4
  var A start 1
  var B start 0
  var C start 0
equations
  der(A) = -k1*A + k3*B*C
  der(B) =  k1*A - k3*B*C - k2*B^2
  A + B + C = 1
experiment
  time 0..100, rtol 1e-6, atol 1e-10
end
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty working folder that holds `robertson.sml`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "robertson.sml").write_text(ROBERTSON, encoding="utf-8")
    return tmp_path


@pytest.fixture
def stiffdsl(folder, capsys):
    """`stiffdsl("check", "robertson.sml")`: runs a command in `folder`; a traceback fails the test."""

    def call(*arguments: str) -> CommandResult:
        capsys.readouterr()
        status = run(list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert "internal error" not in err, err
        return CommandResult(status, out, err)

    return call
