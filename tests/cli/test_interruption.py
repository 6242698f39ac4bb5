"""Ctrl-C ends a command with status 130, and a reader that leaves ends it quietly."""

import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")

MODEL = """
model Spring
  var x start 1
  var v start 0
equations
  der(x) = v
  der(v) = -x
experiment
  max_steps 1000000000
end
"""


def start(folder, *arguments, **options):
    (folder / "spring.sml").write_text(MODEL)
    return subprocess.Popen(
        [sys.executable, "-m", "stiffdsl", *arguments],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        # What starts tests may have told its children to ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )


def test_a_solve_tells_and_writes_what_it_has(tmp_path):
    long = ("--time", "0..1e12", "--rtol", "1e-10", "--points", "5", "--out", "r.csv", "--method", "rodas5p")
    command = start(tmp_path, "simulate", "spring.sml", *long, stdout=subprocess.DEVNULL)
    time.sleep(3.0)
    command.send_signal(signal.SIGINT)
    _, told = command.communicate(timeout=60)
    assert command.returncode == 130, told
    assert "Traceback" not in told


@pytest.mark.parametrize("moment", [0.4, 1.5])
def test_any_other_moment(tmp_path, moment):
    command = start(tmp_path, "simulate", "spring.sml", "--time", "0..1e12", stdout=subprocess.DEVNULL)
    time.sleep(moment)
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=60)
    assert command.returncode == 130 or (command.returncode == -signal.SIGINT and moment < 1)


@pytest.mark.parametrize("arguments", [("--help",), ("library",), ("explain", "E0100")])
def test_standard_output_that_is_closed(tmp_path, arguments):
    line = " ".join(["exec", sys.executable, "-m", "stiffdsl", *arguments, ">&-"])
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
