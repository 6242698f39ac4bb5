"""Values and Jacobians of networks in programs, against NumPy's and differences."""

import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.diagnostics import ModelError
from stiffdsl.program.interpret import run
from stiffdsl.program.lower import lower
from tests.networks import own

PLAIN = """
network f(x[2]) -> dx[2] hidden 5, 3 activation {activation} scale x by {{2, 3}}, dx by 4
model M
  param k = 2
  var x[2] start 1
equations
  der(x) = f(x) - k*x
end
"""
ROOMS = """
network shared(T [degC], Q) -> q [kW] hidden 6 scale Q by 100
model Room
  param C = 1e3 [J/K]
  param scales[2] = {{300, 20}}
  input Q = 0 [W]
  network g(x[2]) -> q [W] hidden 5, 4 activation silu scale x by scales, q by 100
  var T [K] start 290
  var W start 1
equations
  C*der(T) = g({{T, W}}) + shared(T, Q) + Q
  der(W) = -W
end
model House
  const N = {count}
  part rooms[N] : Room(Q = (100*i for i in 1..N))
end
"""


def dense(program, values):
    found = np.zeros((program.size, program.size))
    found[program.rows, program.columns] = values
    return found


@pytest.mark.parametrize("activation", own.ACTIVATIONS)
@pytest.mark.parametrize("by_number", [True, False])
def test_values_and_jacobian_of_each_activation(activation, by_number):
    model = sd.loads(PLAIN.format(activation=activation))
    program = lower(model.program.system, by_number)
    p, networks = own.random_weights(model)
    y = np.array([0.7, -1.3])
    expected = 4 * own.result(*networks["f"][0], activation, y / [2, 3]) - 2 * y
    none = np.zeros(0)
    assert run(program, "rhs", 0.0, y, p, none) == pytest.approx(expected, rel=1e-14)
    jacobian = dense(program, run(program, "jacobian", 0.0, y, p, none))
    assert jacobian == pytest.approx(own.slopes(lambda y: run(program, "rhs", 0.0, y, p, none), y), abs=1e-8)
    assert np.asarray(model.rhs(0.0, y, p)) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("by_number", [True, False])
def test_parts_have_networks_of_their_own_and_share_those_of_files(by_number):
    model = sd.loads(ROOMS.format(count=3))
    program = lower(model.program.system, by_number)
    p, networks = own.random_weights(model)
    random = np.random.default_rng(1)
    names = model.names_of_y
    y = np.array([random.uniform(280, 300) if ".T" in name else random.uniform(0, 9) for name in names])
    u = np.zeros(0)
    values, expected = dict(zip(names, y, strict=True)), {}
    for i in range(3):
        T, W, Q = values[f"rooms[{i + 1}].T"], values[f"rooms[{i + 1}].W"], 100.0 * (i + 1)
        gain = 100 * own.result(*networks["rooms.g"][i], "silu", [T / 300, W / 20])[0]
        gain += 1e3 * own.result(*networks["shared"][0], "tanh", [T - 273.15, Q / 100])[0]
        expected |= {f"rooms[{i + 1}].T": (gain + Q) / 1e3, f"rooms[{i + 1}].W": -W}
    f = run(program, "rhs", 0.0, y, p, u)
    assert f == pytest.approx([expected[name] for name in names], rel=1e-13)
    jacobian = dense(program, run(program, "jacobian", 0.0, y, p, u))
    assert jacobian == pytest.approx(own.slopes(lambda y: run(program, "rhs", 0.0, y, p, u), y), abs=1e-7)


def test_a_network_in_a_family_is_one_product_however_many_members_it_has():
    sizes = [[f.operations for f in sd.loads(ROOMS.format(count=n)).program.functions] for n in (50, 300)]
    assert sizes[0] == sizes[1]


