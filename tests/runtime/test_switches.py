"""Conditions on unknowns that make an equation jump, blocks of equations that take one another's place, and events that
meet constraints: closed forms."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.solve.base.status import Status


def loaded(body: str, head: str = ""):
    return sd.loads(f"model M\n{head}\nequations\n{body}\nend\n")


def test_an_equation_that_jumps_is_held_and_its_switch_is_located():
    model = loaded("der(x) = if x > 1 then 0.5 else 1", "  param x0 = 0.1\n  var x start x0")
    found = model.simulate((0, 2), rtol=1e-9)
    assert found["x"][-1] == pytest.approx(1 + 0.5 * (2 - 0.9), rel=1e-12)
    assert 0.9 in found.t.round(12)


def test_gradients_across_a_jump_are_those_of_the_solution():
    model = loaded("der(x) = if x > 1 then 0.5 else 1", "  param x0 = 0.1\n  var x start x0")
    solve = model.solver(time=(0, 2), saveat=[2.0], outputs=["x"], rtol=1e-9)
    slope = jax.grad(lambda x0: solve({"x0": x0})[0, 0])(0.1)
    assert slope == pytest.approx(0.5, rel=1e-9)


@pytest.mark.parametrize(
    "law",
    [
        "if x < 0 then -2*x + 1 else -3*x + 1",
        "-sign(x)*sqrt(abs(x))",
        "if x > 2 then 2*x - 4 else 0",
        "min(x, 3 - x)",
        "noevent(if x > 0.5 then 1 else -1)",
        "if time > 1 then 1 else 2",
    ],
)
def test_kinks_and_conditions_on_time_are_no_events(law):
    assert loaded(f"der(x) = {law}", "  var x start 1").program.events.count == 0


def test_what_only_outputs_follow_is_no_event():
    model = loaded(
        "der(x) = -x\n  y = z + 1\n  z = if x > 0.5 then 1 else 0", "  var x start 1\n  var z\n  output y"
    )
    assert model.program.events.count == 0


def test_algebraic_unknowns_are_found_anew_behind_a_switch():
    model = loaded("der(x) = z\n  z^3 + z = if x > 1 then 10 else 2", "  var x start 0\n  var z guess 1")
    found = model.simulate((0, 3), rtol=1e-9)
    assert found["x"][-1] == pytest.approx(5, rel=1e-12)  # a second at 1, two at 2


def test_the_start_decides_which_branch_holds():
    found = loaded("der(x) = -x + z\n  z = if x > 1 then 2 else 4", "  var x start 3\n  var z").simulate(
        (0, 1)
    )
    assert np.all(found["z"] == 2)


def test_a_solution_that_slides_along_a_jump_chatters():
    found = loaded("der(x) = -sign(x)", "  var x start 1").simulate((0, 2))
    assert found.status == Status.CHATTERING
    assert "der(x) = -sign(x)" in found.reason
    assert found.t[-1] == pytest.approx(1)


def test_blocks_of_equations_take_one_anothers_place():
    head = "  var i start 0\n  var v\n  discrete closed = true"
    block = "if closed then\n    v = 10*i\n  else\n    i = 0.1*v\n  end"
    events = "when i > 0.3\n    closed := false\n  end"
    found = loaded(f"0.1*der(i) = 5 - v\n  {block}\n  {events}", head).simulate((0, 0.1), rtol=1e-9)
    assert found["i"][-1] == pytest.approx(0.5 * (1 - np.exp(-10)), rel=1e-7)
    assert [round(e.time, 9) for e in found.events] == [round(-0.01 * np.log(0.4), 9)]


PENDULUM = """
  var x start 1
  var y guess 0
  var vx start 0
  var vy guess 0
  var F guess 0
"""
EQUATIONS = """
  der(x) = vx
  der(y) = vy
  der(vx) = -F*x
  der(vy) = -F*y - 9.81
  x^2 + y^2 = 1
  when x < -0.5
    {}
  end
"""


@pytest.mark.parametrize("actions", ["vx := -0.9*vx", "vx := -0.9*vx\n    vy := -0.9*vy"])
def test_constraints_take_along_what_is_tied_to_a_state_that_is_set(actions):
    found = loaded(EQUATIONS.format(actions), PENDULUM).simulate((0, 0.8), rtol=1e-9)
    (event,) = found.events
    before, after = event.changes["vy"]
    assert after == pytest.approx(-0.9 * before, rel=1e-7)
    assert event.changes["vx"][1] == pytest.approx(-0.9 * event.changes["vx"][0], rel=1e-12)


def test_values_that_no_constraint_allows_are_told():
    found = loaded(EQUATIONS.format("vx := 1\n    vy := 1"), PENDULUM).simulate((0, 2))
    assert found.status == Status.JUMP


def test_solves_that_go_on_from_call_to_call_remember_no_events_of_others():
    # Kernels allocate their arrays anew in every call; what malloc leaves in them must not count.
    text = "model M\\n  var x start 0\\n  discrete n = 0\\nequations\\n  der(x) = -x\\n"
    text += "  when every 0.01\\n    n := n + 1\\n    x := x + 1\\n  end\\n  when time > 1e6\\n    x := 5\\n  end\\nend"
    script = f"import stiffdsl as sd; s = sd.loads('''{text}''').simulate((0, 9.995)); print(s.success, s['n'][-1])"
    environment = {**os.environ, "MALLOC_PERTURB_": "165"}
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    assert ran.stdout.split() == ["True", "999.0"], ran.stdout + ran.stderr


def test_times_in_a_sum_are_met_exactly():
    head = "  param at[3] = {0.25, 0.5, 0.75}\n  var x start 1\n  discrete n = 0"
    passed = "sum(if time >= at[i] then 1 else 0 for i in 1..3)"
    model = loaded(f"der(x) = -x\n  when {passed} > 1.5\n    n := n + 1\n  end", head)
    (event,) = model.simulate((0, 1)).events
    assert event.time == 0.5
