"""A solution that slides along a condition ends with the condition's name and line, whatever the method."""

import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.solve.base.status import Status

FRICTION = """\
model Friction
  var v start 1
  var x start 0
equations
  der(x) = v
  der(v) = 0.5*sin(time) - sign(v)
experiment
  time 0..10, rtol 1e-6
end
"""


@pytest.mark.parametrize("method", ["rodas5p", pytest.param("fbdf", marks=pytest.mark.slow), "tsit5"])
def test_sliding_names_the_condition_and_its_line(method):
    found = sd.loads(FRICTION).simulate(method=method, max_steps=3000)
    assert found.status == Status.CHATTERING
    assert not found.success
    assert "`der(v) = 0.5*sin(time) - sign(v)` (line 6)" in found.reason
    assert "hysteresis" in found.reason
    assert 1.3 < found.t[-1] < 1.6


def test_steps_that_get_somewhere_do_not_chatter():
    text = FRICTION.replace("sign(v)", "(if v > 0 then 0.1 else -0.1)")
    found = sd.loads(text).simulate(max_steps=20, method="rodas5p")
    assert found.status == Status.MAX_STEPS


def test_the_condition_is_named_where_only_some_times_are_saved():
    text = "model M\n var x start 0\n var w\nequations\n w = if x > 1 then 2 else 0\n der(x) = 1 - w\nend\n"
    saved = np.linspace(0, 2, 21)
    solution = sd.loads(text).simulate(time=(0, 2), method="fbdf", saveat=saved, max_steps=20_000)
    assert "`w = if x > 1 then 2 else 0` (line 5)" in solution.reason


@pytest.mark.parametrize("slope", ["0.3 - 5*sign(v)", "0.98 - sign(v)", "if v < 0.001*x then 2 else -1"])
def test_a_solution_that_slides_on_is_told_of_soon(slope):
    """Each tolerance lets steps get on along the condition: millions of them, to the end."""
    text = f"model M\n  var v start 0.001\n  var x start 0\nequations\n  der(x) = v\n  der(v) = {slope}"
    model = sd.loads(f"{text}\nexperiment\n  time 0..0.3, rtol 1e-4\nend")
    for atol in (1e-7, 1e-6, 1e-5):
        found = model.simulate(points=5, atol=atol)
        assert found.status == Status.CHATTERING
        assert "(line 6)" in found.reason
        assert found.stats["accepted"] + found.stats["rejected"] < 120_000


@pytest.mark.slow
def test_by_other_methods_too():
    text = (
        "model M\n  var v start 0.001\nequations\n  der(v) = 0.3 - 5*sign(v)\nexperiment\n  time 0..0.1\nend"
    )
    for method in ("rodas4pw", "fbdf", "tsit5"):
        found = sd.loads(text).simulate(atol=1e-6, rtol=1e-4, method=method)
        assert found.status == Status.CHATTERING


def test_conditions_that_are_passed_again_and_again_are_no_sliding():
    text = "model M\n  var x start 1\n  var v start 0\nequations\n  der(x) = v\n"
    text += "  der(v) = -x + (if v > 0 then 0.1 else 0.05)\nexperiment\n  time 0..3e4\nend"
    found = sd.loads(text).simulate(points=5)
    assert found.success
    assert found.stats["accepted"] + found.stats["rejected"] > 150_000


SLIDING = """\
model D
  param k = 0.5
  var v start 1
  var F guess 0
equations
  der(v) = k*sin(time) - F
  F + 0.1*F^3 = sign(v)
experiment
  time 0..10
end
"""


def test_ensembles_tell_it_too():
    model = sd.loads(FRICTION)
    lanes = model.ensemble(initial={"v": np.array([1.0, 1.1])}, saveat=[10.0], outputs=["v"])
    assert lanes.status.tolist() == 2 * [Status.CHATTERING]
    first, second = lanes.reasons()
    assert "`der(v) = 0.5*sin(time) - sign(v)` (line 6)" in first
    assert second.endswith("as in lane 0")


@pytest.mark.slow
def test_so_do_pure_solves_and_algebraic_unknowns_that_jump_with_the_condition():
    model = sd.loads(SLIDING)
    assert "`F + 0.1*F^3 = sign(v)` (line 7)" in model.simulate().reason
    full = model.solver(saveat=[10.0], outputs="v").full()
    assert int(full.status) == Status.CHATTERING
    lanes = model.ensemble(params={"k": np.array([0.5, 0.6])}, saveat=[10.0], outputs=["v"])
    assert lanes.status.tolist() == 2 * [Status.CHATTERING]
