"""`stiffdsl test`: what it measures, prints and answers."""

import json

import pytest

from stiffdsl import testing
from stiffdsl.check.testing.tests import CheckedTest
from stiffdsl.diagnostics import Source

MODEL = """\
const eps = 1e-4
const weights = {1, 2}

model Decay
  const N = 2
  param k = 2 [1/s] in 1..3
  param T0 = 20 [degC]
  input u = 0 [1/s]
  var x start 1
  var T [degC] start 20
  var w[N] start (i for i in 1..N)
  output y = 2*x
equations
  der(x) = -k*x + u
  der(T) = (T0 + 10 [K] - T)*k
  for i in 1..N
    der(w[i]) = -w[i]/1 [s]
  end
experiment
  time 0..3, points 20
end

"""
GOOD = """\
test "closed form"
  expect x at 1 = exp(-k*1 [s]) within eps
  expect T at 1 = 30 - 10*0.1353352832366127 within 1e-5
  expect T at 1 - T at 0 = 10 [K]*(1 - exp(-2)) within 1e-4
  expect 30 [degC] > max(T over time)
  expect T at 1 = 28.65 within 0.01 [degC]
  expect mean(x over 0..1) = (1 - exp(-2))/2 within 1e-5
  expect mean(T over 0..1) = 30 - 10*(1 - exp(-2))/2 within 1e-5
  expect integral(x over time) = 0.498760623911667 [s] within 1e-5 [s]
  expect sum(w[i]*weights[i] for i in 1..N) at 1 = 5*exp(-1) within 1e-5
  expect w[N] at 1 = 2*exp(-1) within 1e-5
  expect max(y over 0.5..1) = 2*exp(-1) within 1e-5
  expect der(x) at 0 = -k within 1e-5
  expect x < y
  expect final(x) + x at 1 > 0.1
  expect y/x = 2
end

test "other values"
  set k = 60 [1/min], x start 2, N = 3, w start {3, 2, 1}, T0 = 303.15 [K], T start 40
  simulate time 0..1 [min], rtol 1e-8
  expect x at 1 = 2*exp(-k*1 [s]) within 1e-6
  expect w[3] at 0 = 1
  expect T = 40
end

test "driven"
  set u = sin(time/1 [s])/1 [s], k = 1
  simulate time 0..5
  expect max(u over time) = 1 [1/s] within 1e-9
  expect min(u over 4..5) = -1 [1/s] within 1e-9
  expect x = exp(-5) + (sin(5) - cos(5) + exp(-5))/2 within 1e-5
end
"""


def results(text: str) -> list[testing.TestResult]:
    source = Source("decay.sml", text)
    return list(testing.run_tests(source, testing.tests_in(source)))


def test_expectations_hold_where_closed_forms_say_so():
    found = results(MODEL + GOOD)
    assert [(r.name, r.passed) for r in found] == [
        ("closed form", True),
        ("other values", True),
        ("driven", True),
    ], [e for r in found for e in r.expectations if not e.passed]


def test_values_of_enumerations_are_expected_by_name():
    text = (
        "enum Mode {off, heating}\nmodel M\n  discrete mode : Mode = off\n  param first : Mode = off\n  var x start 0\n"
        "equations\n  der(x) = 1\n  when time > 1\n    mode := heating\n  end\nexperiment\n  time 0..2\nend\n"
        'test "a"\n  set first = heating\n  expect mode at 0.5 = off\n  expect heating = mode at 1.5\n'
        "  expect mode = Mode.heating\n  expect first = heating\n  expect mode at 0.5 = heating\nend\n"
    )
    (result,) = results(text)
    assert [e.passed for e in result.expectations] == [True, True, True, True, False]
    assert result.expectations[-1].note == "it has another value"


def test_a_stop_is_expected_by_its_text_and_its_time():
    model = (
        'model M\n  var stop start 0\nequations\n  der(stop) = 1\n  when stop > 5\n    stop "full"\n  end\n'
        "experiment\n  time 0..10\nend\n"
    )
    text = (
        'test "a"\n  expect stop\n  expect stop "full" at 5 within 1e-9\n  expect stop = 5 within 1e-9\n'
        '  expect stop at 3 = 3 within 1e-9\n  expect stop "empty"\n  expect stop at 4 within 1e-3\nend\n'
        'test "b"\n  simulate time 0..3\n  expect stop\nend\n'
    )
    first, second = results(model + text)
    assert [e.passed for e in first.expectations] == [True, True, True, True, False, False]
    assert first.expectations[4].note == 'the run was ended by `stop "full"`'
    assert second.expectations[0].note == "the run was not ended by a `stop`"


def test_a_difference_beyond_the_tolerance_fails():
    text = MODEL + (
        'test "wrong"\n'
        "  expect x at 1 = 0.1354 within 1e-4\n"
        "  expect T at 1 = 28.65 within 0.003 [K]\n"
        "  expect T at 1 < 28\n"
        "  expect x at 1 = 0.1353\n"
        "  expect x at 4 = 0 within 1e-3 [1]\n"
        "  expect log(x - 2) > 0\nend\n"
    )
    (result,) = results(text)
    assert not any(e.passed for e in result.expectations)
    notes = [e.note for e in result.expectations]
    assert "0.00335 is allowed" not in notes[1]
    assert "off by 0.00335" in notes[1]
    assert "`within …` says how near" in notes[3]
    assert "times from 0 to 3, not 4" in notes[4]
    assert notes[5] == "what is measured is not a number"
    assert result.expectations[2].measured == pytest.approx(28.6466, abs=1e-4)


