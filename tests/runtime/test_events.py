"""Events: `when`, `discrete`, `stop` and `assert` in runs, against closed forms."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.solve.base.status import Status

BALL = """
model Ball
  param g = 9.81
  param e = 0.8
  var h start 1
  var v start 0
equations
  der(h) = v
  der(v) = -g
  when h < 0
    v := -e*v
  end
end
"""
ROOM = """
model Room
  param Tset = 20
  discrete on = 1
  discrete count = 0
  var T start 18
equations
  der(T) = -(T - 10)/10 + 2*on
  when T > Tset + 0.5
    on := 0
  elsewhen T < Tset - 0.5
    on := 1
    count := count + 1
  end
end
"""
DOSES = """
model Doses
  param k = 0.3
  param at[4] = {0, 6, 12, 18}
  param much[4] = {1, 2, 3, 4}
  var x start 0
equations
  der(x) = -k*x
  for i in 1..4
    when time >= at[i]
      x := x + much[i]
    end
  end
end
"""
TIGHT = {"rtol": 1e-10, "atol": 1e-12}


@pytest.fixture(scope="module")
def ball():
    return sd.loads(BALL)


@pytest.fixture(scope="module")
def room():
    return sd.loads(ROOM)


@pytest.fixture(scope="module")
def doses():
    return sd.loads(DOSES)


def told(solution):
    """Times and texts of events."""
    return [(event.time, event.when) for event in solution.events]


def bounces(count, g=9.81, e=0.8):
    first = math.sqrt(2 / g)
    return first * (1 + 2 * np.cumsum(np.r_[0.0, e ** np.arange(1, count)]))


def switchings(count):
    """Times at which the heater of the room goes off, on, off …"""
    off, on = 10 * np.log(np.array([(30 - 18) / (30 - 20.5), (30 - 19.5) / (30 - 20.5), 10.5 / 9.5]))[:2], 0
    on = 10 * math.log(10.5 / 9.5)
    return off[0] + np.arange(count) * on


def test_a_ball_bounces_when_it_should(ball):
    found = ball.simulate((0, 3.5))
    times = [event.time for event in found.events]
    np.testing.assert_allclose(times, bounces(len(times)), rtol=1e-10)
    assert len(times) == 9
    first = found.events[0]
    assert (first.when, first.line, first.member) == ("when h < 0", 10, None)
    before, after = first.changes["v"]
    assert before == pytest.approx(-math.sqrt(2 * 9.81), rel=1e-9)
    assert after == pytest.approx(-0.8 * before, rel=1e-12)
    # Both values of the jump are there.
    at = np.flatnonzero(np.diff(found.t) == 0)
    assert len(at) == 9
    np.testing.assert_allclose(found["v"][at[0] : at[0] + 2], [before, after], rtol=1e-12)


@pytest.mark.slow
def test_methods_agree_on_bounces(ball):
    found = ball.simulate((0, 2.0), method="tsit5", **TIGHT)
    np.testing.assert_allclose([event.time for event in found.events], bounces(3), rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fbdf", "kvaerno5", "radau5", "rodas4pw", "tsit5"])
def test_every_kind_of_method_finds_events(room, method):
    found = room.simulate((0, 10), method=method, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose([event.time for event in found.events], switchings(8), rtol=1e-6)


def test_a_thermostat_switches_with_hysteresis(room):
    found = room.simulate((0, 50), **TIGHT)
    times = [event.time for event in found.events]
    np.testing.assert_allclose(times, switchings(48), rtol=1e-9)
    assert [event.when.split()[0] for event in found.events[:3]] == ["when", "elsewhen", "when"]
    assert found["count"][-1] == 24
    saved = room.simulate((0, 50), saveat=np.linspace(0, 50, 11), **TIGHT)
    np.testing.assert_allclose(saved["T"], found(saved.t)["T"], rtol=1e-8)


def test_doses_are_given_at_their_times_the_first_at_the_start(doses):
    found = doses.simulate((0, 24), **TIGHT)
    at, much = np.array([0, 6, 12, 18]), np.array([1, 2, 3, 4])
    assert [(e.time, e.member) for e in found.events] == list(zip(at.tolist(), (1, 2, 3, 4), strict=True))
    assert found["x"][-1] == pytest.approx(np.sum(much * np.exp(-0.3 * (24 - at))), rel=1e-9)
    # One before the start is not given.
    later = doses.simulate((3, 24), **TIGHT)
    assert later["x"][-1] == pytest.approx(np.sum((much * np.exp(-0.3 * (24 - at)))[1:]), rel=1e-9)


@pytest.mark.slow
def test_derivatives_by_the_time_and_size_of_a_dose(doses):
    solve = doses.solver(saveat=[24.0], time=(0.0, 24.0), outputs=["x"], **TIGHT)

    def end(at, much):
        return solve({"at": at, "much": much})[0, 0]

    at, much = np.array([0.0, 6.0, 12.0, 18.0]), np.array([1.0, 2.0, 3.0, 4.0])
    by_at, by_much = jax.grad(end, argnums=(0, 1))(at, much)
    left = np.exp(-0.3 * (24 - at))
    np.testing.assert_allclose(by_much, left, rtol=1e-8)
    np.testing.assert_allclose(by_at[1:], (0.3 * much * left)[1:], rtol=1e-8)


def test_lanes_have_events_of_their_own(ball):
    e = np.array([0.5, 0.8, 0.9])
    found = ball.ensemble({"e": e}, time=(0, 1.5), saveat=[1.5], **TIGHT)
    alone = [ball.simulate((0, 1.5), {"e": x}, saveat=[1.5], **TIGHT)["h"][-1] for x in e]
    np.testing.assert_allclose(found["h"][:, -1], alone, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_a_solver_maps_and_differentiates_over_bounces(ball):
    solve = ball.solver(saveat=[1.0], time=(0.0, 1.0), outputs=["h"], **TIGHT)

    def height(e, g):
        return solve({"e": e, "g": g})[0, 0]

    def exact(e, g):
        first = np.sqrt(2 / g)
        since = 1.0 - first
        return e * g * first * since - g * since**2 / 2

    e, g = np.array([0.7, 0.8]), np.array([9.81, 9.0])
    np.testing.assert_allclose(jax.vmap(height)(e, g), exact(e, g), rtol=1e-8)
    for derived in (jax.grad, jax.jacfwd):
        by_e, by_g = derived(height, argnums=(0, 1))(e[0], g[0])
        assert by_e == pytest.approx((exact(0.7 + 1e-6, 9.81) - exact(0.7 - 1e-6, 9.81)) / 2e-6, rel=1e-7)
        assert by_g == pytest.approx((exact(0.7, 9.81 + 1e-6) - exact(0.7, 9.81 - 1e-6)) / 2e-6, rel=1e-6)


def run(text, time=(0, 3), **options):
    """A small model from what it declares and its equations."""
    return sd.loads(f"model M\n{text}\nend\n").simulate(time, **options)


CHAIN = """
  var x start 0
  discrete a = 0
  discrete b = 0
  discrete c = 0
