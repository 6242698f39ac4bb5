"""A surrogate answers the calls of a model: by name, in declared units, under JAX, and honestly outside its domain."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stiffdsl.solve.integrate.solution import OutsideDomainWarning
from stiffdsl.surrogate.methods.expansion.expansion import Reader

SLOW, FAST = 0.12, 900.0


def exact(t, slow=SLOW, fast=FAST):
    return slow / (fast - slow) * (np.exp(-slow * t) - np.exp(-fast * t))


def test_simulate_answers_by_name(chain):
    solution = chain.simulate(params={"slow": SLOW, "fast": FAST})
    assert solution.success
    assert solution.names == ["A", "B", "C"]
    assert np.array_equal(solution.t, chain.times)
    assert np.allclose(solution["B"][1:], exact(solution.t[1:]), rtol=1e-5)
    assert solution["A"][0] == 1.0
    assert solution["B"][0] == 0.0
    with pytest.raises(KeyError, match="no output `D`"):
        solution["D"]


def test_any_time_is_answered(chain):
    t = np.geomspace(3e-6, 9.9, 301)
    solution = chain.simulate(params={"slow": SLOW, "fast": FAST})
    for values in (chain.simulate(params={"slow": SLOW, "fast": FAST}, saveat=t)["B"], solution(t)["B"]):
        assert np.allclose(values, exact(t), rtol=1e-4)
    # Before the first time learnt: on the line from the start.
    assert chain.simulate(params={"slow": SLOW}, saveat=[5e-7])["B"][0] == pytest.approx(
        5e-7 * SLOW, rel=1e-2
    )
    assert len(chain.simulate(points=17).t) == 17
    assert chain.simulate(time=(0, 1.0)).t[-1] == 1.0


def test_other_times_are_refused(chain):
    for wrong in ({"saveat": [11.0]}, {"time": (0.0, 20.0)}, {"time": (1.0, 2.0)}, {"saveat": [np.nan]}):
        with pytest.raises(ValueError, match=r"0(\.\.| to )10"):
            chain.simulate(**wrong)


def test_inputs_and_initial_values_are_refused(chain):
    with pytest.raises(ValueError, match="trained with the inputs as they were"):
        chain.simulate(inputs={"u": 1.0})
    with pytest.raises(
        ValueError, match="not trained for other start values of `A`; train it with the name in `vary`"
    ):
        chain.solver()({"slow": SLOW}, initial={"A": 2.0})


def test_parameters_by_name(mixed, six):
    with pytest.raises(KeyError, match="no parameter `ww`; did you mean `w`"):
        mixed.simulate(params={"ww": 4.0})
    mixed.simulate(params={"mass": 2.0})
    with pytest.raises(ValueError, match="trained with `mass` = 2"):
        mixed.simulate(params={"mass": 3.0})
    whole = six.simulate(params={"k": np.linspace(0.7, 1.2, 6)})
    each = six.simulate(params={f"k[{i + 1}]": k for i, k in enumerate(np.linspace(0.7, 1.2, 6))})
    assert np.array_equal(whole.y, each.y)
    assert whole["v"].shape == (50, 2)
    assert np.array_equal(whole["v"][:, 1], whole["v[2]"])
    assert np.all(whole["k"] == np.linspace(0.7, 1.2, 6))
    assert six.parameters["k[1]"].range == (0.5, 1.5)


def test_jit_vmap_and_grad(chain):
    at = 0.01
    solve = chain.solver(saveat=[at], outputs=("B",))

    def value(slow):
        return solve({"slow": slow, "fast": FAST})[0, 0]

    assert value(SLOW) == pytest.approx(exact(at), rel=1e-5)
    many = jax.jit(jax.vmap(value))(jnp.linspace(0.06, 0.14, 5))
    assert np.allclose(many, exact(at, np.linspace(0.06, 0.14, 5)), rtol=1e-5)
    step = 1e-6
    slope = (exact(at, SLOW + step) - exact(at, SLOW - step)) / (2 * step)
    assert jax.grad(value)(SLOW) == pytest.approx(slope, rel=1e-3)
    assert jax.jacfwd(value)(SLOW) == pytest.approx(slope, rel=1e-3)
    # At a training sample, where a distance is zero.
    assert np.isfinite(jax.grad(value)(0.1))


def test_ensemble(chain):
    slow = np.linspace(0.06, 0.14, 700)
    batch = chain.ensemble({"slow": slow, "fast": FAST}, saveat=[1e-4, 1.0], outputs=("B", "A"))
    assert batch["A"].shape == (700, 2)
    assert batch.success.all()
    assert np.allclose(batch["B"][:, 1], exact(1.0, slow), rtol=1e-5)
    assert np.allclose(
        chain.predict(np.stack([slow, np.full(700, FAST)], 1), [1.0])[:, 0, 1], batch["B"][:, 1]
    )
    one = chain.simulate(params={"slow": slow[7], "fast": FAST}, saveat=[1e-4, 1.0])
    assert np.allclose(one["A"], batch["A"][7], rtol=1e-12)
    with pytest.raises(ValueError, match="at least one array"):
        chain.ensemble({"slow": 0.1})
    with pytest.raises(ValueError, match="same length"):
        chain.ensemble({"slow": slow, "fast": slow[:3]})


def test_ensemble_of_arrays(six):
    lanes = np.random.default_rng(0).uniform(0.6, 1.4, (5, 6))
    assert np.array_equal(six.ensemble({"k": lanes}).values, six.predict(lanes))


def test_small_modes_of_a_large_table_need_half_of_the_digits(six):
    lanes = np.random.default_rng(1).uniform(0.6, 1.4, (20, 6))
    exact = six.predict(lanes)
    coarse = Reader(six.expansion, six.times, np.arange(3), cached=0)(np, lanes)
    assert not np.array_equal(coarse, exact)
    assert np.allclose(coarse, exact, rtol=1e-8, atol=1e-8)


def test_outside_of_the_domain_it_warns_by_how_much(chain):
    before = chain.counts["outside"]
    with pytest.warns(
        OutsideDomainWarning, match=r"`slow` = 0.2 lies outside 0.05..0.15 by 50 % of the range"
    ):
        chain.simulate(params={"slow": 0.2})
    with pytest.warns(OutsideDomainWarning, match=r"\(2 of 3 lanes\)"):
        chain.ensemble({"slow": np.array([0.1, 0.2, 0.01])})
    with pytest.warns(OutsideDomainWarning):
        chain.solver()({"slow": 0.2})
    with pytest.warns(OutsideDomainWarning, match="full model is not at hand"):
        chain.simulate(params={"slow": 0.2}, fallback=True)
    assert chain.counts["outside"] == before + 5
    chain.simulate(params={"slow": 0.15})


def test_outside_the_full_model_answers_where_that_is_asked(mixed):
    assert mixed.simulate(params={"w": 9.0}, fallback=True) == "solved for w = 9.0"
    batch = mixed.ensemble({"w": np.array([4.0, 9.0])}, fallback=True)
    assert np.all(batch["x"][1] == 42.0)
    assert not np.any(batch["x"][0] == 42.0)
    assert mixed.counts["fallback"] == 2


def test_intervals_hold_the_truth(chain):
    t = chain.times[1:]
    low, high = chain.interval({"slow": SLOW, "fast": FAST}, saveat=t, level=0.95)["B"]
    assert np.all((low > 0) & (low <= high))
    inside = (low <= exact(t)) & (exact(t) <= high)
    assert inside.mean() > 0.6
    with pytest.raises(ValueError, match="calibrated for"):
        chain.interval(level=0.42)


def test_tables(chain):
    frame = chain.simulate().to_pandas()
    assert list(frame.columns) == ["A", "B", "C"]
    assert chain.simulate().to_xarray()["A"].attrs["units"] == "mol"
    assert "worst relative error" in repr(chain)
