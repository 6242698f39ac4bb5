"""`model.solver`: times and tolerances given at the call, backward time, what became of a solve, failed ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stiffdsl as sd

# x(t) = 1/(1 - a t): it ends in a pole.
POLE = "model M\n  param a = 1\n  var x start 1\nequations\n  der(x) = a*x^2\nend\n"
TIERS = "rodas5p", "tsit5"


@pytest.fixture(scope="module")
def pole():
    return sd.loads(POLE)


@pytest.mark.parametrize("method", ["rodas5p", "radau5", "fbdf", "tsit5"])
def test_backward_times_keep_the_order_they_were_given_in(method):
    model = sd.loads("model M\n  param a = 1\n  var x start 0\nequations\n  der(x) = a\nend\n")
    solve = model.solver(saveat=[0, 0.25, 1], time=(1, 0), outputs=("x",), method=method)
    assert np.allclose(solve()[:, 0], [-1, -0.75, 0])
    assert np.allclose(solve(saveat=[1, 0.25, 0])[:, 0], [0, -0.75, -1])
    if method in TIERS:
        assert np.allclose(jax.grad(lambda a: solve({"a": a})[1, 0])(1.0), -0.75)
    batch = model.ensemble({"a": [1.0, 2.0]}, saveat=[0, 0.25, 1], time=(1, 0), method=method)
    assert np.allclose(batch["x"], [[-1, -0.75, 0], [-2, -1.5, 0]])
    for times in ([0, 0.25, 1], [1, 0.25, 0]):
        solution = model.simulate(saveat=times, time=(1, 0), method=method)
        assert solution.t.tolist() == times
        assert np.allclose(solution["x"], solution.t - 1)


@pytest.mark.parametrize("method", TIERS)
def test_times_and_tolerances_may_differ_by_lane(pole, method):
    solve = pole.solver(saveat=[0.5], time=(0, 1), outputs=("x",), method=method)
    times, ends = jnp.array([[0.1, 0.2], [0.5, 0.3]]), jnp.array([0.2, 0.5])

    def lane(saveat, end, rtol):
        return solve(saveat=saveat, time=(0.0, end), rtol=rtol)[:, 0]

    tight = jax.jit(jax.vmap(lane))(times, ends, jnp.array([1e-9, 1e-9]))
    assert np.allclose(tight, 1 / (1 - times), rtol=1e-7)
    loose = jax.vmap(lane)(times, ends, jnp.array([1e-2, 1e-9]))
    assert np.all(loose[1] == tight[1])
    assert np.all(loose[0] != tight[0])


@pytest.mark.parametrize("method", TIERS)
def test_derivatives_by_times(pole, method):
    solve = pole.solver(saveat=[0.3, 0.5], outputs=("x",), method=method, rtol=1e-9)

    def of(times, start, end):
        return solve(saveat=times, time=(start, end))[:, 0]

    times = jnp.array([0.3, 0.5])
    by_times, by_start, by_end = jax.jacrev(of, argnums=(0, 1, 2))(times, 0.0, 0.5)
    slopes = 1 / (1 - times) ** 2
    assert np.allclose(by_times + jnp.diag(jnp.array([0, 1.0]) * by_end[1]), jnp.diag(slopes), rtol=1e-5)
    assert np.allclose(by_start, -slopes, rtol=1e-5)


@pytest.mark.parametrize("method", TIERS)
def test_a_failed_solve_has_no_derivatives(pole, method):
    solve = pole.solver(saveat=[0.5, 2.0], outputs=("x",), method=method)
    full = solve.full()
    assert not full.success
    assert full.status != 0
    assert np.isnan(full.values[1, 0])

    def last(a):
        return solve({"a": a})[-1, 0]

    assert np.isnan(jax.grad(last)(1.0))
    assert np.isnan(jax.jvp(last, (1.0,), (1.0,))[1])
    assert np.isnan(jax.grad(lambda x: solve(initial={"x": x})[-1, 0])(1.0))
    # What was reached has them.
    assert jax.grad(lambda a: solve({"a": a})[0, 0])(1.0) == pytest.approx(2.0, rel=1e-3)


@pytest.mark.parametrize("method", TIERS)
def test_a_loss_can_leave_failed_lanes_out(pole, method):
    solve = pole.solver(saveat=[2.0], outputs=("x",), method=method)

    @jax.jit
    @jax.vmap
    @jax.value_and_grad
    def loss(a):
        full = solve.full({"a": a})
        return jnp.where(full.success, full.values[-1, 0], 0.0)

    values, slopes = loss(jnp.array([0.1, 1.0]))
    assert np.allclose(values, [1.25, 0], rtol=1e-5)
    assert np.allclose(slopes, [3.125, 0], rtol=1e-4)


def test_a_start_that_is_not_found_has_no_derivatives():
    model = sd.loads(
        "model M\n  param a = 1\n  var x start 1\n  var y\nequations\n  der(x) = -x + y\n  y^2 = -a\nend\n"
    )
    solve = model.solver(saveat=[1.0], outputs=("x",))
    assert solve.full().status == 6
    assert np.isnan(jax.grad(lambda a: solve({"a": a})[0, 0])(1.0))


def test_full_counts_steps(pole):
    solve = pole.solver(saveat=[0.5], outputs=("x",))
    full = jax.jit(lambda a: solve.full({"a": a}))(1.0)
    assert full.success
    assert full.steps == full.stats["accepted"] > 0
    assert full.diagnostics is None


def test_an_ensemble_is_differentiable(pole):
    values, lanes = jnp.array([0.5, 1.0]), {"saveat": [0.5], "time": (0, 0.5), "outputs": ("x",)}

    def total(a, x):
        batch = pole.ensemble({"a": a}, initial={"x": x}, **lanes)
        return jnp.sum(jnp.where(batch.success, batch["x"][:, -1], 0.0))

    by_a, by_x = jax.jit(jax.grad(total, argnums=(0, 1)))(values, jnp.ones(2))
    assert np.allclose(by_a, 0.5 / (1 - 0.5 * values) ** 2, rtol=1e-4)
    assert np.allclose(by_x, 1 / (1 - 0.5 * values) ** 2, rtol=1e-4)
    plain = pole.ensemble({"a": values}, **lanes)
    traced = jax.jit(lambda a: pole.ensemble({"a": a}, **lanes).values)(values)
    assert np.allclose(plain.values, traced, rtol=1e-12)
    with pytest.raises(ValueError, match="cannot be sent to other workers"):
        jax.grad(lambda a: pole.ensemble({"a": a}, executor=jax.devices(), **lanes).values.sum())(values)


def test_tables_that_differ_between_traced_lanes():
    model = sd.loads("model M\n  input u = 0\n  var x start 0\nequations\n  der(x) = u\nend\n")
    table = jnp.array([[1.0, 1.0], [0.0, 2.0]])

    def total(table):
        return model.ensemble({}, saveat=[1.0], inputs={"u": ([0.0, 1.0], table)}, time=(0, 1)).values.sum()

    assert np.allclose(jax.grad(total)(table), 0.5)


def test_sums_over_steps_have_derivatives():
    """Of a linear equation of rate k: every step's error lies in it."""
    model = sd.loads(
        "model M\n  param k = 50\n  var x start 1\nequations\n  der(x) = -k*(x - cos(time))\nend\n"
    )
    solve = model.solver(saveat=[1.0], time=(0, 1), outputs=("x",), rtol=1e-4, method="rodas5p")

    def sums(k):
        full = solve.full({"k": k}, diagnostics=True)
        return full.diagnostics, full

    found, full = jax.jit(sums)(50.0)
    assert found.stiffness == pytest.approx(50.0 * int(full.steps), rel=1e-6)
    assert 0 < found.error < 1
    assert full.values == pytest.approx(np.asarray(solve()), rel=1e-9)
    back = jax.jit(jax.grad(lambda k: sums(k)[0].error))(50.0)
    _, forth = jax.jvp(lambda k: sums(k)[0], (50.0,), (1.0,))
    assert float(back) == pytest.approx(float(forth.error), rel=1e-8)
    assert float(forth.stiffness) == pytest.approx(int(full.steps), rel=1e-6)
    assert float(back) != 0


def test_single_precision_is_told(pole):
    solve = pole.solver(saveat=[0.5], outputs=("x",), rtol=1e-9)
    with pytest.warns(UserWarning, match="float32, which holds 7 digits"):
        found = solve({"a": jnp.asarray(0.1, dtype=jnp.float32)})
    assert found.dtype == np.float64
    assert found[0, 0] == pytest.approx(1 / (1 - 0.5 * float(np.float32(0.1))), rel=1e-8)
