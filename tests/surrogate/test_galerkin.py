"""Surrogates that keep the equations of the model for a few combinations of its states.

`python -m pytest -n 0 -m slow tests/surrogate/test_galerkin.py` runs the long proofs (minutes)."""

import pickle
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import stiffdsl as sd
from stiffdsl.surrogate.core.formula import narrowed
from stiffdsl.surrogate.methods.driven.method import DRIVEN_LPCTESN, DRIVEN_NPCTESN, NETWORK
from stiffdsl.surrogate.methods.galerkin.fit import Greedy
from stiffdsl.surrogate.methods.galerkin.fixed_steps import CLASSICAL, IMPLICIT, STABILISED, Steps, integrated
from stiffdsl.surrogate.methods.galerkin.method import GALERKIN
from stiffdsl.surrogate.methods.recurrent.fit import RecurrentTraining, RunTraining
from stiffdsl.surrogate.methods.recurrent.method import RECURRENT
from stiffdsl.surrogate.of_model.task import task_of

from .test_driven import HEATED
from .weather import INPUTS, TEXT, TIMES, VARIED, weather

ROD = """
model Rod "heat through a rod whose conductivity rises; one end radiates"
  const N = 60
  param k = 0.05 in 0.025..0.1
  param rise = 0.5 in 0..1
  input left = 0
  var T[N] start 0.5
  output flow = 2*k*N*(left - T[1])
equations
  der(T[1]) = k*N^2*((1 + rise*T[1])*(T[2] - T[1]) + 2*(left - T[1]))
  for i in 2..N-1
    der(T[i]) = k*N^2*((1 + rise*(T[i] + T[i+1])/2)*(T[i+1] - T[i]) - (1 + rise*(T[i] + T[i-1])/2)*(T[i] - T[i-1]))
  end
  der(T[N]) = k*N^2*(1 + rise*T[N])*(T[N-1] - T[N]) - T[N]^4
experiment
  time 0..1, points 25
end
"""

SLAB = """
model Slab "diffusion with uptake; its output sums many states"
  const N = 80
  param D = 0.1 in 0.05..0.2
  param k = 5 in 1..10
  input left = 0
  var c[N] start 0
  output mean = sum(c[i] for i in 1..N)/N
equations
  der(c[1]) = D*N^2*(c[2] - c[1] + 2*(left - c[1])) - k*c[1]/(0.3 + c[1])
  for i in 2..N-1
    der(c[i]) = D*N^2*(c[i+1] - 2*c[i] + c[i-1]) - k*c[i]/(0.3 + c[i])
  end
  der(c[N]) = D*N^2*(c[N-1] - c[N]) - k*c[N]/(0.3 + c[N])
experiment
  time 0..1, points 25
end
"""


@pytest.fixture(scope="module")
def slab():
    return sd.loads(SLAB)


@pytest.fixture(scope="module")
def reduced(slab):
    vary = {"D": (0.05, 0.2), "k": (1, 10), "left": (0, 1)}
    return slab.surrogate(vary=vary, method="galerkin", samples=24, seed=1)


@pytest.mark.parametrize(
    ("method", "stages", "order"),
    [(CLASSICAL, 4, 4), (STABILISED, 5, 2), (STABILISED, 9, 2), (IMPLICIT, 8, 4.5)],
)
def test_steps_have_their_order(method, stages, order):
    knots = np.linspace(0.0, 1.0, 3)
    u = np.array([0.0, 1.0, 0.5])[:, None, None] * np.ones((3, 1, 2))

    def g(t, x, u):
        return jnp.stack([-x[0] * x[1] + u[0], x[0] - x[1] ** 2 + jnp.sin(t)])

    def ends(pieces):
        return integrated(Steps(method, pieces, stages), g, np.array([[1.0, 0.5], [0.0, 0.3]]), knots, u)[-1]

    exact = ends(64)
    errors = [float(jnp.abs(ends(pieces) - exact).max()) for pieces in (2, 4)]
    assert np.log2(errors[0] / errors[1]) > order - 0.5


