"""The facts that a compiled model reports, and the names and values that it takes and refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stiffdsl as sd

TANK = """
model Tank
  param area = 2 [m^2] in 1..3
  param twice = 2*area in 2..6
  param k = 30 [1/min]
  input u = 0.5
  var h [m] start 1
  var T [degC] start 20
  output out = k*h
equations
  der(h) = (u - k*h/1000)/area
  der(T) = -0.1*(T - 20 [degC])
experiment
  time 0..10
end
"""


@pytest.fixture(scope="module")
def model():
    return sd.loads(TANK)


def test_what_follows_others_does_not_vary(model):
    assert model.ranges == {"area": (1.0, 3.0)}
    assert model.parameters["twice"].value == 4.0


def test_values_are_in_declared_units_at_the_surface(model):
    assert model.parameters["k"].value == pytest.approx(30)
    assert model.default_parameters[2] == pytest.approx(0.5)
    assert model.states["T"].value == pytest.approx(20)
    assert model.simulate(params={"k": 60})["k"][0] == pytest.approx(60)


def test_a_dependent_parameter_follows_or_is_given(model):
    assert model.simulate(params={"area": 3})["twice"][-1] == pytest.approx(6)
    assert model.simulate(params={"area": 3, "twice": 1})["twice"][-1] == pytest.approx(1)


def test_inputs_are_numbers_tables_and_functions(model):
    number = model.simulate(inputs={"u": 1.0})["h"][-1]
    table = model.simulate(inputs={"u": ([0.0, 10.0], [1.0, 1.0])})["h"][-1]
    function = model.simulate(inputs={"u": lambda t: 1.0 + 0 * t})["h"][-1]
    np.testing.assert_allclose([table, function], number, rtol=1e-6)


def test_jacobian_is_that_of_the_right_hand_side(model):
    y = jnp.array([1.3, 290.0])
    dense = np.zeros((2, 2))
    pattern = model.jacobian_pattern
    dense[pattern.row, pattern.col] = model.jacobian(0.0, y, {"area": 2.5})
    np.testing.assert_allclose(dense, jax.jacfwd(lambda y: model.rhs(0.0, y, {"area": 2.5}))(y), rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda m: m.simulate(params={"aria": 1}), KeyError, "did you mean `area`"),
        (lambda m: m.simulate(params={"h": 1}), KeyError, "`h` is a variable of the model"),
        (lambda m: m.simulate(params={"u": 1}), KeyError, "`u` is an input of the model, not a parameter"),
        (lambda m: m.simulate(params={"area": float("nan")}), ValueError, "must be finite"),
        (lambda m: m.simulate(params={"area": "wide"}), ValueError, "must be a number"),
        (lambda m: m.simulate(initial={"out": 1}), ValueError, "is computed from the states"),
        (lambda m: m.simulate(time=(0,)), ValueError, "is a pair"),
        (
            lambda m: m.simulate(time=(0, 1), saveat=[2.0]),
            ValueError,
            "holds 2, which lies outside the time 0..1",
        ),
        (lambda m: m.simulate(saveat=[2.0, 1.0, 3.0]), ValueError, "must ascend"),
        (lambda m: m.simulate(method="rodas"), ValueError, "no method `rodas`"),
        (lambda m: m.ensemble({"area": 1.0}), ValueError, "one for each lane"),
        (lambda m: m.surrogate(vary={"area": (3, 1)}), ValueError, "must be finite and ascend"),
    ],
)
def test_what_makes_no_sense_is_said(model, call, kind, message):
    with pytest.raises(kind, match=message.replace("(", r"\(")):
        call(model)


def test_initial_values_by_name(model):
    assert model.simulate(initial={"h": 2.0, "T": 30.0})["T"][0] == pytest.approx(30.0)


def test_the_function_of_a_solver_inside_and_outside_of_jit(model):
    """Called as it stands it is compiled for the places that are given; whatever is given, the numbers are the same."""
    solve = model.solver(saveat=[0.0, 1.0], outputs=("h", "T"))

    def of(area, start):
        return solve({"area": area}, {"h": start})

    def end(area, start):
        return of(area, start)[-1].sum()

    back = jax.grad(end, (0, 1))(2.0, 1.5)
    np.testing.assert_allclose(of(2.0, 1.5), jax.jit(of)(2.0, 1.5), rtol=1e-14)
    np.testing.assert_allclose(back, jax.jit(jax.grad(end, (0, 1)))(2.0, 1.5), rtol=1e-12)
    np.testing.assert_allclose(solve()[:, 0], model.simulate(saveat=[0.0, 1.0])["h"], rtol=1e-12)
    np.testing.assert_allclose(solve({"k": 20.0})[-1], solve({"k": 20.0, "area": 2.0})[-1], rtol=1e-14)
    driven = solve(inputs={"u": (np.array([0.0, 1.0]), np.array([0.5, 0.5]))})
    np.testing.assert_allclose(driven, solve(inputs={"u": 0.5}), rtol=1e-6)


def test_a_run_leaves_nothing_behind(model):
    """Calls share what does not change between them, and no values."""
    first = model.simulate(saveat=[1.0]).y
    given = model.simulate(params={"area": 3.0}, inputs={"u": 2.0}, initial={"h": 4.0}, saveat=[1.0]).y
    assert not np.allclose(first, given)
    np.testing.assert_array_equal(model.simulate(saveat=[1.0]).y, first)
