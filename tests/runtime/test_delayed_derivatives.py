"""`delay` in pure functions: closed forms by value, by lag, by start and by time; problems of the literature by SciPy,
by exact polynomials and by differences."""

from math import factorial, floor

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.solve.base.status import Status

# x' = -a x(t - tau): with T = a t, polynomials in T - (k - 1) a tau.
MODEL = """
model Decay
  param tau = 1 [s]
  param a = 1 [1/s]
  var x start 1
  output before = delay(x, tau)
equations
  der(x) = -a*delay(x, tau)
experiment
  time 0..4, rtol 1e-9, atol 1e-12
end
"""
TIMES = np.array([0.5, 1.7, 2.4, 3.9])


def decay(t: float, tau: float) -> tuple[float, float]:
    """x(t) for a = 1 from x = 1, and its derivative by tau."""
    terms = range(1, floor(t / tau) + 2)
    value = 1 + sum((-1) ** k * (t - (k - 1) * tau) ** k / factorial(k) for k in terms)
    rate = sum((-1) ** k * (1 - k) * (t - (k - 1) * tau) ** (k - 1) / factorial(k - 1) for k in terms)
    return value, rate


@pytest.fixture(scope="module")
def model():
    return sd.loads(MODEL)


def test_lanes_of_a_pure_function_have_lags_of_their_own(model):
    lanes = jax.jit(jax.vmap(lambda tau: model.solver(saveat=TIMES, outputs=["x"])({"tau": tau})[:, 0]))
    taus = jnp.array([0.8, 1.0, 1.3])
    exact = np.array([[decay(t, tau)[0] for t in TIMES] for tau in taus.tolist()])
    assert lanes(taus) == pytest.approx(exact, abs=1e-9)
    # A lag that is none has no solution.
    assert np.isnan(lanes(taus.at[1].set(-1.0))[1]).all()


@pytest.mark.slow
def test_derivatives_by_the_lag_are_those_of_the_polynomials(model):
    solve = model.solver(saveat=TIMES, outputs=["x"])
    for tau in (0.8, 1.0):
        rates = np.asarray(jax.jacfwd(lambda tau: solve({"tau": tau})[:, 0])(tau))
        assert rates == pytest.approx([decay(t, tau)[1] for t in TIMES], abs=1e-8)


@pytest.mark.slow
def test_derivatives_of_both_directions_by_all_that_moves(model):
    solve = model.solver(saveat=TIMES)

    def both(at):
        return solve({"tau": at[0], "a": at[1]}, {"x": at[2]})

    at = jnp.array([1.1, 0.9, 1.4])
    forward, back = np.asarray(jax.jacfwd(both)(at)), np.asarray(jax.jacrev(both)(at))
    assert back == pytest.approx(forward, abs=1e-9)

    def exact(tau, a, x):
        return [[x * decay(a * s, a * tau)[0] if s > 0 else x for s in (t, t - tau)] for t in TIMES]

    names = [row.name for row in model.variables]
    order = [["x", "before"].index(name) for name in names]
    assert both(at) == pytest.approx(np.array(exact(*at.tolist()))[:, order], abs=1e-9)
    step = 1e-5
    for k in range(3):
        ahead, behind = at.at[k].add(step).tolist(), at.at[k].add(-step).tolist()
        difference = (np.array(exact(*ahead)) - np.array(exact(*behind))) / (2 * step)
        assert forward[:, :, k] == pytest.approx(difference[:, order], abs=1e-7)
    # By the times that are saved, and by the beginning.
    rate = jax.grad(lambda s: solve(saveat=jnp.array([s]))[0, names.index("x")])(2.5)
    assert rate == pytest.approx(-decay(1.5, 1.0)[0], abs=1e-8)
    moved = jax.grad(lambda s: solve(saveat=jnp.array([3.0]), time=(s, 4.0))[0, names.index("x")])(0.5)
    assert moved == pytest.approx(decay(1.5, 1.0)[0], abs=1e-8)


