"""Solutions as a user reads them: values that are no numbers are told; tables, arrays and plots."""

import pytest

import stiffdsl as sd
from stiffdsl.solve.integrate.solution import NotANumberWarning

FALLING = """
model Falling
  var x start 1
  output root = sqrt(x)
  output twice = 2*root
  output sum = x + 1
equations
  der(x) = -1
experiment
  time 0..2
end
"""


def test_a_variable_that_is_no_number_is_told_once_with_its_time():
    solution = sd.loads(FALLING).simulate(saveat=[0.0, 0.5, 1.5, 2.0])
    assert solution.success
    assert solution.undefined() == {"root": 1.5, "twice": 1.5}
    with pytest.warns(NotANumberWarning, match="`root` is not a number at time = 1.5"):
        solution["root"]
    solution["root"]
    assert solution["sum"][-1] == pytest.approx(0.0, abs=1e-6)


HALL = """
model Room
  param C = 2 [J/K]
  var T [degC] start 20
equations
  C*der(T) = -(T - 10 [degC])*1 [W/K]
end
model Hall
  part rooms[3] : Room
  var m[2, 2] start 1
  output mean [degC] = rooms[1].T
equations
  for i in 1..2
    for j in 1..2
      der(m[i, j]) = -i*m[i, j]
    end
  end
experiment
  time 0..1, points 5
end
"""


def test_tables_carry_units_and_arrays_keep_their_axes(tmp_path):
    solution = sd.loads(HALL).simulate()
    frame = solution.to_pandas()
    assert frame.attrs["units"]["rooms[2].T"] == "degC"
    assert frame.attrs["units"]["time"] == "s"
    data = solution.to_xarray()
    assert data["rooms.T"].dims == ("time", "rooms")
    assert data["m"].shape == (5, 2, 2)
    assert data["m"].sel(m_1=2, m_2=1).values == pytest.approx(solution["m[2,1]"])
    assert data["time"].attrs["units"] == "s"
    solution.to_csv(str(tmp_path / "r.csv"))
    assert (tmp_path / "r.csv").read_text().startswith('time,"m[1,1]",')
    assert solution.keys() == solution.names
    assert "<td>rooms[1].C</td>" in sd.loads(HALL).parameters._repr_html_()


def test_a_solution_is_drawn_into_axes_of_the_caller():
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    assert sd.loads(HALL).simulate().plot("rooms.T", "m[1,1]", ax=axes) is figure
    assert [line.get_label() for line in axes.lines] == ["rooms[1].T", "rooms[2].T", "rooms[3].T", "m[1,1]"]


def test_results_have_tables_for_notebooks():
    model = sd.loads(HALL)
    told = model.simulate()._repr_html_()
    assert "<th>greatest</th>" in told
    assert "<td>rooms[1].T</td>" in told
    assert "CompiledModel" in model._repr_html_()
    assert "<td>rooms[1].C</td>" in model._repr_html_()
    batch = model.ensemble({"rooms[1].C": [1.0, 2.0]}, saveat=[0.0, 1.0], outputs=("rooms[1].T",))
    assert "<td>rooms[1].T</td>" in batch._repr_html_()


def test_progress_is_shown_where_it_is_true(capsys):
    model = sd.loads(HALL)
    model.ensemble({"rooms[1].C": [1.0, 2.0]}, saveat=[0.0, 1.0], progress=True)
    assert capsys.readouterr().err.startswith("100%")
    model.simulate(progress=True)
