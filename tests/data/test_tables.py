"""Tables as functions in equations: values and derivatives against SciPy's interpolation, in both tiers."""

import pickle

import jax
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.interpolate import PchipInterpolator, RegularGridInterpolator

import stiffdsl as sd
from stiffdsl.diagnostics import ModelError
from stiffdsl.program.interpret import run
from stiffdsl.solve.base.status import Status

_RANDOM = np.random.default_rng(7)
X = np.sort(_RANDOM.uniform(0, 1, 9))
Y = np.cumsum(_RANDOM.normal(size=9))


def straight(x):
    k = np.clip(np.searchsorted(X, x, side="right") - 1, 0, len(X) - 2)
    return Y[k] + (x - X[k]) * (Y[k + 1] - Y[k]) / (X[k + 1] - X[k])


def smooth(x):
    inner, at = PchipInterpolator(X, Y), np.clip(x, X[0], X[-1])
    return inner(at) + (x - at) * inner(at, 1)


def step(x):
    return Y[np.clip(np.searchsorted(X, x, side="right") - 1, 0, len(X) - 1)]


def held(function):
    return lambda x: function(np.clip(x, X[0], X[-1]))


def repeated(function):
    return lambda x: function(X[0] + np.mod(x - X[0], X[-1] - X[0]))


