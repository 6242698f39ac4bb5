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
    return Data(None, None, None, seconds)  # type: ignore[arg-type]


def test_rounds_grow_as_they_did_and_the_end_is_counted(clock):
    allowed, took = Budget(60.0), [4.0, 3.0, 6.0, 12.0]
    for seconds in took:
        clock[0] += seconds
        allowed.ended()
    # The next one takes 24 seconds after 25, then slopes and timings.
    assert allowed.allows_another(data(1e-3), 1)
    assert not allowed.allows_another(data(0.1), 1)
    assert not allowed.allows_another(data(1e-3), 40)


def test_without_a_budget_there_is_no_end(clock):
    allowed = Budget(None)
    allowed.ended()
    assert allowed.allows_another(data(1e9), 9)
    assert allowed.until() is None


@pytest.mark.parametrize(("spent", "left"), [(1.0, 56.0), (4.0, 50.0), (20.0, 25.0), (59.0, 0.1)])
def test_the_command_keeps_time_for_its_report(spent, left):
    assert _for_training(60.0, spent) == pytest.approx(left)