equations
  der(x) = 1
  when x > 1
    a := 1
  end
  when a > 0.5
    b := a + 1
  end
  when b > 1.5
    c := b + 1
    x := x + 0.5
  end
"""


def test_what_an_event_makes_true_fires_at_the_same_instant():
    found = run(CHAIN, (0, 2))
    assert [event.when for event in found.events] == ["when x > 1", "when a > 0.5", "when b > 1.5"]
    assert len({event.time for event in found.events}) == 1
    assert [found[k][-1] for k in "abc"] == [1, 2, 3]
    assert found["x"][-1] == pytest.approx(2.5)


SWAP = """
  var x start 1
  var y start 2
  discrete first = 0
equations
  der(x) = 0
  der(y) = 0
  when time >= 1
    x := y
  end
  when time >= 1
    y := x
  end
  when time >= 2
    first := 1
  elsewhen time >= 2
    first := 2
  elsewhen time >= 2.5
    first := first + 10
  end
"""


def test_actions_of_one_instant_see_the_values_before_and_the_first_branch_acts():
    found = run(SWAP)
    assert (found["x"][-1], found["y"][-1]) == (2, 1)
    assert found["first"][-1] == 11


STARTS = """
  var x start 1
  discrete n = 0
  discrete m = 0
  discrete u = 0
