"""Events whose actions wait: after a time, holding values, while a condition holds, in the order of priorities."""

import jax
import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.solve.base.status import Status

LINE = "  var x start 0\n  discrete y = 0\n  discrete z = 0\nequations\n  der(x) = 1\n"


def run(text: str, time=(0.0, 10.0), **options):
    return sd.loads(f"model M\n{text}end\n").simulate(time, **options)


@pytest.mark.parametrize("method", ["auto", pytest.param("kvaerno5", marks=pytest.mark.slow)])
def test_actions_wait(method):
    both = (
        "  when x > 1 after 2\n    y := x\n  end\n  when x > 1 after 2*x holding\n    z := x\n  end\n"
        "  when every 4 after 0.5\n    x := x + 10\n  end\n"
    )
    found = run(LINE + both, (0, 5), method=method)
    assert (found["y"][-1], found["z"][-1], found["x"][-1]) == pytest.approx((3, 1, 15), rel=1e-12)
    assert [e.time for e in found.events] == pytest.approx([3, 3, 4.5], rel=1e-12)


def test_members_wait_for_themselves():
    text = (
        "  const n = 3\n  param d[n] = {1, 2, 3}\n  var x[n] start 0\nequations\n  for i in 1..n\n    der(x[i]) = i\n"
        "    when x[i] > 1 after d[i]\n      x[i] := 0\n    end\n  end\n"
    )
    found = run(text, (0, 4.5))
    assert [e.member for e in found.events] == [1, 2, 3, 1]
    assert [e.time for e in found.events] == pytest.approx([2, 2.5, 10 / 3, 4], rel=1e-12)


def test_equal_priorities_act_as_they_are_written_and_what_has_none_at_once():
    text = "".join(f"  when x > 1{p}\n    y := 10*y + {k}\n  end\n" for k, p in enumerate(
        (" priority 1", " priority 2 + x", " priority 1"), 1
    ))  # fmt: skip
    text += "  when x > 1\n    y := 7\n  end\n  when y > 7 while priority 5\n    z := y\n  end\n"
    found = run(LINE + text)
    assert (found["y"][-1], found["z"][-1]) == (7213, 72)
    assert len({e.time for e in found.events}) == 1


def test_what_cannot_be_kept_ends_the_run_by_name():
    pulses = (
        "  var v start 0\n  discrete y = 0\nequations\n  der(v) = cos(time)\n"
        "  when v > 0.5 after 60\n    y := 1\n  end\n"
    )
    found = run(pulses, (0, 100))
    assert found.status == Status.VIOLATED
    assert "more than 8 actions of this `when` wait at once (line 6)" in found.reason
    assert found.t[-1] == pytest.approx(np.pi / 6 + 8 * 2 * np.pi, rel=1e-5)
    late = run(
        "  param D = 2\n"
        + LINE
        + "  when x > 1 after D - 2*x\n    y := 1\n  end\n  when x > 3\n    x := 0\n  end\n"
    )
    # Zero but for rounding.
    assert late.success
    wrong = run("  param D = 1\n" + LINE + "  when x > 1 after D - 2*x\n    y := 1\n  end\n")
    assert "the delay of this `when` is negative (line 8)" in wrong.reason


@pytest.mark.slow
def test_derivatives_follow_what_waits():
    text = (
        "  param D = 2\n  param c = 1\n  var x start 0\n  var y start 0\nequations\n  der(x) = c\n  der(y) = -y\n"
        "  when x > 1 after D\n    y := y + x^2\n  end\n"
    )
    model = sd.loads(f"model M\n{text}end\n")
    solve = model.solver(saveat=[5.0], outputs=["y"], time=(0, 5), rtol=1e-9, atol=1e-11)
    D, c = 2.0, 1.3
    found = jax.grad(lambda p: solve(params=p)[-1, 0])({"D": D, "c": c})
    e, x = np.exp(-(5 - 1 / c - D)), 1 + c * D
    assert found["D"] == pytest.approx((2 * c * x + x**2) * e, rel=1e-6)
    assert found["c"] == pytest.approx((2 * D * x - x**2 / c**2) * e, rel=1e-6)


def test_a_published_case_with_delays():
    """Case 00421 of the SBML test suite: both events hold their values for a while."""
    text = (
        "  var S1 start 1\n  var S2 start 2\n  var S3 start 1\nreactions\n  S1 + S2 <-> S3 @ 0.075, 0.025\nequations\n"
        "  when S1 < 0.65 after 7.5 holding\n    S2 := 1\n  end\n"
        "  when S3 > 1.2 after 4.5 holding\n    S1 := 1\n  end\n"
    )
    found = run(text, (0, 25), saveat=[25.0], rtol=1e-9, atol=1e-12)
    assert [e.time for e in found.events] == pytest.approx([6.51692122, 11.98686622], rel=1e-8)
    final = [found[name][-1] for name in ("S1", "S2", "S3")]
    assert final == pytest.approx([0.65889076, 0.93091259, 1.76950059], rel=1e-8)
