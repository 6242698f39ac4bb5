"""Bundles: inputs that travel as one, from weather files, CSV, frames and mappings."""

import numpy as np
import pytest
from click.testing import CliRunner

import stiffdsl as sd
from stiffdsl.cli.entry import commands
from stiffdsl.diagnostics import ModelError

HOURS = 48
MODEL = """
connector Weather
  input T_out [degC]
  input direct [W/m^2]
end

model Room
  input sky : Weather
  param share = 1 in 0.5..2
  var T [degC] start 20
equations
  der(T) = (sky.T_out - T)/10 [h] + share*sky.direct*1e-7 [K*m^2/J]
end

model Typed
  input sky : Weather = epw("w.epw", outside = hold)
  part room : Room(sky = sky)
end

model House
  input sky = epw("w.epw")
  part rooms[2] : Room(sky = sky, share = {1, 2})
  output wind [m/s] = sky.wind_speed
experiment
  time 0..172800, rtol 1e-8
end
"""


def outdoor(k: int) -> float:
    return 10 + 5 * np.sin(k / 4)


def sun(k: int) -> float:
    """The mean over the hour that ends at k."""
    return max(0.0, 100.0 * (6 - abs((k - 1) % 24 + 1 - 12)))


def weather_file(hours: int = HOURS, missing: int | None = None) -> str:
    """A weather file (EPW) by the closed forms above."""
    text = "LOCATION,Somewhere,XX,XXX,made,1,39.8,-104.6,-7.0,1650.0\nDESIGN CONDITIONS,0\nTYPICAL/EXTREME PERIODS,0\n"
    text += "GROUND TEMPERATURES,0\nHOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0\nCOMMENTS 1,\nCOMMENTS 2,\n"
    text += "DATA PERIODS,1,1,Data,Sunday, 1/ 1, 1/ 2\n"
    for k in range(1, hours + 1):
        figures = [99.9 if k == missing else outdoor(k), 2.0, 50, 84000, 0, 0, 250, 0, sun(k), 50]
        row = [2001, 1, 1 + (k - 1) // 24, (k - 1) % 24 + 1, 60, "?9", *figures, 0, 0, 0, 0, 180, 3.0, 5, 5]
        text += ",".join(map(str, [*row, 10, 1000, 9, 9, 10, 0.1, 20, 88, 0.2, 0, 0])) + "\n"
    return text


def expected(share: float, hours: int) -> float:
    """x' = a + b t - x + s, hour by hour, from 20; times in units of ten hours."""
    x, h = 20.0, 0.1
    for k in range(1, hours + 1):
        low, high = outdoor(max(k - 1, 1)), outdoor(k)
        b, s = (high - low) / h, share * sun(k) * 1e-7 * 36000
        settled = low + s - b
        x = settled + b * h + (x - settled) * np.exp(-h)
    return x


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "w.epw").write_text(weather_file())
    (tmp_path / "m.sml").write_text(MODEL)
    return tmp_path


def test_a_weather_file_travels_as_one(folder):
    model = sd.load(folder / "m.sml")
    solution = model.simulate()
    assert solution.stats["tier"] == "native"
    for k, share in ((1, 1.0), (2, 2.0)):
        assert solution[f"rooms[{k}].T"][-1] == pytest.approx(expected(share, HOURS), rel=1e-6)
    assert {model.input_names.blocks[k].name for k in range(3)} == {
        "sky.T_out",
        "sky.direct",
        "sky.wind_speed",
    }
    assert solution["wind"][0] == 3.0
    assert solution["rooms[2].sky.T_out"] == pytest.approx(solution["sky.T_out"])


def test_radiation_is_a_mean_and_temperature_an_instant(folder):
    solution = sd.load(folder / "m.sml", model="Typed").simulate(time=(0, 36000))
    times = np.array([8.25, 9.5]) * 3600
    np.testing.assert_allclose(solution(times)["sky.direct"], [sun(9), sun(10)])
    middle = 0.25 * outdoor(9) + 0.75 * outdoor(8)
    np.testing.assert_allclose(solution(times)["sky.T_out"], [middle, (outdoor(9) + outdoor(10)) / 2])


