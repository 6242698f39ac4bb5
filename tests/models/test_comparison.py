"""The comparison of solvers: times at equal error, what a process of a peer tells, and the network for all of them."""

from textwrap import dedent

import numpy as np
import pytest

from benchmarks import compare, process, worker
from benchmarks.equal import WorkPrecisionPoint, frontier, seconds_at
from benchmarks.peers.with_stiffdsl import load
from benchmarks.problems.network import network
from benchmarks.problems.rober import rober

LINE = [WorkPrecisionPoint(1e-2, 1.0), WorkPrecisionPoint(1e-4, 10.0), WorkPrecisionPoint(1e-6, 100.0)]


def test_time_at_an_error_is_straight_between_logarithms():
    assert seconds_at(LINE, 1e-3) == pytest.approx(10**0.5)
    assert seconds_at(LINE, 1e-4) == pytest.approx(10.0)


def test_who_was_more_exact_anyway_needs_no_longer_and_who_was_never_so_exact_has_no_time():
    assert seconds_at(LINE, 1.0) == 1.0
    assert seconds_at(LINE, 1e-7) is None
    assert seconds_at([], 1.0) is None


def test_a_solve_that_another_beats_in_time_and_error_does_not_count():
    worse = [WorkPrecisionPoint(1e-3, 20.0), WorkPrecisionPoint(1e-5, 200.0), WorkPrecisionPoint(3e-2, 1.0)]
    assert frontier([*worse, *LINE]) == LINE


def _record(peer, error, solve):
    points = [
        {"rtol": 1e-6, "solve": solve, "error": error},
        {"rtol": 1e-8, "solve": 10 * solve, "error": error / 100},
    ]
    return {"peer": peer, "state": "done", "error": error, "solve": solve, "points": points}


def test_factors_are_at_our_error_and_at_that_of_the_fastest_peer():
    own = [
        _record("stiffdsl", 1e-8, 1.0),
        _record("quick", 1e-6, 2.0),
        _record("diffrax Kvaerno5", 1e-8, 300.0),
    ]
    compare._equalize(own)
    at_ours, at_theirs = compare.factors(own)
    assert (at_ours["peer"], at_ours["diffrax"]) == ("quick", 300.0)
    assert at_ours["best"] == pytest.approx(20.0)
    assert at_theirs["best"] == pytest.approx(2.0)  # at 1e-6 stiffdsl needs no longer than at 1e-8


def test_a_worker_tells_every_tolerance():
    first, second = worker.measure(rober(), "scipy LSODA", [1e-4, 1e-6], 60.0)
    assert first["first"] > first["solve"] > 0
    assert (first["rtol"], second["rtol"]) == (1e-4, 1e-6)
    errors = [compare.error_of(rober(), r["values"]) for r in (first, second)]
    assert errors[1] < 1e-5 < errors[0]


def test_what_a_process_printed_before_its_limit_is_kept(tmp_path, monkeypatch):
    text = """
        import time
        print('{"state": "done"}', flush=True)
        print('{"half', end="", flush=True)
        time.sleep(60)
    """
    (tmp_path / "slow.py").write_text(dedent(text))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found, end = process.records(["slow"], 3.0, cores=1)
    assert (found, end["state"]) == ([{"state": "done"}], "over limit")
    assert process.records(["slow"], 3.0, python=str(tmp_path / "none"))[1]["state"] == "missing"


def test_the_network_is_the_same_in_arrays_and_in_text():
    problem = network(60, 300)
    y = np.random.default_rng(0).uniform(0.5, 2.0, problem.size)
    step = 1e-6
    columns = [
        (problem.rhs(0.0, y + step * e) - problem.rhs(0.0, y - step * e)) / (2 * step) for e in np.eye(60)
    ]
    np.testing.assert_allclose(problem.jacobian(0.0, y).toarray(), np.array(columns).T, atol=1e-6)
    model = load(problem)
    places = [int(row.name[1:]) - 1 for row in model.states]
    np.testing.assert_allclose(model.rhs(0.0, y[places]), problem.rhs(0.0, y)[places], rtol=1e-12, atol=1e-12)
