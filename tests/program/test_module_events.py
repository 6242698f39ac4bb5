"""Events in the module that `compile -o` writes: the same instants, changes and ends as `simulate`, and closed forms.

Whole runs compile the portable integrator each: `python -m pytest -m slow tests/program/test_module_events.py`.
"""

import importlib.util
import math

import jax
import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.runtime import tier
from stiffdsl.runtime.export import module_run
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.integrate.solver import make_solve

BALL = """
model Ball
  param g = 9.81
  param e = 0.8
  var h start 1
  var v start 0
  discrete n = 0
equations
  der(h) = v
  der(v) = -g
  when h < 0 and v < 0
    v := -e*v
    n := n + 1
  end
  when n >= 5
    stop "enough"
  end
experiment
  time 0..10
end
"""
THERMOSTAT = """
enum Mode {heating, resting}

model Thermostat
  param band = 0.5
  var T start 291.15 [degC]
  discrete mode: Mode = heating
  discrete cycles = 0
  var excess
equations
  der(T) = -(T - 283.15 [K])/10 [s] + (if mode == heating then 2 [K/s] else 0 [K/s])
  excess = T/(1 [K]) - 293.15
  when excess > band
    mode := resting
  elsewhen excess < -band
    mode := heating
    cycles := cycles + 1
  end
  assert cycles < 3, "worn out"
experiment
  time 0..30
end
"""
DOSES = """
model Doses
  const n = 4
  param at[n] = {0, 6, 12, 30}
  param amount[n] = {10, 5, 5, 1}
  param k = 0.3
  var depot start 0
equations
  der(depot) = -k*depot
  for i in 1..n
    when time >= at[i]
      depot := depot + amount[i]
    end
  end
experiment
  time 0..24
end
"""
CONVERTER = """
model Converter
  param period = 0.1
  param duty = 0.3
  var i start 0
  discrete on = 1
equations
  der(i) = 10*on - i
  when every period
    on := 1
  end
  when on > 0.5 after duty*period
    on := 0
  end
  when start after duty*period priority 2
    on := 0
  end
experiment
  time 2..2.95
end
"""
TEXTS = {"ball": BALL, "thermostat": THERMOSTAT, "doses": DOSES, "converter": CONVERTER}
TIGHT = {"rtol": 1e-9, "atol": 1e-11}


def imported(model, folder):
    path = model.write(folder)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def assert_same_events(ours, theirs, close):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert (a.when, a.line, a.member, a.labels) == (b.when, b.line, b.member, b.labels)
        assert a.time == pytest.approx(b.time, rel=close, abs=close)
        assert a.changes.keys() == b.changes.keys()
        for name, values in a.changes.items():
            assert values == pytest.approx(b.changes[name], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", ["thermostat", "converter"])
def test_a_module_tells_the_events_of_a_run(name, tmp_path, monkeypatch):
    """The steps are those of the model here, which another tier makes, so that nothing is compiled."""
    model = sd.loads(TEXTS[name])
    module, right = imported(model, tmp_path), model.simulate(**TIGHT)
    time = module.experiment["time"]

    def recorded(system, method, start, end, y0, args, saveat, **options):
        given, allowed = model.default_arguments()._replace(p=np.asarray(args[0])), tuple(TIGHT.values())
        return tier.trajectory(
            model, Options(**TIGHT), start, end, np.asarray(y0), given, None, None, allowed
        )[0]

    monkeypatch.setattr(module_run, "record", recorded)
    found = module.simulate()
    assert_same_events(found.events, right.events, 1e-12)
    assert (found.status, found.reason, found.ended_by) == (right.status, right.reason, right.ended_by)
    assert found.success == right.success
    assert time[0] <= found.t[-1] <= time[1]


@pytest.mark.parametrize("name", TEXTS)
def test_functions_of_a_module_are_those_of_the_model(name, tmp_path):
    model = sd.loads(TEXTS[name])
    module, own = imported(model, tmp_path), model.interpreted
    p, u = np.asarray(module.parameters()), np.zeros(0)
    point = 2.5, np.asarray(module.initial(p)) + 0.25, p, u
    assert np.array_equal(module.guards(*point), own.guards(*point))
    for fired in np.eye(len(module.event_at_start)):
        assert np.array_equal(module.reset(*point, fired), own.reset(*point, fired))


def test_the_first_lines_of_a_module_list_its_events(tmp_path):
    module = imported(sd.loads(THERMOSTAT), tmp_path)
    listed = module.__doc__.split("Events\n")[1].splitlines()
    assert [line.strip() for line in listed[:2]] == ["when excess > band", "elsewhen excess < -band"]


def test_a_module_with_events_goes_forward_in_time(tmp_path):
    module = imported(sd.loads(BALL), tmp_path)
    with pytest.raises(ValueError, match="forward in time"):
        module.simulate(time=(1.0, 0.0))


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_a_module_runs_as_the_model_does(name, tmp_path):
    model = sd.loads(TEXTS[name])
    module, right = imported(model, tmp_path), model.simulate(**TIGHT)
    found = module.simulate(**TIGHT)
    assert_same_events(found.events, right.events, 1e-7)
    assert (found.status, found.ended_by) == (right.status, right.ended_by)
    assert found.y[-1] == pytest.approx(right.y[-1], rel=1e-6, abs=1e-6)


@pytest.mark.slow
def test_a_ball_of_a_module_bounces_as_its_closed_form_says(tmp_path):
    module = imported(sd.loads(BALL), tmp_path)
    p = module.parameters({"e": 0.7})
    found = module.simulate(p, saveat=np.linspace(0, 10, 21), **TIGHT)
    fall = math.sqrt(2 / 9.81)
    times = [fall * (1 + 2 * sum(0.7**k for k in range(1, n + 1))) for n in range(5)]
    assert [e.time for e in found.events[:5]] == pytest.approx(times, rel=1e-9)
    assert found.ended_by == "enough"
    assert found.t[-1] == pytest.approx(times[-1], rel=1e-9)
    assert found.y[-1] == pytest.approx([0, 9.81 * fall * 0.7**5, 5], abs=1e-8)
    # The height at t = 0.6, behind the first bounce.
    solve = make_solve(module.system, "tsit5")

    def height(e):
        p = module.parameters({"e": e})
        return solve(0.0, 0.6, module.initial(p), (p, module.input_defaults(p)), rtol=1e-9, atol=1e-11).y[0]

    assert float(jax.grad(height)(0.7)) == pytest.approx(9.81 * fall * (0.6 - fall), rel=1e-7)


@pytest.mark.slow
def test_doses_of_a_module_are_those_of_the_closed_form(tmp_path):
    module = imported(sd.loads(DOSES), tmp_path)
    p = module.parameters({"at": [1.0, 2.0, 8.0, 30.0]})
    found = module.simulate(p, saveat=[0.5, 5.0, 24.0], **TIGHT)
    decay = lambda t: math.exp(-0.3 * t)  # noqa: E731
    right = [0, 10 * decay(4) + 5 * decay(3), 10 * decay(23) + 5 * decay(22) + 5 * decay(16)]
    assert found.y[:, 0] == pytest.approx(right, rel=1e-7, abs=1e-12)
    assert [e.time for e in found.events] == [1, 2, 8]