def test_a_network_of_many_weights_takes_no_more_operations():
    def operations(width):
        text = (
            f"network f(x[2]) -> dx[2] hidden {width}, {width}\n"
            + PLAIN.format(activation="tanh").split("\n", 2)[2]
        )
        return [f.operations for f in sd.loads(text).program.functions]

    assert operations(4) == operations(90)


def test_a_constraint_by_a_network_is_differentiated_twice():
    """The index is three: u keeps z at the network's value of x."""
    text = (
        "network g(x) -> z hidden 4 activation sin\nmodel M\n  var x start 0.3\n  var z\n  var v\n  var u\n"
        "equations\n  der(x) = 1 - x\n  der(z) = v\n  der(v) = u\n  z = g(x)\nend\n"
    )
    model = sd.loads(text)
    p, networks = own.random_weights(model)
    weights, biases = networks["g"][0]

    def g(x):
        return own.result(weights, biases, "sin", [x])[0]

    y = np.array([0.3])
    every, names = run(model.program, "variables", 0.0, y, p, np.zeros(0)), model.variable_names
    values = dict(zip(names.scalars(), every[names.numbers()], strict=True))
    h, x = 1e-4, 0.3
    slope, bend = (g(x + h) - g(x - h)) / (2 * h), (g(x + h) - 2 * g(x) + g(x - h)) / h**2
    rate = 1 - x
    assert values["z"] == pytest.approx(g(x), rel=1e-14)
    assert values["v"] == pytest.approx(slope * rate, rel=1e-6)
    assert values["u"] == pytest.approx(bend * rate**2 - slope * rate, rel=1e-5)


def test_numbers_go_over_arrays_element_by_element():
    text = (
        "network g(a, b) -> c hidden 3\nmodel M\n  param s = 2\n  var x[4] start (0.1*i for i in 1..4)\n"
        "equations\n  der(x) = g(x, s)\nend\n"
    )
    model = sd.loads(text)
    p, networks = own.random_weights(model)
    y = np.array([0.1, 0.2, 0.3, 0.4])
    expected = [own.result(*networks["g"][0], "tanh", [v, 2.0])[0] for v in y]
    assert run(model.program, "rhs", 0.0, y, p, np.zeros(0)) == pytest.approx(expected, rel=1e-14)


def test_initial_weights_follow_from_seed_and_name():
    text = "network {}(x) -> y hidden 8 seed {}\nmodel M\n  var x start 1\nequations\n  der(x) = {}(x)\nend\n"

    def weights(name, seed):
        return sd.loads(text.format(name, seed, name)).parameters[name].weights[0]

    assert np.array_equal(weights("g", 3), weights("g", 3))
    assert not np.allclose(weights("g", 3), weights("g", 4))
    assert not np.allclose(weights("g", 3), weights("h", 3))
    assert np.abs(weights("g", 3)).max() <= np.sqrt(6 / 9)
    assert weights("g", 3)[:2, 0] == pytest.approx([-0.426170315428223, 0.56121400686623], abs=1e-12)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("der(x) = f({1, 2})", "an array of 3"),
        ("der(x) = f({1, 2})[1]*x", "`x` of `f` is an array of 3, this is an array of 2"),
    ],
)
def test_arrays_of_other_sizes_are_told(line, told):
    text = f"network f(x[3]) -> y[3] hidden 4\nmodel M\n  var x[2] start 1\nequations\n  {line}\nend\n"
    with pytest.raises(ModelError, match=r"E0305") as error:
        sd.loads(text)
    assert told in str(error.value)


def test_a_layer_without_width_is_told():
    with pytest.raises(ModelError, match=r"E0304.*no width"):
        sd.loads("network f(x) -> y hidden 0\nmodel M\n  var x start 1\nequations\n  der(x) = f(x)\nend\n")


def test_a_scale_of_zero_is_told():
    text = "model M\n  const z = 0\n  network g(x) -> r hidden 2 scale x by z\n  var x start 1\n"
    with pytest.raises(ModelError, match=r"E0308.*the scale of `x` is zero"):
        sd.loads(text + "equations\n  der(x) = g(x)\nend\n")