equations
  der(x) = -x
  when start
    n := 5
  end
  when x < 0.5 or start
    m := m + 1
  end
  when x > 0.1
    n := 7
  end
  when every 0.5 from 0.25
    u := u + 1
  end
  when every 1
    u := u + 10
  end
"""


def test_the_start_and_clocks():
    found = run(STARTS, (0, 2), **TIGHT)
    # What holds at the start does not fire.
    assert (found["n"][-1], found["m"][-1]) == (5, 2)
    assert [e.time for e in found.events if "every 0.5" in e.when] == [0.25, 0.75, 1.25, 1.75]
    assert [e.time for e in found.events if "every 1" in e.when] == [1, 2]
    assert [e.time for e in found.events if "x < 0.5" in e.when] == [0, pytest.approx(math.log(2), rel=1e-9)]
    assert found["u"][-1] == 24


@pytest.mark.parametrize("method", ["auto", "kvaerno5"])
def test_a_clock_without_a_first_time_counts_from_the_start_of_the_run(method):
    text = "  param P = 3\n  var x start 0\nequations\n  der(x) = 1\n  when every P\n    x := 0\n  end\n"
    for start in (0.0, 1.5, -2.0):
        found = run(text, (start, start + 10), method=method)
        assert [e.time for e in found.events] == pytest.approx([start + 3, start + 6, start + 9], rel=1e-14)
        assert found["x"][-1] == pytest.approx(1, rel=1e-12)


def test_lanes_that_the_model_stops_are_successes():
    text = '  param v = 1\n  var x start 0\nequations\n  der(x) = v\n  when x > 5\n    stop "full"\n  end\n'
    batch = sd.loads(f"model M\n{text}\nend\n").ensemble(
        params={"v": [1.0, 2.0]}, time=(0, 4), saveat=[2.0, 4.0]
    )
    assert batch.success.tolist() == [True, True]
    assert batch["x"] == pytest.approx(np.array([[2, 4], [4, np.nan]]), rel=1e-9, nan_ok=True)
    assert "1 stopped by the model" in repr(batch)


def test_two_events_that_contradict_one_another_are_named():
    text = "  var x start 1\nequations\n  der(x) = 0\n"
    both = "  when time >= 1\n    x := 0\n  end\n  when time >= 1\n    x := 1\n  end\n"
    found = run(text + both)
    assert not found.success
    assert found.status == Status.CONFLICT
    assert "`when time >= 1` (line 5), `when time >= 1` (line 8)" in found.reason
    assert found.t[-1] == 1
    # The same value twice is no contradiction.
    assert run(text + both.replace("x := 0", "x := 1")).success


DOSES_AT_ONCE = """
  param at[3] = {1, 1, 2}
  param dose[3] = {10, 5, 3}
  param b = 2
  var x start 4
  discrete n = 0
equations
  der(x) = -0.3*x
  for i in 1..3
    when time >= at[i]
      x := x + dose[i]
      n := 1 + n
    end
  end
  when time >= 1
    x := b + x - 0.5*x
  end
  when time >= 0.5 after 0.5
    x := x - 1
    n := n - 3
  end
