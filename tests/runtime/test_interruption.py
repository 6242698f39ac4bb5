"""Ctrl-C stops whatever runs, and a process that was forked does not wait for threads that it does not have."""

import os
import signal
import threading
import warnings

import jax
import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.native.host import engine

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="signals and forks as POSIX has them"),
    pytest.mark.skipif(not engine.available(), reason="LLVM is not installed"),
    # Commands that a shell starts in the background ignore it.
    pytest.mark.skipif(
        signal.getsignal(signal.SIGINT) is not signal.default_int_handler,
        reason="Ctrl-C is handled in another way here",
    ),
]

# Would take hours.
LONG = {"time": (0.0, 1e12), "rtol": 1e-10, "max_steps": 10**9}
SPRING = """
model Spring
  param k = 1
  var x start 1
  var v start 0
equations
  der(x) = v
  der(v) = -k*x
end
"""


@pytest.fixture(scope="module")
def model():
    return sd.loads(SPRING)


@pytest.fixture
def interrupted():
    """Presses Ctrl-C, again and again until it was noticed: however long it takes until something runs."""
    done = threading.Event()

    def press():
        while not done.wait(0.5):
            os.kill(os.getpid(), signal.SIGINT)

    def call(function):
        presses = threading.Thread(target=press)
        try:
            presses.start()
            with pytest.raises(KeyboardInterrupt) as caught:
                function()
        finally:
            while True:
                try:
                    done.set()
                    presses.join()
                    break
                except KeyboardInterrupt:
                    continue
        return caught.value

    return call


def test_a_solution_holds_what_was_reached(model):
    with pytest.raises(sd.Interrupted) as caught:
        model.simulate(**LONG, progress=lambda _: os.kill(os.getpid(), signal.SIGINT))
    stopped = caught.value
    assert stopped.solution.status == sd.Status.INTERRUPTED
    assert 0 < stopped.solution.reached < 1e12
    assert np.isfinite(stopped.solution(0.5 * stopped.solution.reached)).all()


@pytest.mark.parametrize("kind", ["solver", "gradient", "ensemble"])
def test_kernels_that_xla_runs_stop(model, interrupted, kind):
    solve = model.solver([0.0, 1e12], ["x"], **LONG)
    gradient = jax.jit(jax.grad(lambda k: solve({"k": k})[-1, 0]))
    run = {
        "solver": lambda: np.asarray(solve({"k": 2.0})),
        "gradient": lambda: np.asarray(gradient(2.0)),
        "ensemble": lambda: model.ensemble({"k": np.linspace(1, 2, 500)}, [0.0, 1e12], ["x"], **LONG),
    }[kind]
    stop = interrupted(run)
    assert not isinstance(stop, sd.InterruptedRuns) or stop.ensemble is None
    assert float(model.simulate(time=(0, 1))["x"][-1]) == pytest.approx(np.cos(1), rel=1e-4)


def test_forked_processes_say_what_they_cannot_do(model):
    solve = model.solver([0.0, 1.0], ["x"])
    solve()
    calls = {
        "simulate": lambda: model.simulate(time=(0, 1))["x"][-1] - np.cos(1) < 1e-3,
        "solver": solve,
        "ensemble": lambda: model.ensemble({"k": [1.0, 2.0]}, [0.0, 1.0]),
        "portable": lambda: model.simulate(time=(0, 1), method="fbdf"),
        "rhs": lambda: model.rhs(0.0, [1.0, 0.0]),
    }
    for name, call in calls.items():
        read, write = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            child = os.fork()
        if not child:
            signal.alarm(30)
            try:
                told = str(bool(call()))
            except BaseException as error:
                told = f"{type(error).__name__}: {error}"
            os.write(write, told.encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as end:
            told = end.read()
        assert os.waitpid(child, 0)[1] == 0, name
        assert told == "True" if name == "simulate" else ("RuntimeError" in told and "spawn" in told), (
            name,
            told,
        )
