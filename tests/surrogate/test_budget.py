"""Budgets of trainings: rounds are added as long as all is expected to end in time."""

import time

import pytest

from stiffdsl.cli.surrogate import _for_training
from stiffdsl.surrogate.learn.budget import Budget
from stiffdsl.surrogate.learn.gather import Data


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


def data(seconds: float) -> Data:
    class Drawn(Data):
        samples = 64  # type: ignore[assignment]

    return Drawn(None, None, None, seconds)  # type: ignore[arg-type]


def test_a_round_its_fits_and_the_end_are_foreseen(clock):
    allowed = Budget(60.0)
    clock[0] = 25.0
    # Fits of 12 seconds take about 22 on more samples, slopes and timings some two.
    assert allowed.allows_another(data(1e-3), 1, 12.0)
    assert not allowed.allows_another(data(0.1), 1, 12.0)
    assert not allowed.allows_another(data(1e-3), 40, 12.0)
    assert not allowed.allows_another(data(1e-3), 1, 20.0)


def test_without_a_budget_there_is_no_end(clock):
    allowed = Budget(None)
    assert allowed.allows_another(data(1e9), 9, 1e9)
    assert allowed.until(data(1e9), 9) is None


@pytest.mark.parametrize(("spent", "left"), [(1.0, 56.0), (4.0, 50.0), (20.0, 25.0), (59.0, 0.1)])
def test_the_command_keeps_time_for_its_report(spent, left):
    assert _for_training(60.0, spent) == pytest.approx(left)