"""


@pytest.mark.parametrize("method", ["auto", pytest.param("tsit5", marks=pytest.mark.slow)])
def test_what_is_added_at_one_instant_is_summed(method):
    found = run(DOSES_AT_ONCE, (0, 3), method=method, saveat=[1, 2, 3], **TIGHT)
    decay = math.exp(-0.3)
    first = 4 * decay + 15 + 2 - 1 - 0.5 * 4 * decay
    assert found.success
    assert found["x"] == pytest.approx([first, first * decay + 3, (first * decay + 3) * decay], rel=1e-8)
    assert found["n"].tolist() == [-1, 0, 0]


@pytest.mark.parametrize("method", ["auto", pytest.param("tsit5", marks=pytest.mark.slow)])
def test_an_event_located_where_time_jumps_acts_too(method):
    text = (
        "  var z start 4\n  discrete n = 0\nequations\n  der(z) = -z\n  when time >= 1\n    n := 1\n  end\n"
    )
    found = run(
        text + "  when time >= 0.5 after 0.5\n    z := z - 1\n  end\n", (0, 2), method=method, **TIGHT
    )
    assert found["z"][-1] == pytest.approx((4 * math.exp(-1) - 1) * math.exp(-1), rel=1e-8)
    assert found["n"][-1] == 1


@pytest.mark.slow
def test_derivatives_of_what_is_added_at_one_instant():
    solve = sd.loads(f"model M\n{DOSES_AT_ONCE}\nend\n").solver([3.0], ["x"], time=(0, 3), **TIGHT)
    slope = jax.grad(lambda p: solve(p)[1][0])({"dose": jnp.array([10.0, 5, 3]), "b": 2.0})
    decay = math.exp(-0.3)
    assert slope["dose"] == pytest.approx([decay**2, decay**2, decay], rel=1e-7)
    assert slope["b"] == pytest.approx(decay**2, rel=1e-7)


def test_what_is_added_to_what_another_event_sets_is_a_contradiction():
    text = "  var x start 1\nequations\n  der(x) = 0\n  when time >= 1\n    x := x + 1\n  end\n"
    other = "  when time >= 1\n    x := 5\n  end\n"
    assert run(text + other).status == Status.CONFLICT
    assert run(text.replace("  when", other + "  when", 1)).status == Status.CONFLICT
    twice = text + text[text.index("  when") :]
    assert run(twice)["x"][-1] == 3
    # A multiple is no sum; alike it contradicts nothing.
    assert run(twice.replace("x + 1", "3*x"))["x"][-1] == 3
    assert run(text + other.replace("5", "3*x")).status == Status.CONFLICT


HALF = "  var x start 1\nequations\n  der(x) = -x\n  "


def test_a_run_that_is_stopped_ends_there_and_is_a_success():
    found = run(HALF + 'when x < 0.5\n    stop "half of it"\n  end\n', **TIGHT)
    assert found.success
    assert found.status == Status.STOPPED
    assert found.t[-1] == pytest.approx(math.log(2), rel=1e-10)
    assert "half of it" in found.reason
    assert found.ended_by == "half of it"
    saved = run(HALF + 'when x < 0.5\n    stop "half of it"\n  end\n', saveat=[0, 0.5, 1, 2], **TIGHT)
    np.testing.assert_allclose(saved.t, [0, 0.5, math.log(2)], rtol=1e-10)


def test_an_assertion_ends_a_run_with_its_text():
    found = run(HALF + 'assert x > 0.5, "too little"\n', **TIGHT)
    assert not found.success
    assert found.t[-1] == pytest.approx(math.log(2), rel=1e-10)
    assert "too little" in found.reason
    assert "line 5" in found.reason
    begun = run(HALF.replace("start 1", "start 0.4") + 'assert x > 0.5, "too little"\n')
    assert (begun.success, begun.t[-1]) == (False, 0)


# Of the portable tier one floor: each takes XLA ten seconds.
@pytest.mark.parametrize(
    ("floor", "method"),
    [(floor, "rodas5p") for floor in (1, -3, 100, 1e6)]
    + [(-3, "tsit5"), *(pytest.param(floor, "tsit5", marks=pytest.mark.slow) for floor in (1, 100, 1e6))],
)
def test_bounces_that_rounding_hides_are_not_missed_in_silence(floor, method):
    """Behind its last bounces a ball fell through a floor that is not at zero."""
    text = f"  var h start {floor + 1}\n  var v start 0\nequations\n  der(h) = v\n  der(v) = -9.81\n"
    found = run(f"{text}  when h < {floor}\n    v := -0.5*v\n  end\n", time=(0, 3), method=method)
    assert found.status == Status.ENDLESS
    assert f"`when h < {floor}`" in found.reason
    assert found["h"].min() >= floor - 1e-9 * (1 + abs(floor))
    # All bounces take so long together; the last ones that are seen rise by some roundings of the floor.
    rest = 8 * math.sqrt(2 * 64 * np.finfo(float).eps * abs(floor) / 9.81)
    assert found.t[-1] == pytest.approx(math.sqrt(2 / 9.81) * 3, abs=rest)


def test_what_never_ends_names_its_condition(ball):
    zeno = ball.simulate((0, 10))
    assert zeno.status == Status.ENDLESS
    # All bounces take so long together.
    assert zeno.t[-1] == pytest.approx(math.sqrt(2 / 9.81) * (1 + 2 * 0.8 / 0.2), rel=1e-9)
    assert "`when h < 0` (line 10)" in zeno.reason
    text = "  var x start 1\n  discrete d = -1\nequations\n  der(x) = d\n"
    text += "  when x < 0\n    d := 1\n  elsewhen x > 0\n    d := -1\n  end\n"
    chatters = run(text)
    assert not chatters.success
    assert chatters.t[-1] == pytest.approx(1)
    assert "(line 6)" in chatters.reason or "(line 8)" in chatters.reason
    loop = "  var x start 0\n  discrete a = 0\nequations\n  der(x) = 1\n  when x > 1\n    a := 1\n"
    loop += "  elsewhen a < 0.5\n    a := 1\n  end\n  when a > 0.5\n    a := 0\n  end\n"
    assert run(loop).status == Status.ENDLESS


def test_algebraic_unknowns_follow_events():
    text = "  var x start 1\n  var y guess 1\n  discrete k = 1\nequations\n  der(x) = -y\n  y^3 + y = k*x\n"
    found = run(text + "  when x < 0.5\n    k := 3\n  end\n", **TIGHT)
    (at,) = np.flatnonzero(np.diff(found.t) == 0)
    for k, i in ((1, at), (3, at + 1)):
        y = found["y"][i]
        assert y**3 + y == pytest.approx(k * 0.5, rel=1e-9)


HOUSE = """
model Thermostat
  param T0 = 18
  param high = 20.5
  discrete on = 1
  var T start T0