def test_stabilised_steps_reach_over_fast_rates():
    knots, u = np.array([0.0, 1.0, 2.0]), np.zeros((3, 1, 1))
    for stages in (3, 8, 20):
        steps = Steps(STABILISED, 2, stages)
        found = integrated(steps, lambda t, x, u, r=0.98 * steps.reach: -r * x, np.ones((1, 1)), knots, u)
        assert np.abs(found[1:]).max() < 1


def test_a_steep_controller_that_sets_in_within_a_step():
    """A zone whose cooling holds 1, 500 times as fast as it warms up: the Jacobian at the beginning of an hour does not
    know of it."""
    rates = np.array([0.1, 0.3, 1.0])
    knots = np.linspace(0.0, 12.0, 13)
    u = np.stack([np.ones((13, 3)), np.broadcast_to(rates, (13, 3))], axis=1)

    def g(t, x, u):
        return 0.5 * u[0] + u[1] * jnp.sin(t) - 0.2 * x - 200 * jnp.maximum(0, x - 1)

    @jax.jit
    def found(begin):
        return integrated(Steps(IMPLICIT, 1, 8), g, begin * jnp.ones((1, 3)), knots, u)[:, 0]

    def truth(k):
        def slope(t, x):
            return 0.5 + rates[k] * np.sin(t) - 0.2 * x - 200 * np.maximum(0, x - 1)

        return solve_ivp(slope, (0, 12), [0.5], "Radau", knots, rtol=1e-9, atol=1e-9, max_step=0.05).y[0]

    exact = np.stack([truth(k) for k in range(3)], axis=1)
    assert np.abs(found(0.5) - exact).max() < 2e-3
    slope = float(jax.grad(lambda begin: found(begin)[2].sum())(0.5))
    moved = float(found(0.501)[2].sum() - found(0.499)[2].sum()) / 2e-3
    assert slope == pytest.approx(moved, rel=0.05, abs=0.01)


def test_a_sum_of_many_states_is_narrowed_whole(slab):
    drives = {"left": (0, 1)}
    equations = task_of(slab, vary=drives).equations()
    assert not isinstance(equations, str)
    c = np.random.default_rng(0).random((80, 3))
    for wanted in ([80], [2, 80], np.arange(81)):
        few = narrowed(equations.outputs, np.array(wanted))
        found = few(np, {"y": c[few.reads["y"]], "t": 0.0, "p": np.ones((0, 3)), "u": np.ones((0, 3))})
        assert found[-1] == pytest.approx(c.mean(0), rel=1e-14)


@pytest.mark.parametrize("text", [ROD, HEATED, TEXT])
def test_a_narrowed_formula_gives_the_same_entries(text):
    model = sd.loads(text, constants={"N": 5} if "const N" in text else None)
    drives = {row.name: (0, 1) for row in model.inputs}
    equations = task_of(model, vary=drives, times=np.linspace(0, 1, 30)).equations()
    assert not isinstance(equations, str)
    rng = np.random.default_rng(0)
    y, p = 1 + rng.random(equations.size), model.default_parameters
    u = 1 + rng.random(len(drives))
    whole = np.asarray(model.interpreted.rhs(0.3, y, p, u))
    for _ in range(10):
        wanted = rng.integers(0, equations.size, 1 + rng.integers(equations.size))
        few = narrowed(equations.rhs, wanted)
        lanes = {name: np.stack([v] * 3, axis=-1) for name, v in (("y", y), ("p", p), ("u", u))}
        given = {name: lanes[name][few.reads[name]] for name in few.reads} | {"t": 0.3}
        known = few.known(np, "p", given.pop("p", np.zeros((0, 3))))
        found = few(np, given | {"like": np.zeros((1, 3))}, known)
        assert np.array_equal(
            np.broadcast_to(found, (len(wanted), 3)), np.stack([whole[wanted]] * 3, axis=-1)
        )


