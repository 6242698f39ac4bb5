"""Long work says how far it is, and after Ctrl-C what is kept and how to go on."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from stiffdsl.cli import terminal
from stiffdsl.cli.ending import ending
from stiffdsl.cli.interruption import Stopped
from stiffdsl.surrogate.learn.progress import duration, telling
from stiffdsl.surrogate.learn.sample_store import remembered, stored
from stiffdsl.surrogate.learn.train import train
from tests.surrogate import tasks

SLOW = """
model Slow
  param k = 1 in 0.5..2
  var x start 1
  var v start 0
equations
  der(x) = v
  der(v) = -k*x
experiment
  time 0..2000, rtol 1e-8, atol 1e-10, points 50
end
"""


def test_runs_are_counted_and_methods_named():
    told: list[str] = []
    train(tasks.decay(), "rbf", samples=8, lines=told.append)
    assert told[0] == "solving runs: 0 of 88"
    assert "solving runs: 88 of 88" in told
    fitted = told.index("fitting `rbf` to 8 runs")
    # Then the runs that slopes are measured by.
    assert fitted < told.index("measuring errors and speed")
    assert fitted < told.index("solving runs: 16 of 16")


def test_the_time_that_is_left_is_told(monkeypatch):
    task, told = tasks.decay(), []

    def slow(values, progress):
        time.sleep(0.05)
        progress(0.5)
        return task.solve_many(values, progress)

    from dataclasses import replace

    telling(replace(task, solve_many=slow), told.append).solve_many(task.low[None], lambda share: None)
    # On a busy machine it is more than one.
    assert re.fullmatch(r"solving runs: 0 of 1, about \d+ s left", told[1])


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s"), (99, "99 s"), (100, "2 min"), (3600, "60 min"), (8000, "2 h 13 min")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_stored_runs_are_counted(tmp_path):
    assert stored(tmp_path) == 0
    train(remembered(tasks.decay(), tmp_path), "rbf", samples=8)
    # To learn, to calibrate and to test, and those that slopes are measured by.
    assert stored(tmp_path) == 88 + 16


def test_lines_without_a_terminal(capsys):
    lines: list[str] = []
    with terminal.progress("solving runs: 3 of 9", every=0.05) as tell:
        tell("solving runs: 3 of 9")
        while len(lines) < 2:
            time.sleep(0.05)
            lines += capsys.readouterr().err.splitlines()
    assert all(line.startswith("solving runs: 3 of 9 (") for line in lines)


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_an_interrupted_training_tells_what_is_kept_and_how_to_go_on(tmp_path):
    (tmp_path / "slow.sml").write_text(SLOW, encoding="utf-8")
    command = subprocess.Popen(
        [sys.executable, "-m", "stiffdsl", "surrogate", "slow.sml", "--samples", "200000"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    until = time.monotonic() + 100
    while stored(tmp_path / "Slow-surrogate" / "samples") < 64 and time.monotonic() < until:
        time.sleep(0.1)
    command.send_signal(signal.SIGINT)
    _, told = command.communicate(timeout=60)
    assert command.returncode == 130
    assert re.search(r"interrupted\n  kept: [\d,]+ runs, in Slow-surrogate/samples\n  the same command", told)
    assert "    stiffdsl surrogate slow.sml --samples 200000" in told


@pytest.mark.parametrize(
    ("lines", "text", "message"),
    [
        ("", "interrupted", "interrupted"),
        (
            "kept: 3 runs, in a\nthe same command goes on from there:\n  stiffdsl x",
            "interrupted\n  kept: 3 runs, in a\n  the same command goes on from there:\n    stiffdsl x",
            "interrupted; kept: 3 runs, in a; the same command goes on from there: stiffdsl x",
        ),
    ],
)
def test_an_interruption_is_told_in_lines_and_in_one(lines, text, message):
    end = ending(Stopped(lines, {"runs": 3}))
    assert (end.text, end.message, end.report) == (text, message, {"runs": 3})


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_an_interrupted_draw_keeps_the_runs_that_were_finished(tmp_path):
    (tmp_path / "slow.sml").write_text(SLOW, encoding="utf-8")
    command = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "stiffdsl",
            "simulate",
            "slow.sml",
            "--draw",
            "100000",
            "--out",
            "d.csv",
            "--json",
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    time.sleep(20)
    command.send_signal(signal.SIGINT)
    report = json.loads(command.communicate(timeout=60)[0])
    assert command.returncode == 130
    assert (report["status"], report["failed"]) == ("interrupted", 0)
    assert 0 < report["runs"] < 100_000
    assert f"kept: {report['runs']:,} of 100,000 runs, in d.csv" in report["error"]["message"]
    assert len((tmp_path / "d.csv").read_text().splitlines()) == 1 + 50 * report["runs"]