equations
  der(T) = -(T - 10)/10 + 2*on
  when T > high
    on := 0
  elsewhen T < 19.5
    on := 1
  end
end
model House
  const n = 3
  param starts[n] = {18 + 1/6, 18 + 2/6, 18 + 3/6}
  part r[n] : Thermostat(T0 = starts)
  discrete total = 0
equations
  for i in 1..n
    when r[i].T > 20.5
      total := i
    end
  end
end
"""


def test_arrays_of_parts_have_events_of_their_own():
    found = sd.loads(HOUSE).simulate((0, 4), **TIGHT)
    first = [
        next(e.time for e in found.events if e.when == "when T > high" and e.member == i) for i in (1, 2, 3)
    ]
    starts = np.array([18 + i / 6 for i in (1, 2, 3)])
    np.testing.assert_allclose(first, 10 * np.log((30 - starts) / 9.5), rtol=1e-9)


def test_what_takes_no_events_says_so(room):
    for asked in (room.simulate, room.solver, lambda time: room.ensemble({"Tset": [20.0, 21.0]}, time=time)):
        with pytest.raises(ValueError, match="forward in time"):
            asked(time=(10.0, 0.0))


def test_what_events_set_conserves_nothing():
    text = ROOM.replace("  var T start 18\n", "  var T start 18\n  var a start 1\n  var b start 0\n")
    text = text.replace("equations\n", "equations\n  der(a) = -a\n  der(b) = a\n")
    kept = sd.loads(text, eliminate_conserved=True)
    assert list(kept.conserved) == ["a + b"]
    assert kept.simulate((0, 5))["on"][-1] == sd.loads(text).simulate((0, 5))["on"][-1]


def test_outputs_keep_what_events_need():
    text = ROOM.replace("  var T start 18\n", "  var T start 18\n  var E start 0\n")
    model = sd.loads(text.replace("equations\n", "equations\n  der(E) = on\n"))
    whole = model.simulate((0, 10), saveat=[10.0])
    for name in ("E", "count"):
        assert model.simulate((0, 10), saveat=[10.0], outputs=[name])[name][-1] == pytest.approx(
            whole[name][-1], rel=1e-5
        )


def test_modes_are_told_by_their_names():
    events = (
        sd.loads(
            "enum Mode {off, on}\nmodel M\n  discrete mode : Mode = off\n  var x start 0\nequations\n  der(x) = 1\n"
            "  when x > 1 and mode == off\n    mode := on\n  end\nend"
        )
        .simulate((0, 2))
        .events
    )
    assert str(events[0]).endswith("mode off -> on")
    assert events[0].changes == {"mode": (1.0, 2.0)}


COUNTER = """
model Counter
  var x start 0
  var z start 0
  discrete n = 0