@pytest.mark.slow
def test_few_combinations_stand_for_many_states():
    rod, vary = sd.loads(ROD), {"k": (0.025, 0.1), "rise": (0, 1), "left": (0, 1)}
    reduced = rod.surrogate(vary=vary, method="galerkin", samples=32, seed=1)
    chosen = reduced.validation["chosen"]
    assert chosen["combinations"] <= 25
    assert chosen["rows"] < 35
    t = reduced.times
    for left in (lambda t: 0.5 + 0.5 * jnp.sin(9 * t), 0.2, ([0, 0.5, 13 / 24, 1], [1, 1, 0, 0.3])):
        asked = {"params": {"k": 0.085, "rise": 0.9}, "inputs": {"left": left}}
        truth, answer = rod.simulate(**asked, saveat=t), reduced.simulate(**asked)
        assert np.abs(answer["T"] - truth["T"]).max() < 5e-3
    assert 0.9 < reduced.validation["coverage"]["measured"][-1] < 0.98


@pytest.mark.slow
def test_few_combinations_stand_for_many_states_and_their_sum(slab, reduced):
    chosen = reduced.validation["chosen"]
    assert chosen["combinations"] <= 20
    assert chosen["rows"] < 30
    assert chosen["error in training"] < 1e-3
    left = ([0, 0.5, 13 / 24, 1], [1, 1, 0, 0.3])
    asked = {"params": {"D": 0.17, "k": 9.0}, "inputs": {"left": left}}
    truth, answer = slab.simulate(**asked, saveat=reduced.times), reduced.simulate(**asked)
    assert np.abs(answer["c"] - truth["c"]).max() < 5e-3
    assert np.abs(answer["mean"] - truth["mean"]).max() < 1e-3
    assert np.abs(answer["mean"] - answer["c"].mean(1)).max() < 1e-6


def test_it_is_stored_whole_and_can_be_differentiated(tmp_path):
    model = sd.loads(HEATED)
    vary = {"gain": (0.5, 1.5), "u": (-2, 1)}
    made = model.surrogate(vary=vary, method="galerkin", samples=24, seed=1, outputs=("room", "heat"))
    again = sd.load_surrogate(made.save(tmp_path))
    asked = {"params": {"gain": 1.2}, "inputs": {"u": lambda t: -0.1 * t}}
    whole = made.simulate(**asked)
    # One program serves the training and all that is asked later; it stays behind where a surrogate is copied.
    every = np.arange(len(made.outputs))
    reader = made.expansion.reader(made.times, every)
    assert made.expansion.reader(made.times.copy(), every.copy()) is reader
    copied = pickle.loads(pickle.dumps(made))
    assert copied.expansion.reader(made.times, every) is not reader
    assert np.array_equal(whole.y, again.simulate(**asked).y)
    gains = np.array([1.2, 1.0, 0.7])
    lanes = made.ensemble({"gain": gains}, inputs={"u": lambda t: -0.1 * t}, outputs=("room",))
    assert np.allclose(lanes["room"][0], whole["room"], atol=1e-5)
    solve = again.solver(saveat=[6.0, 9.0], outputs=("room",))

    def last(gain):
        return solve({"gain": gain}, inputs={"u": -1.0})[1, 0]

    slope = float(jax.grad(last)(1.0))
    assert slope == pytest.approx(float(last(1.02) - last(0.98)) / 0.04, rel=0.02)
    assert float(jax.vmap(last)(jnp.array([1.0]))[0]) == pytest.approx(float(last(1.0)), rel=1e-5)
    exact = jax.grad(
        lambda gain: model.solver(saveat=[9.0], outputs=("room",))({"gain": gain}, inputs={"u": -1.0})[0, 0]
    )
    assert slope == pytest.approx(float(exact(1.0)), rel=0.02)