@pytest.mark.slow
def test_problems_of_the_literature_and_their_derivatives_by_differences():
    """Mackey and Glass (1977), Hutchinson (1948), and Wille and Baker's example of `dde23` (1992)."""
    models = sd.loads("""
model Problems
  param tau = 2 [s]
  param r = 1.7
  var glass start 1.2
  var logistic start 0.5
  var y1 start 1
  var y2 start 1
  var y3 start 1
equations
  der(glass) = 0.2*delay(glass, tau)/(1 + delay(glass, tau)^10) - 0.1*glass
  der(logistic) = r*logistic*(1 - delay(logistic, 0.5*tau))
  der(y1) = delay(y1, 1)
  der(y2) = delay(y1, 1) + delay(y2, 0.2)
  der(y3) = y2
experiment
  time 0..5, rtol 1e-9, atol 1e-12
end
""")
    times, names = [2.6, 5.0], ["glass", "logistic", "y1", "y2", "y3"]
    solve = models.solver(saveat=times, outputs=names)
    at = jnp.array([2.0, 1.7])

    def of(at):
        return solve({"tau": at[0], "r": at[1]})

    values, rates = of(at), jax.jacfwd(of)(at)
    run = models.simulate(saveat=times)
    assert values == pytest.approx(np.array([run[name] for name in names]).T, rel=1e-8)
    assert values[-1, 2:] == pytest.approx(wille_baker(5), rel=1e-9)
    step = 1e-4
    for k, name in enumerate(("tau", "r")):
        ends = [
            models.simulate(params={name: float(at[k]) + s}, saveat=times, rtol=1e-11, atol=1e-13)
            for s in (step, -step)
        ]
        difference = np.array([(ends[0][n] - ends[1][n]) / (2 * step) for n in names]).T
        assert rates[:, :, k] == pytest.approx(difference, rel=1e-5, abs=1e-6)


def wille_baker(end: int) -> list[float]:
    """y1' = y1(t - 1), y2' = y1(t - 1) + y2(t - 1/5), y3' = y2 from 1: polynomials over fifths of a second."""
    one = np.polynomial.Polynomial([1.0])
    pieces: list[list[np.polynomial.Polynomial]] = [[one, one, one]] * 5
    for _ in range(5 * end):
        last = [p(0.2) for p in pieces[-1]] if len(pieces) > 5 else [1.0, 1.0, 1.0]
        slopes = [pieces[-5][0], pieces[-5][0] + pieces[-1][1]]
        new = [s.integ() + y for s, y in zip(slopes, last[:2], strict=True)]
        pieces.append([*new, new[1].integ() + last[2]])
    return [p(0.2) for p in pieces[-1]]


def test_what_a_pure_function_cannot_give_is_refused_by_name_or_told(model):
    nested = sd.loads(
        "model M\n var x start 1\n output y = delay(delay(x, 1), 1)\nequations\n der(x) = -delay(x, 1)\nend\n"
    )
    with pytest.raises(ValueError, match=r"delayed values of delayed values \(`delay`, line 3\)"):
        nested.solver(time=(0, 3))()
    jumps = sd.loads(
        "model M\n var x start 1\nequations\n der(x) = -delay(x, 1) + (if time > 2 then 1 else 0)\nend\n"
    )
    with pytest.raises(ValueError, match=r"`delay` \(line 4\) takes no jumps in time yet"):
        jumps.solver(time=(0, 3))()


@pytest.mark.slow
def test_more_steps_in_a_lag_than_are_remembered_are_told():
    model = sd.loads("model M\n var x start 1\nequations\n der(x) = -delay(x, 0.001) - delay(x, 30)\nend\n")
    found = model.solver(saveat=[100.0], time=(0, 100)).full()
    assert Status(int(found.status)) == Status.FORGOTTEN
    assert np.isnan(found.values).all()