equations
  der(x) = 1
  der(z) = 200*cos(200*time)
  when x > 1
    x := 0
    n := n + 1
  end
  when n == 130
    stop "as often as it was to"
  end
end
"""


def test_discrete_variables_keep_their_values_to_the_last_bit_and_long_runs_few_steps():
    model = sd.loads(COUNTER)
    found = model.simulate((0, 150), saveat=[0.5, 100.25, 150], max_steps=None)
    assert found.ended_by == "as often as it was to"
    assert found.t[-1] == pytest.approx(130, rel=1e-9)
    assert found["n"].tolist() == [0, 100, 130]
    assert found["x"][1] == pytest.approx(0.25, rel=1e-6)
    assert len(found.events) == 131
    every = model.simulate((0, 5))
    few = model.simulate((0, 5), saveat=[2.5])
    assert str(every.events) == str(few.events)
    assert few["x"][0] == pytest.approx(every(2.5)["x"], rel=1e-12)


@pytest.mark.parametrize(
    ("condition", "located"),
    [
        ("time >= k", False),
        ("time > k and time < 2*k or not time < 3*k", False),
        ("time >= k + x", True),
        ("time >= k and x > 0", True),
        ("2*time - k >= time", True),
    ],
)
def test_what_waits_for_a_time_is_not_looked_for_within_steps(condition, located):
    model = sd.loads(
        "model M\n  param k = 0.7\n  var x start 0\n  var n start 0\nequations\n  der(x) = 0\n  der(n) = 0\n"
        f"  when {condition}\n    n := n + 1\n    x := time\n  end\nend"
    )
    assert model.program.events.located.tolist() == [located]
    found = model.simulate((0, 0.8))
    assert (found["n"][-1], found["x"][-1]) == pytest.approx(
        (float(condition != "time >= k and x > 0"), 0.7 * found["n"][-1])
    )


def test_many_may_fire_at_one_instant_or_but_for_rounding():
    text = """
  const N = 40
  param I[N] = (2 + i for i in 1..N)
  var V[N] start (1 - (1 + i)/4 for i in 1..N)   # all reach one at log(5/4), but for rounding
  discrete spikes[N] = 0
  discrete chain[N] = 0
  discrete last = 0
equations
  for i in 1..N
    der(V[i]) = I[i] - V[i]
    when V[i] > 1
      V[i] := -50
      spikes[i] := 1
    end
  end
  when spikes[1] > 0.5
    chain[1] := 1
  end
  for i in 2..N
    when chain[i-1] > 0.5                        # each sets off the next, at one instant
      chain[i] := 1
    end
  end
  when chain[N] > 0.5
    last := time
  end
