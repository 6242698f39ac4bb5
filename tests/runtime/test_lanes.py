"""Values that differ between the lanes of an ensemble, and quantities with units in calls from Python."""

from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stiffdsl as sd

TEXT = """
model Tank
  param tau = 10 [s]
  param k[3] = 1 [1/s]
  input u = 1
  input v[2] = 0
  var x start 0
  var z[3] start 1
  var w[2] start 0
  var T [degC] start 30
equations
  tau*der(x) = u - x
  for i in 1..3
    der(z[i]) = -k[i]*z[i]
  end
  for i in 1..2
    tau*der(w[i]) = v[i] - w[i]
  end
  tau*der(T) = 293.15 [K] - T
end
"""
TIMES = [0.0, 5.0, 10.0]
RISE = 1 - np.exp(-np.array(TIMES) / 10)


@pytest.fixture(scope="module")
def model():
    return sd.loads(TEXT)


@pytest.mark.parametrize("given", [[20, 40, 60.0], np.array([20.0, 40, 60]), jnp.array([20.0, 40, 60])])
def test_a_constant_input_for_each_lane(model, given):
    batch = model.ensemble(inputs={"u": given}, saveat=TIMES, outputs=("x",))
    np.testing.assert_allclose(batch["x"], np.outer([20, 40, 60], RISE), rtol=1e-5, atol=1e-7)
    assert batch.to_pandas()["u"].unique().tolist() == [20, 40, 60]


def test_two_lanes_are_no_table(model):
    batch = model.ensemble({"tau": [10.0, 5.0]}, inputs={"u": [2, 4]}, saveat=TIMES)
    right = [2 * RISE, 4 * (1 - np.exp(-np.array(TIMES) / 5))]
    np.testing.assert_allclose(batch["x"], right, rtol=1e-5, atol=1e-7)
    table = model.ensemble({"tau": [10.0, 5.0]}, inputs={"u": ([0, 10], [2, 2])}, saveat=TIMES)
    np.testing.assert_allclose(table["x"][0], right[0], rtol=1e-5, atol=1e-7)


def test_an_array_of_inputs_over_lanes_beside_tables(model):
    rows = np.array([[1.0, 2], [3, 4], [5, 6]])
    tables = [0.0, 5.0], np.outer([1.0, 2, 3], [1, 1])
    batch = model.ensemble(inputs={"v": rows, "u": tables}, saveat=TIMES)
    np.testing.assert_allclose(batch["w"], rows[:, None, :] * RISE[None, :, None], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(batch["x"], np.outer([1, 2, 3], RISE), rtol=1e-5, atol=1e-7)
    assert batch.notes[0].startswith("the figures of the input `u` end at 5 s, and the run ends at 10 s")
    one = model.ensemble(inputs={"v[2]": [1.0, 2]}, saveat=TIMES)
    np.testing.assert_allclose(one["w"][:, -1], [[0, RISE[-1]], [0, 2 * RISE[-1]]], rtol=1e-5, atol=1e-7)


def test_constant_inputs_over_lanes_are_differentiable(model):
    def total(values):
        return model.ensemble(inputs={"u": values}, saveat=[10.0], outputs=("x",))["x"].sum()

    np.testing.assert_allclose(jax.grad(total)(jnp.array([1.0, 2.0])), RISE[-1], rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"params": {"k": [1.0, 2, 3]}}, r"one for each lane; `k` is an array: all of it .* \(lanes, 3\)"),
        (
            {"params": {"k": [1.0, 2, 3, 4]}},
            r"`k\[1\]: \[\.\.\.\]`; what is given, of shape \(4,\), is neither",
        ),
        ({"params": {"k": np.ones((4, 2))}}, r"\(lanes, 3\)"),
        ({"params": {"tau": np.ones((4, 2))}}, r"`tau` takes one number for each lane"),
        ({"params": {"tau": [1.0, 2]}, "inputs": {"u": [1.0, 2, 3]}}, "`u` 3"),
        ({"inputs": {"u": [1.0, np.nan]}}, "finite"),
        ({"inputs": {"v": np.ones((3, 4))}}, r"\(lanes, 2\)"),
        ({"params": {"tau": "5 [s]"}}, "one for each lane"),
    ],
)
def test_what_is_no_value_for_each_lane_is_explained(model, call, message):
    with pytest.raises(ValueError, match=message):
        model.ensemble(saveat=TIMES, **call)


