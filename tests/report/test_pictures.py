"""Labels of pictures: documentation, axes of the same height, units of time, logarithmic axes."""

import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.report.picture import blank, shortened, styled, ticked, time_unit
from stiffdsl.report.surrogate import plot_validation

TEXT = """
model House
  param G = 100 [W/K] in 50..200
  var T [degC] start 20 "temperature of the room"
  var Q [W] "heat that is lost"
  var a start 1 "first"
  var b start 2 "second"
  var c start 3
equations
  1e6 [J/K]*der(T) = -Q
  Q = G*(T - 273.15 [K])
  der(a) = -1e-4*a
  der(b) = -1e-4*b
  der(c) = -1e-4*c
experiment
  time 0..40000, points 20
end
"""


@pytest.fixture(scope="module")
def house():
    return sd.loads(TEXT)


def test_documentation_is_on_plots_and_in_tables(house):
    figure = house.simulate().plot()
    panels = [axes for axes in figure.axes if axes.get_visible()]
    titles = {axes.get_title(loc="left") for axes in panels}
    assert {"T: temperature of the room", "Q: heat that is lost", "a, b, c"} == titles
    legend = next(axes.get_legend() for axes in panels if axes.get_legend() is not None)
    assert [text.get_text() for text in legend.get_texts()] == ["a\nfirst", "b\nsecond", "c"]


def test_documentation_is_on_plots_of_ensembles(house):
    batch = house.ensemble({"G": [50, 100, 200]}, outputs=("T", "c"))
    assert [axes.get_title(loc="left") for axes in batch.plot().axes] == ["T: temperature of the room", "c"]


def test_axes_have_one_height_and_their_labels_one_place(house):
    figure = house.simulate().plot()
    figure.canvas.draw()
    panels = [axes for axes in figure.axes if axes.get_visible()]
    heights = [axes.get_position().height for axes in panels]
    assert max(heights) - min(heights) < 0.01
    labels = [axes.yaxis.label.get_window_extent().x1 for axes in panels if axes.get_ylabel()]
    assert max(labels) - min(labels) < 1.0


def test_the_time_of_a_validation_is_that_of_the_model(house):
    assert house.simulate().plot().axes[-1].get_xlabel() == "time [h]"
    trained = house.surrogate(method="rbf", samples=8, held_out_samples=5)
    labels = {axes.get_xlabel() for part in plot_validation(trained).subfigs for axes in part.axes}
    assert "time [h]" in labels
    assert "time [s]" not in labels


@pytest.mark.parametrize(
    ("span", "label"),
    [(100, "time [s]"), (1200, "time [min]"), (7200, "time [h]"), (6e5, "time [h]"), (1e6, "time [d]")],
)
def test_units_of_time(span, label):
    assert time_unit(span)[1] == label
    assert time_unit(span, named=False) == (1.0, "time")
    assert time_unit(span, logarithmic=True) == (1.0, "time [s]")


@pytest.mark.parametrize(("low", "high", "least"), [(0.3, 40, 4), (2, 9, 2), (1e-9, 1e5, 4), (1e-7, 3e-6, 3)])
def test_a_logarithmic_axis_has_more_than_one_label(low, high, least):
    with styled():
        figure = blank(4.0, 2.0)
        axes = figure.subplots()
        axes.plot(np.geomspace(low, high, 9), np.arange(9.0))
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        ticked(axes.xaxis)
        figure.canvas.draw()
    shown = [
        label.get_text()
        for label, at in zip(axes.get_xticklabels(), axes.get_xticks(), strict=True)
        if low <= at <= high and label.get_text()
    ]
    assert len(shown) >= least, shown


def test_a_long_text_is_cut():
    assert shortened("a" * 10, 10) == "a" * 10
    assert shortened("a" * 11, 10) == "a" * 9 + "…"


def test_ensembles_are_drawn_into_axes_of_the_caller(house):
    from matplotlib.figure import Figure

    batch = house.ensemble({"G": [60.0, 90.0]}, saveat=[0.0, 60.0, 120.0])
    figure = Figure()
    axes = figure.subplots()
    assert batch.plot("T", ax=axes) is figure
    assert len(axes.lines) == 2
    assert axes.get_ylabel()


def test_bands_have_the_shade_of_their_legend(house):
    batch = house.ensemble({"G": np.linspace(60.0, 90.0, 40)}, saveat=[0.0, 60.0, 120.0])
    handles, labels = batch.plot("T").axes[0].get_legend_handles_labels()
    shades = dict(zip(labels, (h.get_alpha() for h in handles), strict=True))
    assert shades["50 % of the runs"] > shades["90 % of the runs"]


def test_both_values_of_a_jump_are_drawn_and_modes_have_their_names():
    model = sd.loads(
        "enum Mode {off, on}\nmodel M\n  discrete mode : Mode = off\n  var x start 0\nequations\n  der(x) = 1\n"
        "  when x >= 1.2345\n    x := 0\n    mode := on\n  end\nend"
    )
    drawn = model.simulate((0, 2)).plot()
    axes = {axes.get_title(loc="left"): axes for axes in drawn.axes if axes.get_visible()}
    t, x = axes["x"].lines[0].get_data()
    assert max(x) == pytest.approx(1.2345, rel=1e-12)
    assert np.all(np.diff(t) >= 0)
    assert np.sum(np.isclose(t, 1.2345, rtol=1e-12)) >= 2
    assert [label.get_text() for label in axes["mode"].get_yticklabels()] == ["off", "on"]