def test_a_model_is_compiled_once_for_tests_with_the_same_constants(monkeypatch):
    compiled = []
    inner = testing.compile_model
    monkeypatch.setattr(testing, "compile_model", lambda *a, **k: compiled.append(a[2]) or inner(*a, **k))
    tests = "".join(
        f'test "{name}"\n  set {given}\n  expect x < {2 + k}\nend\n'
        for k, (name, given) in enumerate(
            {"a": "k = 1", "b": "x start 2", "c": "N = 3", "d": "k = 3"}.items()
        )
    )
    found = results(MODEL + tests)
    assert [r.name for r in found] == ["a", "b", "d", "c"]
    assert all(r.passed for r in found)
    assert compiled == [{}, {"N": 3.0}]


def test_a_solve_that_fails_and_a_model_that_does_not_compile_are_told():
    text = (
        "model M\n  const N = 2\n  var x start 1\nequations\n  if N > 1 then\n    der(x) = x^2\n  end\nend\n"
        'test "blows up"\n  simulate time 0..2\n  expect x > 0\nend\n'
        'test "no equation"\n  set N = 1\n  simulate time 0..2\n  expect x > 0\nend\n'
        'test "no time"\n  expect x > 0\nend\n'
    )
    first, third, second = results(text)
    assert not first.passed
    assert first.failure
    assert not second.passed
    assert "E0312" in second.failure
    assert "which time to simulate?" in third.failure


def test_a_load_does_not_look_at_tests(tmp_path):
    import stiffdsl as sd

    path = tmp_path / "decay.sml"
    path.write_text(MODEL + 'test "a"\n  expect nothing_of_this = 1\nend\n')
    assert sd.load(path).states.names == ["x", "T", "w[1]", "w[2]"]


def test_a_test_of_an_imported_model(stiffdsl, folder):
    (folder / "lib").mkdir()
    (folder / "stiffdsl.toml").touch()
    (folder / "lib" / "decay.sml").write_text(MODEL)
    text = "import lib.decay\nfrom lib.decay import Decay\n\nconst one = 1\n\n"
    text += 'test "whole" of lib.decay.Decay\n  expect x at 0 = one\nend\n\n'
    text += 'test "name" of Decay\n  expect x at 0 = 1\nend\n'
    (folder / "t.sml").write_text(text)
    outcome = stiffdsl("test")
    assert outcome.status == 0, outcome.out + outcome.err
    assert outcome.out.splitlines()[-1] == "2 tests passed (2 of 2 expectations met)"
    assert stiffdsl("check", "t.sml").status == 0


def test_the_command_prints_what_was_measured(stiffdsl, folder):
    (folder / "decay.sml").write_text(
        MODEL + 'test "a"\n  expect x at 1 < 1\n  expect T at 1 < 20\nend\n\n' + GOOD
    )
    outcome = stiffdsl("test", "decay.sml", "-k", "a")
    assert outcome.status == 1
    lines = outcome.out.splitlines()
    assert lines[0] == "decay.sml"
    assert lines[2].split() == ["ok", "x", "at", "1", "<", "1", "0.1353353"]
    assert lines[3].split("  ")[-1] == "line 25: not < 20 degC"
    quiet = stiffdsl("test", ".", "-q").out
    assert "x at 1 < 1" not in quiet
    assert "T at 1 < 20" in quiet
    assert quiet.splitlines()[-1].startswith("3 tests passed, 1 failed (")
    report = json.loads(stiffdsl("test", "decay.sml", "-k", "driven", "--json").out)
    assert (report["ok"], report["passed"], report["tests"][0]["name"]) == (True, 1, "driven")
    assert report["tests"][0]["expectations"][0]["unit"] == "1/s"


def test_no_tests_and_wrong_tests_are_status_1(stiffdsl, folder):
    outcome = stiffdsl("test", "robertson.sml")
    assert (outcome.status, "there are no tests in robertson.sml" in outcome.err) == (1, True)
    assert "that hold `z`" in stiffdsl("test", "-k", "z").err
    (folder / "m.sml").write_text(MODEL + 'test "a"\n  expect q = 1\nend\n')
    outcome = stiffdsl("test", "m.sml", "--json")
    report = json.loads(outcome.out)
    assert (outcome.status, report["error"]["code"]) == (1, "E0220")
    assert "1 file with mistakes" in stiffdsl("test", "m.sml").out
    assert stiffdsl("check", "m.sml").status == 1


def test_settings_are_in_declared_units():
    source = Source("decay.sml", MODEL + GOOD)
    test: CheckedTest = testing.tests_in(source)[1]
    assert test.params == {"k": 1.0, "T0": pytest.approx(30.0)}
    assert test.initial == {"x": 2.0, "w": [3.0, 2.0, 1.0], "T": 40.0}
    assert (test.constants, test.options) == ({"N": 3.0}, {"time": (0.0, 60.0), "rtol": 1e-8})


def test_a_test_without_a_time_is_told_what_to_write():
    text = "model M\n  var x start 0\nequations\n  der(x) = 1\nend\n"
    text += 'test "{}"\n  {}expect x = 2 within 1e-9\nend\n'
    asked, timed = (text.format(*words) for words in (("asked", ""), ("timed", "simulate time 0..2\n  ")))
    (result,) = results(asked)
    assert "`simulate time 0..10`" in result.failure
    (result,) = results(timed)
    assert not result.failure
    assert result.passed