def test_quantities_have_units_where_the_command_line_takes_them(model):
    given = {"tau": "0.16666666666666666 [min]", "k": "{60, 120, 180} [1/min]"}
    sol = model.simulate(time=(0, 10), params=given, initial={"T": "303.15 [K]"}, saveat=TIMES)
    np.testing.assert_allclose(sol["x"], RISE, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(sol["z"][1], np.exp(-5 * np.array([1, 2, 3])), rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(sol["T"], 20 + 10 * (1 - RISE), rtol=1e-6)
    assert model.solver(saveat=TIMES, outputs=("x",))({"tau": "10 [s]"})[-1, 0] == pytest.approx(
        RISE[-1], rel=1e-5
    )
    loose = model.simulate(time=(0, 10), atol={"T": "0.01 [K]"})
    assert loose["T"][-1] == pytest.approx(20 + 10 * np.exp(-1), abs=0.02)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"tau": "5 [K]"}, r"\[K\] does not fit `tau`, which is in \[s\]"),
        ({"tau": "soon"}, "must be a number, or a text like .* not 'soon'"),
        ({"tau": "5 [sek]"}, "declared in"),
        ({"k": "{1, 2}"}, r"has shape \(3,\)"),
    ],
)
def test_a_quantity_that_does_not_fit_is_refused(model, params, message):
    with pytest.raises(ValueError, match=message):
        model.simulate(time=(0, 1), params=params)


def test_a_wrong_output_is_told_when_a_solver_is_made(model):
    with pytest.raises(KeyError, match="no variable `xx`; did you mean `x`"):
        model.solver(saveat=TIMES, outputs=("x", "xx"))
    with pytest.raises(KeyError, match=r"outside 1\.\.3"):
        model.solver(saveat=TIMES, outputs=("z[4]",))


@pytest.mark.parametrize("given", [[1.0, 2.0], [1.0, 2.0, 3.0]])
def test_several_numbers_are_for_ensembles(model, given):
    with pytest.raises(ValueError, match="for the lanes of `ensemble`"):
        model.simulate(time=(0, 1), inputs={"u": given})


def test_a_text_may_hold_the_values_of_all_lanes(model):
    batch = model.ensemble({"tau": "{10, 5} [s]"}, saveat=TIMES, inputs={"u": 1})
    right = [RISE, 1 - np.exp(-np.array(TIMES) / 5)]
    np.testing.assert_allclose(batch["x"], right, rtol=1e-5, atol=1e-7)
    assert batch.to_pandas()["tau"].unique().tolist() == [10, 5]


def test_constant_inputs_travel_to_other_workers(model):
    with ThreadPoolExecutor(2) as pool:
        batch = model.ensemble(inputs={"u": np.arange(70.0)}, saveat=TIMES, outputs=("x",), executor=pool)
    np.testing.assert_allclose(batch["x"], np.outer(np.arange(70.0), RISE), rtol=1e-5, atol=1e-7)


def test_a_solver_tells_what_it_is(model):
    assert repr(model.solver(saveat=TIMES, outputs=("x", "T"))) == "<solver of Tank: x, T at 3 times>"


def test_single_precision_is_not_mixed_in(model):
    calls = (
        lambda: model.simulate(time=(0, 10)),
        lambda: model.solver(saveat=TIMES, outputs=("x",))({"tau": 10.0}),
        lambda: model.ensemble({"tau": [10.0, 5.0]}, saveat=TIMES),
        lambda: model.rhs(0.0, np.zeros(7)),
    )
    jax.config.update("jax_enable_x64", False)
    try:
        for call in calls:
            with pytest.raises(RuntimeError, match='"jax_enable_x64", True'):
                call()
    finally:
        jax.config.update("jax_enable_x64", True)
    assert model.simulate(time=(0, 10))["x"][-1] == pytest.approx(RISE[-1], rel=1e-5)

    text = """\
    model Driven
      input u = 3
      input w = 1
      param a = 1
      var x start 0
    equations
      der(x) = a*u + w - x
    end
    """
    run = {"params": {"a": np.ones(2)}, "saveat": [1.0], "time": (0, 1)}
    model = sd.loads(text)
    for inputs, driven in (({"u": 2.0}, 3), (None, 4), ({"w": 0.0}, 3), ({"w": 0.0, "u": 0.0}, 0), (None, 4)):
        found = model.ensemble(**run, inputs=inputs)["x"][:, 0]
        np.testing.assert_allclose(found, driven * (1 - np.exp(-1)), rtol=1e-5, atol=1e-12)
