"""Inputs that files drive: means and instants, units, what is beyond the file, and who overrules it."""

import numpy as np
import pytest

import stiffdsl as sd

WEATHER = "hour,T [degC],G [W/m^2]\n0,10,0\n1,12,100\n2,11,300\n3,15,200\n"
ROOM = """
model Room
  input T_out [degC] = csv("w.csv", t = "hour" [h], y = "T")
  input G [W/m^2] = csv("w.csv", t = "hour" [h], y = "G", values = mean, outside = repeat)
  var T [degC] start 10
  var q start 0
equations
  der(T) = (T_out - T)/3600 [s]
  der(q) = G
end
"""


@pytest.fixture
def room(tmp_path):
    (tmp_path / "w.csv").write_text(WEATHER)
    (tmp_path / "room.sml").write_text(ROOM)
    return sd.load(tmp_path / "room.sml")


def test_a_file_drives_an_input(room):
    solution = room.simulate(time=(0, 10800), rtol=1e-9)
    assert solution.stats["tier"] == "native"
    np.testing.assert_allclose(solution(np.array([1800.0, 9000.0]))["T_out"], [11, 13])
    assert solution["q"][-1] == pytest.approx(3600 * (100 + 300 + 200))
    # The lag of a line: x' = a + b t - x from x(0) = a is a + b (t - 1 + exp(-t)), hour by hour.
    x = 10.0
    for a, b in ((10, 2), (12, -1), (11, 4)):
        x = a + b * np.exp(-1) + (x - a) * np.exp(-1)
    assert solution["T"][-1] == pytest.approx(x, rel=1e-7)
    end = room.solver(saveat=[10800.0], outputs=("T",), rtol=1e-9)()
    assert float(end[0, 0]) == pytest.approx(x, rel=1e-7)
    batch = room.ensemble(initial={"T": [10.0, 11.0]}, saveat=[10800.0], outputs=("T",), rtol=1e-9)
    assert batch["T"][1, 0] == pytest.approx(x + np.exp(-3), rel=1e-7)


def test_what_is_beyond_the_file(room):
    with pytest.raises(
        ValueError, match="`T_out` reach from 0 s to 10800 s, and the run from 0 s to 28800 s"
    ):
        room.simulate(time=(0, 28800))
    solution = room.simulate(time=(0, 28800), inputs={"T_out": 5})
    assert np.all(solution["T_out"] == 5)
    assert solution["q"][-1] == pytest.approx(2 * 3600 * 600)


def test_parts_are_driven_by_files_too(tmp_path):
    (tmp_path / "w.csv").write_text(WEATHER)
    (tmp_path / "m.sml").write_text("""
model Room
  input T_out [degC] = 3
  output y [degC] = T_out
  var x start 0
equations
  der(x) = 1
end

model Two
  part a : Room(T_out = csv("w.csv", t = "hour" [h], y = "T", outside = hold))
  part b[2] : Room(T_out = csv("w.csv", t = "hour" [h], y = "T", outside = extend))
  part c : Room(T_out = csv("w.csv", t = "hour" [h], y = "T", method = constant, outside = hold))
end
""")
    solution = sd.load(tmp_path / "m.sml").simulate(saveat=[3600 * 2.5, 3600 * 4])
    np.testing.assert_allclose(solution["a.y"], [13, 15])
    np.testing.assert_allclose(solution["b.y"][:, 1], [13, 19])
    np.testing.assert_allclose(solution["c.y"], [11, 15])


def test_dates_and_parquet(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    when = pandas.date_range("2026-03-01", periods=4, freq="h")
    pandas.DataFrame({"when": when, "T": [10.0, 12, 11, 15]}).to_parquet(tmp_path / "w.parquet")
    (tmp_path / "m.sml").write_text(
        'model M\n  input T [degC] = csv("w.parquet")\n  var x start 0\n  output y [degC] = T\n'
        "equations\n  der(x) = 1\nend\n"
    )
    solution = sd.load(tmp_path / "m.sml").simulate(saveat=[0, 5400])
    np.testing.assert_allclose(solution["y"], [10, 11.5])


def test_a_module_refuses_what_it_cannot_know(room, tmp_path):
    with pytest.raises(ValueError, match="`T_out`, `G`"):
        room.write(tmp_path / "written")


def test_a_solution_drives_another_model():
    first = sd.loads(
        "model A\n  var T [degC] start 10\n  var x start 0\nequations\n  der(x) = 1\n"
        "  T = 10 [degC] + 5 [K]*sin(x)\nend\n"
    )
    found = first.simulate(time=(0, 6), rtol=1e-9)
    second = sd.loads("model B\n  input u [K] = 0\n  var y [K*s] start 0\nequations\n  der(y) = u\nend\n")
    solution = second.simulate(time=(0, 6), inputs={"u": (found, "T")}, rtol=1e-8)
    assert solution["y"][-1] == pytest.approx(283.15 * 6 + 5 * (1 - np.cos(6)), rel=1e-6)
    saved = first.simulate(saveat=np.linspace(0, 6, 13))
    driven = second.simulate(time=(0, 6), inputs={"u": (saved, "T")})
    assert driven["u"][-1] == pytest.approx(283.15 + 5 * np.sin(6))


def test_frames_and_series_of_polars():
    polars = pytest.importorskip("polars")
    model = sd.loads("model B\n  input u = 0\n  var y start 0\nequations\n  der(y) = u\nend\n")
    frame = polars.DataFrame({"t": [0.0, 1.0, 2.0], "u": [0.0, 2.0, 2.0]})
    assert model.simulate(time=(0, 2), inputs={"u": frame})["y"][-1] == pytest.approx(3)
    with pytest.raises(ValueError, match="values over time"):
        model.simulate(time=(0, 2), inputs={"u": frame["u"]})


def test_an_input_that_nothing_drives_is_told_by_name():
    model = sd.loads("""
model Driven
  input u
  input unread
  input w [V] = 1
  var x start 0
equations
  der(x) = u + w/1 [V]
experiment
  time 0..1
end
""")
    for run in (
        model.simulate,
        lambda: model.solver(saveat=[1.0])(),
        lambda: model.ensemble(inputs={"w": np.ones(2)}, saveat=[1.0]),
    ):
        with pytest.raises(ValueError, match="nothing drives the input `u`, and"):
            run()
    assert model.simulate(inputs={"u": 2}, saveat=[1.0])["x"][-1] == pytest.approx(3)
    assert np.allclose(model.ensemble(inputs={"u": np.array([1.0, 2])}, saveat=[1.0])["x"][:, 0], [2, 3])