CASES = {
    ("linear", "hold"): held(straight),
    ("linear", "extend"): straight,
    ("linear", "repeat"): repeated(straight),
    ("cubic", "hold"): held(smooth),
    ("cubic", "extend"): smooth,
    ("cubic", "repeat"): repeated(smooth),
    ("constant", "hold"): step,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    rows = "".join(f"{x!r};{y!r}\n" for x, y in zip(X.tolist(), Y.tolist(), strict=True))
    (folder / "f.csv").write_text("# measured\narg;val\n" + rows)
    return folder


def curve(folder, method: str, outside: str, size: int = 4):
    text = f"""
model M
  const N = {size}
  table f = csv("f.csv", x = "arg", y = "val", method = {method}, outside = {outside})
  param k = 1 in 0.5..2
  var z[N] start (0.2 + 0.5*(i - 1)/N for i in 1..N)
  output w = f(z[1])
equations
  for i in 1..N
    der(z[i]) = 0.3*f(z[i]) - k*z[i]
  end
end
"""
    (folder / "m.sml").write_text(text)
    return sd.load(folder / "m.sml")


@pytest.mark.parametrize(("method", "outside"), CASES)
def test_values_and_the_jacobian(folder, method, outside):
    model, f = curve(folder, method, outside), CASES[method, outside]
    program, p = model.program, model.default_parameters
    for y in ([0.11, 0.4, 0.63, 0.9], [-0.4, 1.3, 2.2, -3.1]):
        y = np.array(y)
        np.testing.assert_allclose(run(program, "rhs", 0.0, y, p, []), 0.3 * f(y) - y, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(model.rhs(0.0, y, p), 0.3 * f(y) - y, rtol=1e-12, atol=1e-13)
        slope = 0.3 * (f(y + 1e-6) - f(y - 1e-6)) / 2e-6 - 1
        np.testing.assert_allclose(run(program, "jacobian", 0.0, y, p, []), slope, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("method", ["linear", "cubic"])
def test_both_tiers_solve_as_scipy_does(folder, method):
    model, f = curve(folder, method, "extend"), CASES[method, "extend"]
    exact = solve_ivp(
        lambda t, z: 0.3 * f(z) - z, (0, 2), model.start_values[:4], "Radau", rtol=1e-10, atol=1e-12
    ).y[:, -1]
    for name in ("rodas5p", "kvaerno5") if method == "linear" else ("rodas5p",):
        solution = model.simulate(time=(0, 2), method=name, rtol=1e-9, atol=1e-11)
        assert solution.stats["tier"] == ("native" if name == "rodas5p" else "portable")
        np.testing.assert_allclose(solution["z"][-1], exact, rtol=1e-7, atol=5e-8)


def test_derivatives_of_solves(folder):
    model = curve(folder, "cubic", "extend", 2)
    solve = model.solver(saveat=[1.0, 2.0], outputs=("z",), rtol=1e-10, atol=1e-12)

    def end(k):
        return solve({"k": k})[-1, 0]

    difference = float(end(1.3 + 1e-5) - end(1.3 - 1e-5)) / 2e-5
    assert float(jax.grad(end)(1.3)) == pytest.approx(difference, rel=1e-6)
    assert float(jax.jvp(end, (1.3,), (1.0,))[1]) == pytest.approx(difference, rel=1e-6)
    ks = np.array([0.7, 1.0, 1.9])
    batch = model.ensemble({"k": ks}, saveat=[2.0], outputs=("z",), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(batch["z"][:, 0, 0], [end(k) for k in ks], rtol=1e-9)


@pytest.mark.slow
def test_derivatives_by_the_values_of_a_table(folder):
    model = curve(folder, "cubic", "extend", 1)
    solve = model.solver(saveat=[0.3], outputs=("z",), rtol=1e-8, atol=1e-10)

    def end(values):
        return solve({"f.values": values})[0, 0]

    bump = _RANDOM.normal(size=len(Y))
    slope = float(jax.jvp(end, (jax.numpy.asarray(Y),), (jax.numpy.asarray(bump),))[1])
    difference = float(end(Y + 1e-5 * bump) - end(Y - 1e-5 * bump)) / 2e-5
    assert slope == pytest.approx(difference, rel=1e-5)


def test_other_figures_need_no_other_program(folder):
    model = curve(folder, "linear", "extend", 1)
    programs = model.program.by_name["rhs"].ops
    plain = model.simulate(time=(0, 1))["z"][-1]
    other = model.simulate(time=(0, 1), params={"f.values": 2 * Y})["z"][-1]
    assert abs(plain - other) > 1e-3
    assert model.program.by_name["rhs"].ops is programs
    with pytest.raises(ValueError, match="shape"):
        model.simulate(time=(0, 1), params={"f.values": [1, 2]})


def test_a_long_table_costs_no_more_operations(tmp_path):
    counts = []
    for rows in (10, 20_000):
        x = np.linspace(0, 1, rows)
        np.savetxt(tmp_path / "f.csv", np.c_[x, np.sin(x)], delimiter=",", header="x,y", comments="")
        (tmp_path / "m.sml").write_text(
            'model M\n  table f = csv("f.csv")\n  var z start 0.5\nequations\n  der(z) = f(z) - z\nend\n'
        )
        model = sd.load(tmp_path / "m.sml")
        counts.append(model.program.operations)
        assert model.simulate(time=(0, 0.5)).success
    assert counts[0] == counts[1]


def test_arrays_and_parts_that_share_a_table_are_one_family():
    text = """
table ocv = {(0, 3), (0.2, 3.5), (0.5, 3.7), (1, 4.2)}

model Cell
  table own(soc [1]) [V] = {(0, 3), (1, 4)}
  param k = 1
  var x start 0.5
  output v [V] = own(x)
equations
  der(x) = -k*ocv(x)*x
end

model Pack
  const N = 1000
  part cells[N] : Cell
  part one : Cell
  part two : Cell(own = {(0, 5), (1, 6)})
end
"""
    model = sd.loads(text)
    flat = model.program.system.flat
    assert sorted(t.name for t in flat.tables) == ["Cell.own", "ocv", "two.own"]
    solution = model.simulate(time=(0, 0.1))
    assert solution["one.v"][0] == pytest.approx(3.5)
    assert solution["two.v"][0] == pytest.approx(5.5)
    assert solution["cells.v"][0, 7] == pytest.approx(3.5)


def test_two_arguments_on_a_grid(tmp_path):
    a, b = np.array([0.0, 1.0, 3.0]), np.array([-1.0, 0.5, 2.0, 4.0])
    z = np.add.outer(a**2, b) * np.cos(b)
    rows = [(x, y, z[i, j]) for i, x in enumerate(a.tolist()) for j, y in enumerate(b.tolist())]
    _RANDOM.shuffle(rows)
    (tmp_path / "g.csv").write_text("p,q,r\n" + "".join(f"{x},{y},{float(v)!r}\n" for x, y, v in rows))
    (tmp_path / "m.sml").write_text(
        'model M\n  table g(a, b) = csv("g.csv", x = "p", y = "q", z = "r", outside = hold)\n'
        "  var x start 0.7\n  var y start 1\nequations\n  der(x) = g(x, y)\n  der(y) = -g(x, 2*y)*x\nend\n"
    )
    model, exact = sd.load(tmp_path / "m.sml"), RegularGridInterpolator((a, b), z)
    program, p = model.program, model.default_parameters

    def g(x, y):
        return exact(np.array([np.clip(x, 0, 3), np.clip(y, -1, 4)]))[0]

    def f(v):
        return np.array([g(v[0], v[1]), -g(v[0], 2 * v[1]) * v[0]])

    for v in ([0.7, 1.05], [2.2, -0.3], [3.5, 1.1]):
        v = np.array(v)
        np.testing.assert_allclose(run(program, "rhs", 0.0, v, p, []), f(v), rtol=1e-12)
        slopes = np.array([(f(v + e) - f(v - e)) / 2e-6 for e in 1e-6 * np.eye(2)]).T
        found = np.zeros((2, 2))
        found[program.rows, program.columns] = run(program, "jacobian", 0.0, v, p, [])
        np.testing.assert_allclose(found, slopes, rtol=1e-6, atol=1e-8)
    end = solve_ivp(lambda t, v: f(v), (0, 0.5), [0.7, 1.0], "Radau", rtol=1e-9, atol=1e-11).y[:, -1]
    solution = model.simulate(time=(0, 0.5), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose([solution["x"][-1], solution["y"][-1]], end, rtol=1e-6)


def test_units_of_arguments_and_columns(tmp_path):
    (tmp_path / "f.csv").write_text("T [degC],p [mbar]\n0,6.1\n20,23.4\n40,73.8\n")
    (tmp_path / "m.sml").write_text(
        'model M\n  table sat(T [degC]) [Pa] = csv("f.csv", x = "T", y = "p" [mbar])\n'
        '  table bare = csv("f.csv")\n  var T [K] start 303.15\n  output p [hPa] = sat(T)\n  output q [Pa] = bare(T)\n'
        "  output fixed [Pa] = sat(10)\nequations\n  der(T) = 0.0 [K/s]\nend\n"
    )
    solution = sd.load(tmp_path / "m.sml").simulate(time=(0, 1))
    assert solution["p"][0] == pytest.approx(48.6)
    assert solution["q"][0] == pytest.approx(4860)
    assert solution["fixed"][0] == pytest.approx(1475)


OUTSIDE = """
model M
  table f(x [degC]) [W] = {(0, 1), (10, 2), (20, 2.5)}
  param k = 1 [K/s] in 0.5..2
  var T [degC] start 5
  output w [W] = f(T)
equations
  der(T) = k
end
"""


def test_arguments_outside_of_a_table_are_told():
    model = sd.loads(OUTSIDE)
    assert model.simulate(time=(0, 14.9)).success
    solution = model.simulate(time=(0, 30))
    assert not solution.success
    assert "the table `f` has no value at 20 [degC]" in solution.reason
    assert "at time 15 s" in solution.reason
    assert solution.t[-1] < 15
    full = model.solver(saveat=[5.0, 14.0, 16.0, 20.0], outputs=("w",)).full({"k": 1.0})
    np.testing.assert_allclose(full.values[:, 0], [2.0, 2.45, np.nan, np.nan])
    assert not full.success
    batch = model.ensemble({"k": [0.5, 1.0]}, time=(0, 20), saveat=[1.0, 20.0], outputs=("w",))
    assert batch.success.tolist() == [True, False]


SWINGS = """
model M
  table f(x [degC]) [W] = {(0, 1), (10, 2), (20, 2.5)}
  param a = 4 [K]
  var T [degC] start 10
  var v start 0 [K/s]
  output w [W] = f(T)
equations
  der(T) = v
  der(v) = a*(2*pi/10 [s])^2*cos(2*pi*time/10 [s])
end
"""


@pytest.mark.parametrize("method", ["rodas5p", pytest.param("fbdf", marks=pytest.mark.slow)])
def test_what_leaves_a_table_between_the_times_saved_is_told(method):
    """T is 10 + a*(1 - cos(2 pi t/10)): beyond 20 in between for a > 5, and back at the times saved."""
    model = sd.loads(SWINGS)
    solve = model.solver([2.0, 10.0, 20.0], ["w"], method=method)
    inside, left = solve.full({"a": 4.0}), solve.full({"a": 8.0})
    assert inside.success
    np.testing.assert_allclose(inside.values[1:, 0], 2.0, atol=1e-4)
    assert left.status == Status.OUTSIDE
    at = 10 + 8 * (1 - np.cos(0.4 * np.pi))
    np.testing.assert_allclose(left.values[:, 0], [2 + 0.05 * (at - 10), np.nan, np.nan], rtol=1e-4)
    slopes = jax.jit(jax.jacrev(lambda a: solve({"a": a})[:, 0]))(8.0)
    np.testing.assert_allclose(slopes, [0.05 * (at - 10) / 8, np.nan, np.nan], rtol=1e-4)
    lanes = model.ensemble({"a": np.linspace(4, 6, 20)}, time=(0, 20), saveat=[20.0], method=method)
    assert lanes.success.tolist() == [True] * 10 + [False] * 10
    assert "the table `f` has no value at 20 [degC]" in repr(lanes.details)
    solution = model.simulate(params={"a": 8}, time=(0, 20), saveat=[2.0, 10.0, 20.0], method=method)
    assert solution.t.tolist() == [2.0]
    assert "found at time 2.9021" in solution.reason


def test_the_written_module_holds_the_tables(folder, tmp_path, monkeypatch):
    model = curve(folder, "cubic", "hold", 2)
    model.write(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    import m as written  # pyright: ignore[reportMissingImports]

    p, y = written.parameters(), np.array([0.4, 0.6])
    np.testing.assert_array_equal(written.rhs(0.0, y, p), model.rhs(0.0, y))
    assert "f.values" in (written.__doc__ or "")


PULSE = """
model M
  table f = {(0, 0), (500, 0), (500.01, 1), (500.02, 0), (4000, 0)}
  param k = 1
  var c start 0
  var x[2] start 0
equations
  der(c) = k
  der(x[1]) = f(time) - 1e-4*x[1]
  der(x[2]) = f(2*c + 100) - 1e-4*x[2]
end
"""


def test_steps_end_where_tables_of_time_bend():
    model = sd.loads(PULSE)
    exact = [0.01 * np.exp(-0.02), 0.005 * np.exp(-0.05)]
    solution = model.simulate(time=(0, 700), rtol=1e-8)
    np.testing.assert_allclose(solution["x"][-1], exact, rtol=1e-4)
    assert np.min(np.abs(solution.t - 500.01)) < 1e-9
    assert np.min(np.abs(solution.t - 200.005)) < 1e-9
    batch = model.ensemble({"k": [1.0, 2.0]}, saveat=[700.0], outputs=("x",), rtol=1e-8)
    np.testing.assert_allclose(batch["x"][0, 0], exact, rtol=1e-4)
    np.testing.assert_allclose(batch["x"][1, 0, 1], 0.0025 * np.exp(-0.06), rtol=1e-4)


def test_tables_in_constraints_loops_conditions_and_events():
    table = "  table f = {(0, 0), (1, 1), (2, 4), (3, 9)}\n"

    def f(x):
        return np.interp(x, [0, 1, 2, 3], [0, 1, 4, 9])

    tied = sd.loads(
        f"model M\n{table}  var x start 0.5\n  var y\n  var z\nequations\n  der(x) + der(y) = 1\n  y = f(x)\n"
        "  z + f(z) = x + 1\nend\n"
    ).simulate(time=(0, 3), rtol=1e-8)
    np.testing.assert_allclose(tied["x"] + f(tied["x"]), 1 + tied.t, rtol=1e-7)
    np.testing.assert_allclose(tied["z"] + f(tied["z"]), tied["x"] + 1, rtol=1e-6)
    loop = sd.loads(
        f"model M\n{table}  param a = f(1.5)\n  var x start 0.1*a + f(0.5)\n  var p\n  var q\nequations\n"
        "  der(x) = if f(x) > 2 then -1 else 1\n  p + q = f(x)\n  p - 2*q = f(2*x)\nend\n"
    ).simulate(time=(0, 0.3))
    np.testing.assert_allclose(loop["p"][-1], (2 * f(1.05) + f(2.1)) / 3, rtol=1e-5)
    stopped = sd.loads(
        f'model M\n{table}  var q start 2.5\nequations\n  der(q) = -1\n  when f(q) < 2.5\n    stop "low"\n  end\nend\n'
    ).simulate(time=(0, 2))
    assert stopped.t[-1] == pytest.approx(1.0, rel=1e-9)


def test_figures_are_handed_over_by_name(folder):
    model = curve(folder, "linear", "hold", 1)
    assert repr(model.tables["f"]) == "<table f(x): 9 rows, linear, outside hold>"
    np.testing.assert_allclose(model.tables["f"].values, Y)
    solution = model.simulate(time=(0, 1), tables={"f": (X, 2 * Y)})
    np.testing.assert_allclose(solution["w"][0], 2 * straight(solution["z"][0, 0]))
    with pytest.raises(ValueError, match="`f` has 9 rows"):
        model.simulate(time=(0, 1), tables={"f": ([0, 1], [1, 2])})
    with pytest.raises(ValueError, match=r"give them to `load\(tables=…\)`"):
        model.simulate(time=(0, 1), tables={"f": ([0, 1], [1, 2])})
    with pytest.raises(ValueError, match=r"`f\.x` of the table must ascend"):
        model.simulate(time=(0, 1), tables={"f": (X[::-1], Y)})
    with pytest.raises(KeyError, match="no table `g`"):
        model.simulate(time=(0, 1), tables={"g": (X, Y)})


@pytest.mark.parametrize("method", ["linear", "cubic", "constant"])
def test_solutions_are_checked_against_tables_of_scipy(folder, method):
    check = curve(folder, method, "hold", 1).simulate(time=(0, 0.2), check=True, rtol=1e-8).check
    assert check.ok, str(check)


def test_another_process_needs_no_files(folder):
    model = curve(folder, "linear", "hold", 1)
    assert [name for name, _ in model.origin.files] == ["f.csv"]
    again = model.origin.found_data("f.csv", model.origin.source)
    assert again.headings == ("arg", "val")


def test_figures_of_a_run_in_an_ensemble():
    model = sd.loads(
        "model M\n  table f = {(0, 1), (1, 2), (10, 3)}\n  param k = 1\n  var x start 0\n"
        "equations\n  der(x) = k*f(x)\nend\n"
    )
    batch = model.ensemble(
        {"k": [1.0, 2.0]}, time=(0, 1), saveat=[1.0], tables={"f": ([0, 2, 10], [2, 2, 2])}
    )
    assert batch["x"][:, 0] == pytest.approx([2.0, 4.0])


def test_a_function_in_the_place_of_a_table(tmp_path):
    (tmp_path / "chen.sml").write_text("function ocv_n(soc) = 3 + soc^2\n")
    (tmp_path / "pack.sml").write_text(
        """
import chen
model Cell
  table ocv(soc [1]) [V] = {(0, 3), (1, 4)}
  table wear(soc [1])
  param k = 1
  var soc start 0.9
  output v [V] = ocv(soc) + wear(soc)*0
equations
  der(soc) = -k*1e-3 [1/s]
end
model Same extends Cell(wear = chen.ocv_n)
end
model Pack
  part a : Cell(wear = {(0, 1), (1, 2)})
  part b : Same(ocv = chen.ocv_n)
  part c[2] : Cell(ocv = chen.ocv_n, wear = chen.ocv_n, k = {1, 2})
end
"""
    )
    solution = sd.load(tmp_path / "pack.sml").simulate(time=(0, 100))
    assert solution["a.v"][-1] == pytest.approx(3.8)
    assert solution["b.v"][-1] == pytest.approx(3 + 0.8**2)
    assert solution["c[2].v"][-1] == pytest.approx(3 + 0.7**2)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("ocv = two", r"`two` cannot stand for the table `ocv`: it takes other arguments"),
        ("mv = one", r"`one` cannot stand for the table `mv`, which counts in \[mV\]"),
    ],
)
def test_a_function_that_cannot_stand_for_a_table(given: str, told: str):
    text = (
        "function one(q) = q\nfunction two(a, b) = a + b\nmodel Cell\n  table ocv = {(0, 3), (1, 4)}\n"
        "  table mv(x [1]) [mV] = {(0, 3), (1, 4)}\n  var s start ocv(0.5)\nequations\n  der(s) = -s\nend\n"
    )
    with pytest.raises(ModelError, match=told) as caught:
        sd.loads(text + f"model Pack\n  part a : Cell({given})\nend\n")
    assert len(caught.value.diagnostics) == 1


def test_a_solver_takes_other_figures_for_tables():
    """w is f(T) with T = 10 + k*t: twice the figures, and those of a call before these."""
    model = sd.loads(OUTSIDE)
    own = float(model.solver([4.0], ["w"])({"k": 1.0})[0, 0])
    figures = np.array(model.tables["f"].values)
    solve = model.solver([4.0], ["w"], tables={"f": (model.tables["f"].knots["x"], 2 * figures)})
    assert solve({"k": 1.0})[0, 0] == pytest.approx(2 * own, rel=1e-12)
    assert solve({"k": 1.0, "f.values": figures})[0, 0] == pytest.approx(own, rel=1e-12)
    with pytest.raises(KeyError, match="no table `g`"):
        model.solver([4.0], ["w"], tables={"g": (figures, figures)})


LOADED = """
table f(x [degC]) [kW] = {(0, 1), (10, 2)}
table g(x, y) = {(0, 0, 1), (0, 1, 2), (1, 0, 3), (1, 1, 4)}
model Part
  param x = 3
  table h = {(0, 0), (4, 4)}
  output o = h(x)
end
model M
  part p : Part
  output a [kW] = f(5 [degC])
  output b = g(0.5, 0.25)
  var t start 0
equations
  der(t) = 1
end
"""


def test_figures_are_handed_over_when_a_model_is_compiled():
    def at_start(**tables):
        model = sd.loads(LOADED, tables={k.replace("_", "."): v for k, v in tables.items()})
        p, y = np.asarray(model.default_parameters), model.initial_state()
        values = dict(
            zip((v.name for v in model.variables), model.interpreted.variables(0.0, y, p, []), strict=False)
        )
        return [values[name] for name in ("a", "b", "p.o")], model

    assert at_start()[0] == [1500, 2.25, 3]
    found, model = at_start(
        f=([0, 4, 6, 20], [0, 8, 8.5, 1]),
        g=([0, 0.5, 1], [0, 1], [[1, 2], [5, 9], [3, 4]]),
        p_h=([0, 1, 5], [1, 2, 10]),
    )
    assert found == pytest.approx([8250, 6, 6], rel=1e-15)
    assert len(model.tables["f"].values) == 4
    again = pickle.loads(pickle.dumps(model))
    assert again.identity == model.identity != sd.loads(LOADED).identity
    with pytest.raises(ValueError, match=r"figures of `f`, `g`, `p\.h` that `load` was given"):
        model.surrogate(part="p")


@pytest.mark.parametrize(
    ("tables", "error", "told"),
    [
        ({"fs": ([0, 1], [1, 2])}, KeyError, "no table `fs`; did you mean `f`"),
        ({"f": ([0, 0], [1, 2])}, ValueError, r"`f\.x` of the table must ascend"),
        ({"f": ([0, 1], [1, 2, 3])}, ValueError, r"values of shape \(3,\) do not fit arguments of 2 rows"),
        ({"g": ([0, 1], [0, 1], [1, 2])}, ValueError, "do not fit arguments of 2 x 2 rows"),
        ({"f": ([0, 1], [1, np.nan])}, ValueError, "a figure is missing"),
        ({"f": 5}, ValueError, r"`f` is \(x, values\)"),
        (3, TypeError, "values by name"),
    ],
)
def test_figures_that_are_none_are_refused_when_a_model_is_compiled(tables, error, told):
    with pytest.raises(error, match=told):
        sd.loads(LOADED, tables=tables)