def test_what_is_missing_is_left_out(folder):
    (folder / "w.epw").write_text(weather_file(missing=9))
    solution = sd.load(folder / "m.sml", model="Typed").simulate(time=(0, 36000))
    at = solution(np.array([9 * 3600.0]))["sky.T_out"][0]
    assert at == pytest.approx((outdoor(8) + outdoor(10)) / 2)


def test_frames_mappings_and_files_from_outside(folder):
    pandas = pytest.importorskip("pandas")
    room = sd.load(folder / "m.sml", model="Room")
    end = 10 * 3600.0
    wanted = expected(1.0, 10)

    def at_end(sky) -> float:
        return float(room.simulate(time=(0, end), inputs={"sky": sky}, rtol=1e-9)["T"][-1])

    assert at_end(str(folder / "w.epw")) == pytest.approx(wanted, rel=1e-7)
    times = np.arange(11) * 3600.0
    frame = pandas.DataFrame({"T_out [K]": 283.15 + times / 3600, "direct": 0 * times}, index=times)
    line = 10 + 10 - 10 + (20 - 0) * np.exp(-1)
    assert at_end(frame) == pytest.approx(line, rel=1e-7)
    dated = frame.set_axis(pandas.date_range("2030-01-01", periods=11, freq="h"))
    assert at_end(dated) == pytest.approx(line, rel=1e-7)
    assert at_end(frame.rename_axis("time").reset_index()) == pytest.approx(line, rel=1e-7)
    assert at_end({"T_out": (times, 10 + times / 3600), "direct": 0.0}) == pytest.approx(line, rel=1e-7)
    batch = room.ensemble(
        {"share": [1.0, 2.0]}, inputs={"sky": frame}, time=(0, end), saveat=[end], rtol=1e-9
    )
    assert batch["T"][:, 0] == pytest.approx(line, rel=1e-7)
    with pytest.raises(ValueError, match="has no column `direct`"):
        at_end(frame[["T_out [K]"]])
    with pytest.raises(ValueError, match="has no `wind`; it has `T_out`, `direct`"):
        at_end({"wind": 1})
    with pytest.raises(ValueError, match="is a bundle of the inputs"):
        at_end(3.0)


def test_a_polars_frame(folder):
    polars = pytest.importorskip("polars")
    room = sd.load(folder / "m.sml", model="Room")
    times = np.arange(11) * 3600.0
    frame = polars.DataFrame({"time": times, "T_out": 10 + times / 3600, "direct": 0 * times})
    solution = room.simulate(time=(0, 36000), inputs={"sky": frame}, rtol=1e-9)
    assert solution["T"][-1] == pytest.approx(10 + 20 * np.exp(-1), rel=1e-7)


def test_the_command_line_drives_a_bundle(folder):
    given = ["simulate", str(folder / "m.sml"), "--model", "Room", "--time", "0..36000", "--rtol", "1e-9"]
    given += ["--input", f"sky={folder / 'w.epw'}", "--out", str(folder / "r.csv")]
    outcome = CliRunner().invoke(commands, given, standalone_mode=False)
    assert outcome.exception is None, outcome.output
    last = (folder / "r.csv").read_text().splitlines()[-1].split(",")
    assert float(last[1]) == pytest.approx(expected(1.0, 10), rel=1e-7)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("T,x\n1,2\n", "its first line is not that of a LOCATION"),
        (weather_file().replace("DATA PERIODS", "PERIODS"), "this is not the line of DATA PERIODS"),
        (weather_file().replace("2001,1,1,5,60", "2001,1,1,6,60"), "hour 6 does not follow the row before"),
        (weather_file().replace(",84000,", ",high,", 1), "line 9: `high` is not a number"),
    ],
)
def test_what_is_no_weather_file(folder, content: str, told: str):
    (folder / "w.epw").write_text(content)
    with pytest.raises(ModelError, match=told):
        sd.load(folder / "m.sml")
