"""Times of tables as dates and differences of time: seconds, never ticks."""

import datetime
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import stiffdsl as sd

RISING = "model R\n  input u = 0\n  var x start 0\nequations\n  der(x) = u\nend\n"
SECONDS = np.array([0.0, 4.0, 10.0])
FIRST = pd.Timestamp("2024-03-31 00:59:58")
SPANS = [datetime.timedelta(seconds=s) for s in SECONDS]


@pytest.fixture(scope="module")
def model():
    return sd.loads(RISING)


def area(model, table):
    """The integral of u = t over 0..10, which is 50."""
    return model.simulate(time=(0, 10), inputs={"u": table}, rtol=1e-9)["x"][-1]


TIMES = {
    "timedelta index": pd.to_timedelta(SECONDS, unit="s"),
    "nanoseconds": pd.to_timedelta(SECONDS, unit="s").as_unit("ns"),
    "dates": FIRST + pd.to_timedelta(SECONDS, unit="s"),
    # The clocks go forward an hour in between.
    "time zone": (FIRST + pd.to_timedelta(SECONDS, unit="s")).tz_localize("UTC").tz_convert("Europe/Berlin"),
    "periods": pd.PeriodIndex((FIRST + pd.to_timedelta(SECONDS, unit="s")), freq="s"),
    "objects": pd.Index(SPANS, dtype=object),
    "numbers": pd.Index(SECONDS),
}


@pytest.mark.parametrize("name", TIMES)
def test_index_of_a_series(model, name):
    assert area(model, pd.Series(SECONDS, index=TIMES[name])) == pytest.approx(50, rel=1e-6)


@pytest.mark.parametrize("name", TIMES)
def test_pairs_and_frames(model, name):
    frame = pd.DataFrame({"u": SECONDS}, index=TIMES[name])
    assert area(model, frame) == pytest.approx(50, rel=1e-6)
    assert area(model, (TIMES[name], SECONDS)) == pytest.approx(50, rel=1e-6)
    assert area(model, (list(TIMES[name]), list(SECONDS))) == pytest.approx(50, rel=1e-6)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_numpy(model, unit):
    spans = (SECONDS * 1000).astype("timedelta64[ms]").astype(f"timedelta64[{unit}]")
    for times in (spans, np.datetime64("2024-02-28T23:59:59") + spans):
        assert area(model, (times, SECONDS)) == pytest.approx(50, rel=1e-6)


def test_datetime_and_polars(model):
    first = datetime.datetime(2024, 2, 28, tzinfo=datetime.UTC)
    assert area(model, ([first + s for s in SPANS], SECONDS)) == pytest.approx(50, rel=1e-6)
    assert area(model, (SPANS, SECONDS)) == pytest.approx(50, rel=1e-6)
    # A frame of polars has no index: two columns, times first.
    columns = {"at": np.datetime64("2024-01-01") + (SECONDS * 1000).astype("m8[ms]"), "u": SECONDS}

    class Frame(dict):
        def to_numpy(self):
            raise AssertionError("column by column")

        @property
        def columns(self):
            return list(self)

    frame = Frame({k: SimpleNamespace(to_numpy=lambda v=v: v) for k, v in columns.items()})
    assert area(model, frame) == pytest.approx(50, rel=1e-6)


def test_days_are_days():
    day = [datetime.date(2024, 2, 28), datetime.date(2024, 2, 29), datetime.date(2024, 3, 1)]
    found = sd.loads(RISING).simulate(time=(0, 2 * 86400), inputs={"u": (day, [0.0, 1.0, 2.0])})
    assert found["x"][-1] == pytest.approx(2 * 86400, rel=1e-6)


def test_lanes(model):
    times = FIRST + pd.to_timedelta(SECONDS, unit="s")
    batch = model.ensemble({}, [0.0, 10.0], ["x"], inputs={"u": (times, np.stack([SECONDS, 2 * SECONDS]))})
    np.testing.assert_allclose(batch["x"][:, -1], [50, 100], rtol=1e-6)


def test_time_and_saveat_take_differences(model):
    hour = pd.Timedelta("1h")
    found = model.simulate(
        time=(0 * hour, hour), inputs={"u": 1.0}, saveat=pd.to_timedelta([0, 30, 60], unit="min")
    )
    np.testing.assert_allclose(found["x"], [0, 1800, 3600])


@pytest.mark.parametrize(
    ("times", "told"),
    [
        (["2024-01-01", "2024-01-02", "2024-01-03"], "text"),
        (pd.DatetimeIndex(["2024-01-01", "NaT", "2024-01-03"]), "missing"),
        (np.array([0, 1, 2], dtype="m8[M]"), "no fixed number of seconds"),
        ([FIRST, FIRST.tz_localize("UTC"), FIRST], "time zone"),
        ([FIRST, 1.0, 2.0], "one kind"),
        (FIRST - pd.to_timedelta(SECONDS, unit="s"), "ascend"),
    ],
)
def test_what_cannot_be_read(model, times, told):
    with pytest.raises(ValueError, match=told) as caught:
        area(model, (times, SECONDS))
    assert "`u`" in str(caught.value)


def test_dates_without_a_first_one(model):
    dates = FIRST + pd.to_timedelta(SECONDS, unit="s")
    for call in ({"time": (dates[0], dates[2])}, {"time": (0, 10), "saveat": dates}):
        with pytest.raises(ValueError, match="give seconds"):
            model.simulate(**call)
    with pytest.raises(ValueError, match="value in the table"):
        area(model, (SECONDS, dates))
