"""Equations, Jacobian and factors as kernels for the methods that step in JAX: the numbers of the portable tier."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import stiffdsl
from stiffdsl.diagnostics import Source
from stiffdsl.native.factors import lu
from stiffdsl.native.factors.factors import FactorKernels
from stiffdsl.native.host import engine
from stiffdsl.pipeline import compile_model
from stiffdsl.resources import folder
from stiffdsl.runtime.backend import backend, by_kernels
from stiffdsl.runtime.kernel_system import KernelSystem
from stiffdsl.solve.linear.linear_systems import LinearSolver

pytestmark = pytest.mark.skipif(not engine.available(), reason="LLVM is not installed")

# Rates that depend on parameters alone, an input, time, and an algebraic equation.
REACTOR = """
model Reactor
  const N = 5
  param k = 2
  param E = 3
  param T = 1.5
  input feed = 0.5
  var c[N] start 1
  var z guess 1
  output most = c[3] + c[N] + z
equations
  for i in 1..N
    der(c[i]) = -i*k*exp(-E/T)*c[i]^2 + feed*z + 0.1*sin(time/1[s])
  end
  z + z^3 = c[1] + c[2]
experiment
  time 0..5
end
"""


@pytest.fixture(scope="module")
def reactor():
    return compile_model(Source("reactor.sml", REACTOR))


@pytest.fixture(scope="module")
def hires():
    return stiffdsl.load(folder("models") / "chemistry" / "hires.sml")


@pytest.fixture(scope="module")
def systems(reactor):
    """By kernels and portable, with the arguments of each, and a state."""
    own, portable = backend().stepped(reactor, False), reactor.system(False)
    assert isinstance(own, KernelSystem)
    args = reactor.args({"k": 3.0})
    return own, portable, args, jnp.array([1.0, 0.5, 0.2, 2.0, 0.3, 0.7])


@pytest.mark.parametrize("name", ["rhs", "jacobian"])
def test_values_and_derivatives_are_those_of_the_functions_in_jax(systems, name):
    own, portable, args, y = systems

    def by_kernels(t, y, args):
        return getattr(own, name)(t, y, own.extended(args))

    def in_jax(t, y, args):
        return getattr(portable, name)(t, y, args)

    at = jnp.asarray(0.3), y, jax.tree.map(jnp.asarray, args)
    random = np.random.default_rng(0)
    along = jax.tree.map(lambda x: jnp.asarray(random.normal(size=jnp.shape(x))), at)
    bar = jnp.asarray(random.normal(size=in_jax(*at).shape))

    def first(f):
        value, dot = jax.jvp(f, at, along)
        return value, dot, jax.vjp(f, *at)[1](bar)

    def second(f):
        return jax.jvp(lambda *x: first(f), at, along)[1]

    for derivatives in (first, second):
        found, expected = (jax.jit(derivatives, static_argnums=0)(f) for f in (by_kernels, in_jax))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12), found, expected)


def test_lanes_share_what_they_have_in_common(systems):
    own, portable, args, y = systems
    times, states = jnp.arange(2.0), y * (1 + jnp.arange(3.0))[:, None]

    def nested(system, args):
        return jax.vmap(lambda t: jax.vmap(lambda y: system.jacobian(t, y, args))(states))(times)

    found = jax.jit(nested, static_argnums=0)(own, own.extended(args))
    np.testing.assert_allclose(found, nested(portable, args), rtol=1e-13)


# An algebraic part whose static pivots vanish for some values.
ROWS, COLUMNS = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 1, 2, 0, 1])
MASS = np.array([1.0, 0.0, 0.0])


@pytest.mark.parametrize("small", [1.0, 1e-14, 0.0])
def test_factors_solve_whatever_the_pivots_are(small):
    values = np.array([-2.0, 1.0, small, 3.0, 0.5, 4.0])
    plan = lu.plan(ROWS, COLUMNS, MASS, np.array([1.0, 1.0, 10.0, 1.0, 1.0, 1e-3]))
    assert plan is not None
    linear = LinearSolver(ROWS, COLUMNS, MASS, FactorKernels("test", plan, len(values)))
    dense = 3.0 * np.diag(MASS)
    dense[ROWS, COLUMNS] -= values
    b = np.random.default_rng(0).normal(size=(4, 3))

    def solved(scale, b):
        return linear.solve(linear.factor(scale * values, scale * 3.0), b)

    scales = np.array([1.0, 2.0, 0.5, 3.0])
    found = jax.jit(jax.vmap(solved))(scales, b)
    np.testing.assert_allclose(found, np.linalg.solve(dense, b.T).T / scales[:, None], rtol=1e-10)
    back = jax.vjp(lambda b: solved(1.0, b), b[0])[1](b[1])[0]
    np.testing.assert_allclose(back, np.linalg.solve(dense.T, b[1]), rtol=1e-10)


def test_what_is_not_finite_stays_so():
    plan = lu.plan(ROWS, COLUMNS, MASS)
    assert plan is not None
    factors = FactorKernels("test-nan", plan, len(ROWS))
    values = np.array([-2.0, 1.0, np.nan, 3.0, 0.5, 4.0])
    assert not np.all(np.isfinite(factors.solve(factors.factor(values, 1.0), np.ones(3))))


METHODS = ["fbdf", "kvaerno5", "radau5", "switching", "rodas4pw", "tsit5"]


@pytest.mark.parametrize(
    "method", [m if m == "fbdf" else pytest.param(m, marks=pytest.mark.slow) for m in METHODS]
)
def test_methods_take_the_steps_of_the_portable_tier(hires, method, monkeypatch):
    run = {"method": method, "time": (0.0, 5.0), "rtol": 1e-5}
    native = hires.simulate(**run)
    assert native.stats["tier"] == "native"
    monkeypatch.setitem(hires.artifacts, (by_kernels, (False,)), hires.system(False))
    portable = hires.simulate(**run)
    assert portable.stats == native.stats | {"tier": "portable"}
    # The error estimate of `rodas4pw` is rounding where steps are short; their sizes follow it.
    rtol = 1e-6 if method == "rodas4pw" else 1e-8
    np.testing.assert_allclose(native.y, portable.y, rtol=rtol, atol=1e-13)


TIMES = np.array([0.5, 2.0])


@pytest.mark.parametrize("method", ["fbdf", "kvaerno5"])
@pytest.mark.slow
def test_gradients_of_solves(reactor, method):
    table = np.array([0.0, 5.0]), np.array([0.5, 0.6])
    solve = reactor.solver(saveat=TIMES, outputs=("c", "z"), method=method, rtol=1e-7)

    def total(k, E, last):
        values = jnp.stack([jnp.asarray(0.5), last])
        found = solve({"k": k, "E": E}, inputs={"feed": (table[0], values)})
        return jnp.sum(found * jnp.arange(found.size).reshape(found.shape))

    at = (2.0, 3.0, 0.6)
    # One program gives both: XLA takes seconds for each.
    both = jax.jit(jax.value_and_grad(total, (0, 1, 2)))
    _, back = both(*at)
    for k in range(3):
        up, down = (both(*np.array(at) + 1e-4 * sign * np.eye(3)[k])[0] for sign in (1, -1))
        np.testing.assert_allclose((up - down) / 2e-4, back[k], rtol=2e-3)


@pytest.mark.slow
def test_lanes_of_an_ensemble_by_bdf(reactor):
    rates = np.array([1.0, 2.0, 4.0])
    lanes = reactor.ensemble(params={"k": rates}, saveat=TIMES, outputs=("z",), method="fbdf")
    for lane, k in enumerate(rates):
        one = reactor.simulate(params={"k": k}, saveat=TIMES, method="fbdf")
        np.testing.assert_allclose(lanes["z"][lane], one["z"], rtol=1e-6)


@pytest.mark.parametrize(
    ("method", "derived", "outputs"),
    [
        ("rodas5p", False, None),
        pytest.param("rodas5p", True, None, marks=pytest.mark.slow),
        pytest.param("rodas5p", False, ("most", "z"), marks=pytest.mark.slow),
        ("rodas5p", True, "most"),
        pytest.param("fbdf", False, None, marks=pytest.mark.slow),
        pytest.param("fbdf", False, ("most", "z"), marks=pytest.mark.slow),
        pytest.param("fbdf", True, None, marks=pytest.mark.slow),
        pytest.param("fbdf", True, "most", marks=pytest.mark.slow),
    ],
)
def test_solves_are_exported_where_kernels_are_allowed(reactor, method, derived, outputs):
    solve = reactor.solver(saveat=TIMES, method=method, outputs=outputs)

    def end(k):
        return solve({"k": k})[-1].sum()

    function = jax.jit(jax.grad(end) if derived else end)
    number = jax.ShapeDtypeStruct((), float)
    with pytest.raises(ValueError, match="stiffdsl_"):
        export.export(function)(number)
    names = set(re.findall(r"stiffdsl_[\w.]+", function.lower(number).as_text()))
    allowed = [export.DisabledSafetyCheck.custom_call(name) for name in names]
    exported = export.export(function, disabled_checks=allowed)(number)
    np.testing.assert_allclose(exported.call(2.0), function(2.0), rtol=1e-14)


@pytest.mark.parametrize("derived", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_exported_for_any_number_of_lanes(reactor, derived):
    solve = reactor.solver(saveat=TIMES)

    def end(k):
        return solve({"k": k})[-1].sum()

    function = jax.jit(jax.vmap(jax.grad(end) if derived else end))
    (lanes,) = export.symbolic_shape("lanes")
    numbers = jax.ShapeDtypeStruct((lanes,), float)
    names = set(re.findall(r"stiffdsl_[\w.]+", function.lower(np.ones(2)).as_text()))
    allowed = [export.DisabledSafetyCheck.custom_call(name) for name in names]
    exported = export.export(function, disabled_checks=allowed)(numbers)
    for some in ([2.0], [1.0, 2.0, 3.0]):
        np.testing.assert_allclose(exported.call(np.array(some)), function(np.array(some)), rtol=1e-14)