@pytest.mark.slow
def test_implicit_steps_can_be_differentiated(reduced):
    made = reduced.expansion.with_steps(Steps(IMPLICIT, 2, 8)).reader(np.array([0.5, 0.9]), np.array([80]))

    def last(D):
        return made(jnp, jnp.concatenate([jnp.stack([D, 5.0]), jnp.full(25, 0.7)])[None])[0, 1, 0]

    slope = float(jax.grad(last)(0.1))
    assert slope == pytest.approx(float(last(0.101) - last(0.099)) / 0.002, rel=0.02)


@pytest.mark.slow
def test_it_is_taken_where_it_errs_least():
    quick = replace(NETWORK, width=8, steps=200)
    runs = RecurrentTraining(quick, (RunTraining(4, 16, 50, 1e-3),))
    every = (
        DRIVEN_LPCTESN,
        replace(DRIVEN_NPCTESN, network=quick),
        replace(RECURRENT, training=runs),
        GALERKIN,
    )
    made = sd.loads(HEATED).surrogate(vary={"gain": (0.5, 1.5), "u": (-2, 1)}, method=every, samples=48)
    assert made.method == "galerkin"
    worst = {trial["method"]: trial["worst"] for trial in made.validation["tried"]}
    assert list(worst) == ["lpctesn", "npctesn", "recurrent", "galerkin"]
    assert worst["galerkin"] == min(worst.values())


def test_what_cannot_be_reduced_is_told():
    loop = HEATED.replace("output heat = max(0, min(1, 3*(1 - room)))", "var heat").replace(
        "equations\n", "equations\n  heat + heat^3 = 1 - room\n"
    )
    with pytest.raises(ValueError, match="equations it can reduce: the model has algebraic unknowns"):
        sd.loads(loop).surrogate(vary={"u": (-2, 1)}, method="galerkin")
    with pytest.raises(ValueError, match="an input that varies"):
        sd.loads(HEATED).surrogate(vary={"gain": (0.5, 1.5)}, method="galerkin")


def test_what_does_not_follow_its_model_is_refused():
    """Nothing is kept that errs on the samples it was made from; of several methods another one is kept."""
    model, vary = sd.loads(HEATED), {"gain": (0.5, 1.5), "u": (-2, 1)}
    strict = replace(GALERKIN, greedy=Greedy(rounds=0, refused=1e-9))
    with pytest.raises(
        ValueError, match=r"does not follow this model: on the samples it was made from it errs by 0\.\d+ %"
    ):
        model.surrogate(vary=vary, method=strict, samples=8)
    made = model.surrogate(vary=vary, method=(DRIVEN_LPCTESN, strict), samples=8)
    assert made.method == "lpctesn"
    assert "does not follow" in made.validation["skipped"]["galerkin"]


@pytest.mark.slow
def test_a_hundred_rooms_under_weather_that_was_not_seen():
    """0.1 K at the most over all rooms and times of fresh weather; intervals hold what they say there."""
    model, seen = sd.loads(TEXT), weather(60, 1)
    rooms = tuple(f"rooms[{i}].inside.T" for i in range(1, 101))
    signals = {name: [(TIMES, row) for row in seen[:, k]] for k, name in enumerate(INPUTS)}
    ranges = {name: model.ranges[name] for name in VARIED}
    vary = {**ranges, **signals}
    made = model.surrogate(vary=vary, method="galerkin", samples=256, times=TIMES, outputs=rooms)
    rng, fresh = np.random.default_rng(7), weather(96, 2)
    params = {name: rng.uniform(*bounds, 96) for name, bounds in ranges.items()}
    inputs = {name: (TIMES, fresh[:, k]) for k, name in enumerate(INPUTS)}
    truth = model.ensemble(params, TIMES, rooms, inputs=inputs, rtol=1e-8, atol=1e-8).values
    with pytest.warns(sd.OutsideDomainWarning):
        answer = made.ensemble(params, TIMES, rooms, inputs=inputs).values
    assert np.abs(answer - truth).max() < 0.1
    assert 0.93 < made.validation["coverage"]["measured"][-1] < 0.97