"""
    solution = run(text, (0, 0.5), rtol=1e-7)
    assert solution.success, solution.reason
    assert np.all(solution["spikes"][-1] == 1)
    assert solution["last"][-1] == pytest.approx(math.log(1.25), rel=1e-6)


def test_actions_choose_by_the_index_of_the_loop_and_their_own():
    found = sd.loads("""
model Pulses
  var V[4] start (0.2*i for i in 1..4)
equations
  for i in 1..4
    der(V[i]) = 1
    when V[i] >= 1
      V := (if j == i then 0 else V[j] + 0.1 for j in 1..4)
    end
  end
end
""").simulate((0, 0.95), rtol=1e-9)
    assert [event.time for event in found.events] == pytest.approx([0.2, 0.3, 0.4, 0.5, 0.9], abs=1e-9)
    assert found["V"][-1] == pytest.approx([0.55, 0.75, 0.95, 0.05], abs=1e-9)


@pytest.mark.parametrize(("start", "end"), [(0.0, 0.3), (2.0, 2.4), (0.0, 0.7)])
def test_a_clock_that_strikes_at_the_end_counts_there(start, end):
    """Multiples of 0.1 that rounding puts just behind the end are at it."""
    clock = "model M\n  discrete n = 0\n  var x start 1\nequations\n  der(x) = n - x\n  when every 0.1\n"
    clock += "    n := n + 1\n  end\nend\n"
    found = sd.loads(clock).simulate((start, end))
    assert found["n"][-1] == len(found.events) == round((end - start) / 0.1)


@pytest.mark.parametrize("method", ["rodas5p", "tsit5"])
@pytest.mark.parametrize(("action", "name"), [("n := 1/a", "n"), ("x := log(a)", "x")])
def test_an_action_that_sets_what_is_not_finite_ends_the_run(method, action, name):
    """At the end of the run, too, where no step follows that would notice."""
    text = "  param a = 0\n  var x start 1\n  discrete n = 0\nequations\n  der(x) = -x\n"
    text += f"  when time >= 1\n    {action}\n  end\n"
    for end in (1, 2):
        found = run(text, (0, end), method=method)
        assert found.status == Status.NON_FINITE
        assert f"`when time >= 1` (line 7) sets `{name}` to what is no finite number" in found.reason
        assert found.t[-1] == 1


def test_events_read_variables_that_are_zero():
    """Nothing computes what an equation says is zero: an open end, the middle of a chain."""
    text = (
        "  var x[3]\n  var y start 1\n  discrete n[3] = 5\n  discrete m = 0\n  discrete k = 0\nequations\n"
        "  x[1] = y\n  x[2] = 0\n  x[3] = -y\n  der(y) = -y\n"
        "  for i in 1..3\n    when abs(x[i]) < 0.5\n      n[i] := 1 + x[i]\n    end\n  end\n"
        "  when sum(cos(x[i]) for i in 1..3) > 1 + 2*cos(0.7)\n    m := 1 + x[2]\n  end\n"
        "  when x[2] + 1 > 2*y\n    k := 2 + x[2]\n  end\n"
    )
    found = run(text, (0, 1), **TIGHT)
    assert [found[f"n[{i}]"][-1] for i in (1, 2, 3)] == pytest.approx([1.5, 5, 0.5], rel=1e-7)
    assert (found["m"][-1], found["k"][-1]) == (1, 2)
    times = [e.time for e in found.events]
    assert times[0] == pytest.approx(-math.log(0.7), rel=1e-8)
    assert times[1] == pytest.approx(math.log(2), rel=1e-8)


def test_equations_without_a_value_are_not_laid_to_an_event():
    """Saved times behind the end of a run have no values: nothing was set there."""
    text = "  var x start 1\n  var y start 0\nequations\n  der(x) = -1\n  der(y) = log(x)\n"
    text += "  when y < -10\n    x := x + 1\n  end\n"
    found = run(text, (0, 2), saveat=[0.0, 0.999, 2.0])
    assert found.status == Status.NON_FINITE
    assert "takes the logarithm of" in found.reason
    assert "when" not in found.reason
