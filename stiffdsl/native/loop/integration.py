"""The loop of `solve/integrate/loop.py` as code: begin, aim at the next step, and settle what became of an attempt.

The choice of the first step, the step sizes, the statuses and the saving are those of the portable tier, with the same
constants; `tests/native` holds both to the same steps.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from stiffdsl.native.host.interrupt_word import SYMBOL
from stiffdsl.native.ir.registers import RegisterNamespace
from stiffdsl.native.loop.between_steps import BetweenSteps
from stiffdsl.native.loop.time_events import beyond_of
from stiffdsl.native.step.attempt import PARAMETERS
from stiffdsl.native.step.events import FIRED, STATUS, STOP
from stiffdsl.native.step.layout import OPTIONS, STATE
from stiffdsl.solve.base import control, first_step
from stiffdsl.solve.base.crossings import SAME
from stiffdsl.solve.base.event_rules import CROWD, crowded, ending
from stiffdsl.solve.base.first_step import EPSILON, ROUNDINGS
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate import loop
from stiffdsl.solve.integrate.branches import ATTEMPTS

# Attempts in a row that go without planned pivots where these keep being bad.
LONGEST_SPELL = 64

# After so many rejections in a row, or one of a step that is this short beside the time behind it, another method tries
# it: at kinks whose sides differ by many orders of magnitude, shorter steps do not help a method that knows the slopes
# of one side alone. It comes ever nearer.
KINK, CRAWL = 6, 1e-8
# So many times the error expected of a short step, and at least this much, is that of a longer one.
ALIKE, NOTICED = 100.0, 0.05


class Integration(BetweenSteps):
    """Code that steps one solve."""

    # The function that makes an attempt by calls.
    attempt = "attempt_general"
    watches_kinks = True
    # Whether derivatives of the solve are taken, which follow f as it is.
    follows_slopes = False

    def clear(self) -> None:
        """Inputs as they are without signals; nothing changes with time. Parameters, and what follows from them."""
        code = self.code
        self.prepare()
        for k, name in enumerate(("low", "high")):
            code.store(self.get(name), self.area("span"), k)
        if self.model.inputs:
            with code.loop(self.model.inputs) as i:
                code.store(self.number(0), code.at(self.area("span"), 2), i)
                code.store(code.load(self.pointers["u"], i), self.area("u"), i)
                code.store(self.number(0), self.area("u_t"), i)
        with code.loop(self.n) as k:
            code.store(self.number(0), self.area("f_t"), k)

    def forget_events(self) -> None:
        """No event fires whatever its condition: the arrays of a call hold nothing of the calls before it."""
        if self.model.events is not None:
            with self.code.loop(self.model.events.count) as k:
                self.code.store(self.number(0), self.area("also"), k)
                self.code.store(self.number(0), self.area("crowd"), k)

    def forget_slope(self) -> None:
        """The slope at the beginning of the next step is not known."""
        if self.model.explicit is not None:
            self.code.store(self.number(0), self.area("known"))

    def recall_slope(self) -> None:
        """The slope at the beginning of the next step of an explicit method into its first stage, if it is not."""
        if self.model.explicit is None:
            return
        code = self.code
        with code.when(code.apply("eq", code.load(self.area("known")), self.number(0))):
            t = self.get("t")
            self.drive(t)
            self.call_rhs(t, self.y, self.area("stages"))
            code.store(self.number(1), self.area("known"))

    def prepare(self) -> None:
        code, model = self.code, self.model
        if not model.fills_parameters:
            return
        with code.loop(model.given) as k:
            code.store(code.load(self.pointers["p"], k), self.p, k)
        with code.loop(model.sides) as k:
            code.store(self.get("side"), code.at(self.p, model.given), k)
        if model.prepare is not None:
            result = code.at(self.p, model.given + model.sides)
            code.call("prepare", *(f"ptr {p}" for p in (self.p, result, self.area("scratch"))))

    def begin(self) -> None:
        """As `loop.begin`."""
        code, t0, t1 = self.code, self.option("t0"), self.option("t1")
        zero = self.number(0)
        for name in STATE:
            self.set(name, zero)
        self.set("t", t0)
        self.set("opening", self.number(math.inf))
        with code.loop(self.n) as k:
            code.store(code.load(self.pointers["y0"], k), self.y, k)
        sound = code.finite(self.y, self.n)
        with code.loop(self.n) as k:
            blame = code.select(sound, zero, self.number(float("nan")))
            code.store(blame, self.scaled, k)
        status = code.select(
            code.apply("eq", t0, t1), self.number(Status.SUCCESS), self.number(Status.RUNNING)
        )
        self.set("status", code.select(sound, status, self.number(Status.NON_FINITE)))
        with code.when(sound):
            self._begin_events()
            self._depart()
            self._end_outside(self._outside(t0))
        self._begin_saves()

    def _depart(self) -> None:
        """Steps from the state on without memory, as `loop._begin_at`: up to the next jump."""
        if not self.model.starts_anew:
            self._first_step()
            return
        self.close()
        self.code.call("depart", "ptr %operands", "ptr %work")
        self.read()

    def depart(self) -> None:
        """The function for that."""
        code = self.code
        t, end = self.get("t"), self.option("t1")
        if self.model.lands:
            self._aim_at_jump(t, end)
        self._happen()
        # Nothing goes on from t1, nor from where the solve has ended.
        ends = code.apply("and", code.apply("eq", t, end), code.apply("ne", t, self.option("t0")))
        with code.when(code.apply("not", ends)):
            self._first_step()

    def _aim_at_jump(self, t: str, end: str) -> None:
        """The next jump in time, and what conditions on time are up to there; algebraic unknowns anew where something
        jumps."""
        code, number = self.code, self.number
        pointers = (self.pointers["p"], "%operands", *map(self.area, ("side", "lines", "here", "scratch")))
        listed = (f"double {t}", f"double {end}", *(f"ptr {p}" for p in pointers))
        self.set("stop", code.call("next_time_event", *listed, result="double"))
        goal = self._goal()
        middle = code.apply("mul", number(0.5), code.apply("add", t, goal))
        if self.model.resets or self.model.events is not None:
            # At t1 no step follows; what jumps there has jumped.
            after = code.apply("add", t, code.apply("mul", self.direction, beyond_of(code, t)))
            middle = code.select(code.apply("eq", t, goal), after, middle)
        self.set("side", middle)
        first = code.apply("add", t, code.apply("mul", self.direction, beyond_of(code, t)))
        last = code.apply("sub", goal, code.apply("mul", self.direction, beyond_of(code, goal)))
        self.set("low", code.smaller(code.smaller(first, last), middle))
        self.set("high", code.larger(code.larger(first, last), middle))
        self.clear()
        self._reset()

    def _instant(self, name: str) -> None:
        """A function of `step/events.py` for the time and the values that there are."""
        pointers = (self.y, self.p, "%operands", "%work")
        self.code.call(name, f"double {self.get('t')}", *(f"ptr {p}" for p in pointers))

    def _begin_events(self) -> None:
        """Conditions before the solve begins, and the events that fire at its start."""
        model, code = self.model, self.code
        if model.events is None:
            return
        self.set("event_last", self.number(-math.inf))
        if model.time_events is not None:
            t = self.get("t")
            back = code.apply("mul", self.direction, beyond_of(code, t))
            self.set("side", code.apply("sub", t, back))
            self.prepare()
        self._instant("event_before")
        starting = code.module.constants(model.events.at_start.astype(float))
        with code.loop(model.events.count) as k:
            code.store(code.load(starting, k), self.area("also"), k)
            code.store(self.number(0), self.area("crowd"), k)
        for k in np.flatnonzero(model.events.from_start).tolist():
            code.store(self.number(0), self.area("before"), k)

    def _happen(self) -> None:
        """All that happens at an instant, and what it ends (as `remembered` in `solve/integrate/events.py`)."""
        if self.model.events is None:
            return
        code, number, t = self.code, self.number, self.get("t")
        self._instant("happen")
        fired, stop, status = (code.load(self.area("happened"), k) for k in (FIRED, STOP, STATUS))
        with code.when(code.apply("ne", fired, number(0))):
            xp = RegisterNamespace(code)
            times = xp.of(t, self.get("event_last"), code.apply("sub", self.option("t1"), self.option("t0")))
            most = code.variable("double", number(0))
            with code.loop(self.model.events.count) as k:
                counts = xp.of(*(code.load(self.area(name), k) for name in ("crowd", "acted")))
                crowd = crowded(xp, *times, *counts).text
                code.store(crowd, self.area("crowd"), k)
                code.store(code.larger(code.load(most), crowd), most)
            self.set("event_last", t)
            self.set("stopped", stop)
            found = xp.of(status, stop, code.load(most), self.get("status"))
            self.set("status", ending(xp, found[0], found[1], found[2] > CROWD, found[3]).text)

    def _reset(self) -> None:
        """Sets algebraic unknowns anew where something jumps; the status where that fails."""
        if not self.model.resets:
            return
        code, here = self.code, self.code.load(self.area("here"))
        self.set("reset", here)
        with code.when(code.apply("ne", here, self.number(0))):
            self.drive(self.get("t"))
            pointers = (f"ptr {p}" for p in (self.y, self.p, "%work"))
            good = code.call("reset", f"double {self.get('t')}", *pointers, result="i1")
            begins = code.apply("eq", self.get("t"), self.option("t0"))
            failed = code.select(begins, self.number(Status.INITIAL), self.number(Status.JUMP))
            self.set("status", code.select(good, self.get("status"), failed))

    def _goal(self) -> str:
        """The time at which steps end next: that of a jump, or t1."""
        if not self.model.lands:
            return self.option("t1")
        code, stop, end = self.code, self.get("stop"), self.option("t1")
        return code.select(code.apply("lt", self._along(stop), self._along(end)), stop, end)

    def _arrive(self, end: str, located: str | None = None) -> None:
        """At a jump, at a knot, or at t1; whether an event is `located` there, too."""
        code = self.code
        if not self.model.lands and not self.model.bends and self.model.events is None:
            self.set("status", self.number(Status.SUCCESS))
            return
        done = code.apply("eq", end, self.option("t1"))
        self.set("status", code.select(done, self.number(Status.SUCCESS), self.get("status")))
        if not self.model.lands:
            return
        jumps = code.apply("eq", end, self.get("stop"))
        if not self.model.leaps:
            jumps = code.apply("and", jumps, code.apply("not", done))
        with code.when(jumps):
            self._pass_jump(end, located)

    def _pass_jump(self, end: str, located: str | None) -> None:
        """Passes what jumps in time at the end of a step. What conditions were before an event that is `located` there
        is known already: at the end it holds."""
        if self.model.events is not None:
            with self.code.when(self.code.flag(True) if located is None else self.code.apply("not", located)):
                self._instant("event_before")
        self._before_reset(end)
        self._depart()
        self._after_reset(end)

    def _first_step(self) -> None:
        """As `loop._first_step`."""
        code, number = self.code, self.number
        span = code.apply("abs", code.apply("sub", self._goal(), self.get("t")))
        length = code.smaller(span, self.option("max_step"))
        started = code.apply("eq", self.get("t"), self.option("t0"))
        given = code.select(started, self.option("first_step"), number(0))
        step = code.variable("double", given)
        self._slope()
        self.add("rhs", 1)
        proposed = code.select(started, number(0), code.apply("abs", self.get("h")))
        if self.model.explicit is not None:
            # What is too long for an explicit step shows in its error, whatever began to move.
            code.store(code.select(code.apply("gt", given, number(0)), given, proposed), step)
        with code.when(code.apply("not", code.apply("gt", code.load(step), number(0)))):
            code.store(self._chosen_step(length), step)
            self.add("rhs", 1)
        xp = RegisterNamespace(code)
        code.store(first_step.behind(xp, *xp.of(code.load(step), proposed)).text, step)
        chosen = first_step.limited(xp, *xp.of(code.load(step), self.get("t"), length))
        self.set("h", code.apply("mul", self.direction, chosen.text))
        self.set("expected", number(0))

    @property
    def _slope_area(self) -> str:
        return self.area("b" if self.model.explicit is None else "stages")

    def _moving(self, k: str, value: str) -> str:
        """A value of a state, zero for an algebraic unknown."""
        mass = self.code.module.constants(self.model.mass)
        own = self.code.apply("ne", self.code.load(mass, k), self.number(0))
        return self.code.select(own, value, self.number(0))

    def _slope(self) -> None:
        """The slope into its array. Where the equations give no number a step may find one beside; where they are
        infinite no solution begins."""
        code, number, t, slope = self.code, self.number, self.get("t"), self._slope_area
        self.drive(t)
        self.call_rhs(t, self.y, slope)
        steep = code.variable("double", number(0))
        with code.loop(self.n) as k:
            code.store(self._moving(k, code.load(slope, k)), slope, k)
            most = code.larger(code.load(steep), code.apply("abs", code.load(slope, k)))
            code.store(most, steep)
        with code.when(code.apply("eq", code.load(steep), number(math.inf))):
            self.set("status", number(Status.NON_FINITE))
        if self.model.explicit is not None:
            code.store(number(1), self.area("known"))

    def _chosen_step(self, length: str) -> str:
        code, t0 = self.code, self.get("t")
        slope, later, moved, size = self._slope_area, self.area("z"), self.area("argument"), self.area("y1")
        with code.loop(self.n) as k:
            tolerated = code.apply("mul", self.option("rtol"), code.apply("abs", code.load(self.y, k)))
            code.store(code.apply("add", code.load(self.pointers["atol"], k), tolerated), size, k)
        d0 = self.mean_square(lambda k: code.apply("div", code.load(self.y, k), code.load(size, k)))
        d1 = self.mean_square(lambda k: code.apply("div", code.load(slope, k), code.load(size, k)))
        xp = RegisterNamespace(code)
        before = code.smaller(code.apply("abs", self.get("whole")), length)
        h0 = first_step.trial(xp, *xp.of(d0, d1, length, before)).text
        step = code.apply("mul", self.direction, h0)
        with code.loop(self.n) as k:
            value = code.apply("add", code.load(self.y, k), code.apply("mul", step, code.load(slope, k)))
            code.store(value, moved, k)
        time = code.apply("add", t0, step)
        self.drive(time)
        self.call_rhs(time, moved, later)

        def change(k: str) -> str:
            difference = code.apply("sub", self._moving(k, code.load(later, k)), code.load(slope, k))
            return code.apply("div", difference, code.load(size, k))

        d2 = code.apply("div", self.mean_square(change), h0)
        order = self.model.steps.order
        return first_step.chosen(xp, *xp.of(h0, d1, d2, length, before), order=order).text

    def limit(self) -> str:
        """Whether the attempts are used up, or Ctrl-C was pressed; then that is the status."""
        code = self.code
        tried = code.apply("add", self.get("accepted"), self.get("rejected"))
        over = code.apply("ge", tried, self.option("max_steps"))
        with code.when(over):
            self.set("status", self.number(Status.MAX_STEPS))
        code.module.declare(f"@{SYMBOL} = external global i64")
        word = code.made(f"load atomic i64, ptr @{SYMBOL} monotonic, align 8")
        stopped = code.value(f"icmp ne i64 {word}, 0")
        with code.when(stopped):
            self.set("status", self.number(Status.INTERRUPTED))
        return code.apply("or", over, stopped)

    def aim(self) -> tuple[str, str, str, str]:
        """The next step: t, h, whether it is the last one up to t1, a jump or a knot, and its end."""
        code = self.code
        t, proposed = self.get("t"), self.get("h")
        whole = self._goal()
        goal = self._reach(t, whole)
        remaining = code.apply("sub", goal, t)
        length, left = code.apply("abs", proposed), code.apply("abs", remaining)
        last = code.apply("ge", code.apply("mul", length, self.number(loop.STRETCH)), left)
        kink = self.get("kink")
        short = code.apply("ne", kink, self.number(0))
        if self.model.bends:
            near = code.apply("ge", code.apply("mul", length, self.number(loop.HALVED)), left)
            halved = code.apply("and", near, code.apply("ne", goal, whole))
            half = code.apply("mul", remaining, self.number(0.5))
            planned = code.select(halved, half, proposed)
        else:
            planned = proposed
        if self.model.kinks is not None:
            planned = code.select(short, kink, planned)
            last = code.select(short, code.apply("ge", code.apply("abs", kink), left), last, "i1")
        h = code.select(last, remaining, planned)
        return t, h, last, code.select(last, goal, code.apply("add", t, h))

    def _reach(self, t: str, goal: str) -> str:
        """As `solve.knots.reach_of`: knots are passed one by one."""
        code = self.code
        if not self.model.bends:
            return goal
        count, reached = code.to_integer(self.option("knots")), code.variable("double", goal)
        with code.when(code.value(f"icmp sgt i64 {count}, 0")):
            begin = self.pointers["knots"]
            along = self._along(t)
            rounding = code.apply("mul", self.number(SAME), code.apply("abs", along))
            along = code.apply("add", along, rounding)
            k = code.variable("i64", code.to_integer(self.get("knot")))
            with code.forever() as passing:
                after = code.integer("add", code.load(k, kind="i64"), "1")
                code.leave(passing, code.value(f"icmp sge i64 {after}, {count}"))
                code.leave(passing, code.apply("gt", code.load(begin, after), along))
                code.store(after, k, kind="i64")
            place = code.load(k, kind="i64")
            self.set("knot", code.to_real(place))
            reach = code.load(begin, code.integer("add", count, place))
            far = self._along(goal)
            rounding = code.apply("mul", self.number(SAME), code.apply("abs", far))
            nearer = code.apply("lt", reach, code.apply("sub", far, rounding))
            code.store(code.select(nearer, self._along(reach), goal), reached)
        return code.load(reached)

    def settle(self, t: str, h: str, last: str, end: str, error: str) -> None:
        """As `loop.advance` after the attempt, and `control.predictive`."""
        code, number, model = self.code, self.number, self.model
        error = self._error_between(t, h, error)
        self._count_work()
        xp = RegisterNamespace(code)
        missed, expected, rejections = xp.of(error, self.get("expected"), self.get("rejections"))
        accept = code.apply("le", error, number(1))
        if model.bends or model.starts_anew or model.kinks is not None:
            self.set("whole", self.get("h"))
        short = self._ends_short(t, h, accept)
        accept = code.value(f"and i1 {accept}, {code.value(f'xor i1 {short}, true')}")
        with code.choice(accept) as (yes, no):
            with yes:
                most = xp.of(self._longest(control.longest(xp, rejections).text, h))
                step, expected_next = self._controlled(xp, True, missed, expected, most, h)
                self._propose(h, xp.exp(step).text)
                self.set("expected", expected_next.text)
                self.add("accepted", 1)
                self.set("rejections", number(0))
                self.set("kink_attempts", number(0))
                self.set("failure", number(Status.SUCCESS))
                self.project(code.apply("add", t, h))
                happens, length, reached, arrives = None, h, end, last
                if model.events is not None and np.any(model.events.located):
                    happens, length, reached, arrives = self._look_for_event(t, h, end, last)
                self._save(t, length, reached, known=happens is not None)
                with code.loop(self.n) as k:
                    self.keep(k)
                self._keep_slope(arrives, happens)
                self.set("t", reached)
                left = self._outside(reached)
                self._open(arrives, reached)
                with code.when(arrives):
                    self._arrive(reached, happens)
                if happens is not None:
                    with code.when(happens):
                        self._pass_event(reached)
                self._end_outside(left)
            with no:
                self.add("rejected", 1)
                with code.when(code.value(f"xor i1 {short}, true")):
                    step, expected_next = self._controlled(xp, False, missed, expected, 0.0, h)
                    self._propose(h, xp.exp(step).text)
                    self.set("expected", expected_next.text)
                    self.add("rejections", 1)
                    failure = code.select(
                        self._finite(error), number(Status.SUCCESS), number(Status.NON_FINITE)
                    )
                    self.set("failure", failure)
        self._stuck()

    def _count_work(self) -> None:
        """Counts what an attempt takes."""
        if self.model.explicit is not None:
            self.add("rhs", len(self.model.explicit.c) - 1)
            return
        self.add("rhs", self.model.tableau.stages)
        self.add("jacobians", 1)
        self.add("factorizations", 1)

    def _controlled(self, xp: RegisterNamespace, accept: bool, error: Any, before: Any, most: Any, h: str):
        """The logarithm of the factor for the next step, and what is kept for the one after it: the logarithm of the
        error that is expected of the next step, or of that of this one, by the method's kind of control."""
        order = self.model.steps.order
        if self.model.explicit is None:
            return control.predicted(xp, accept, error, before, most, order)
        if not accept or not self.model.bends:
            return control.integrated(xp, accept, error, before, most, order, accept)
        cut = self.code.apply("abs", self.code.apply("div", self.get("whole"), h))
        whole = xp.of(self.code.apply("le", cut, self.number(1)))
        return control.integrated(xp, accept, error, before, most, order, whole)

    def _keep_slope(self, arrives: str, happens: str | None) -> None:
        """The last slope of an accepted step is the first one of the next, unless the step was cut or something may
        happen at its end; and how many steps in a row stability has bounded."""
        code, number, model = self.code, self.number, self.model
        if model.explicit is None:
            return
        last = self.area("stages", model.explicit.stages - 1)
        with code.loop(self.n) as k:
            code.store(code.load(last, k), self.area("stages"), k)
        anew = arrives if happens is None else code.apply("or", arrives, happens)
        code.store(code.select(anew, number(0), number(1)), self.area("known"))
        bounded = code.apply("ne", code.load(self.area("stiff")), number(0))
        fewer = code.larger(code.apply("sub", self.get("stiff_steps"), number(0.5)), number(0))
        counted = code.select(bounded, code.apply("add", self.get("stiff_steps"), number(1)), fewer)
        self.set("stiff_steps", counted)
        with code.when(code.apply("ge", counted, self.option("stiff"))):
            self.set("status", number(Status.STIFF))

    def inputs_at(self, t: str) -> str:
        """The array of the inputs at a time."""
        self.drive(t)
        return self.area("u")

    def _outside(self, t: str) -> str | None:
        """Whether an argument lies outside of a table that refuses it."""
        if self.model.bounds is None:
            return None
        pointers = self.y, self.pointers["p"], self.inputs_at(t), self.area("looked_up"), self.area("scratch")
        listed = (f"double {t}", *(f"ptr {p}" for p in pointers), f"double {self.option('rtol')}")
        return self.code.call("outside", *listed, result="i1")

    def _end_outside(self, left: str | None) -> None:
        """Ends the solve where an argument `left` its table."""
        if left is not None:
            outside = self.number(Status.OUTSIDE)
            self.set("status", self.code.select(left, outside, self.get("status")))

    def _look_for_event(self, t: str, h: str, end: str, last: str) -> tuple[str, str, str, str]:
        """Whether an event lies in the accepted step, and the step up to there: its size, its end, and whether it ends
        where it was to."""
        code, number = self.code, self.number
        self.gather()
        self._rows(t, h)
        values = (t, h, self.option("rtol"), self.pointers["atol"], self.y, self.p, "%operands", "%work")
        listed = [f"{kind} {value}" for (kind, _), value in zip(PARAMETERS, values, strict=False)]
        theta = code.call("event_located", *listed, result="double")
        lost = code.apply("lt", theta, number(0))
        theta = code.apply("abs", theta)
        happens = code.apply("and", code.apply("not", lost), code.apply("le", theta, number(1)))
        inside = code.apply("lt", theta, number(1))
        self.set("status", code.select(lost, number(Status.ENDLESS), self.get("status")))
        length = code.select(inside, code.apply("mul", theta, h), h)
        end = code.select(inside, code.apply("add", t, length), end)
        with code.when(inside):
            code.call("event_cut", *listed, f"double {theta}", f"i1 {self.is_read_between(end)}")
        return happens, length, end, code.apply("and", last, code.apply("not", inside))

    def _pass_event(self, end: str) -> None:
        """Passes an event at the end of a step, unless that was a jump in time, too."""
        code = self.code
        if self.model.lands:
            # `_arrive` has passed it.
            waiting = code.apply("ne", self.get("event_last"), end)
        else:
            waiting = code.flag(True)
        with code.when(waiting):
            self._before_reset(end, jumps=False)
            self._depart()
            self._after_reset(end)

    def _looks(self) -> str:
        """Whether an attempt is looked at for kinks."""
        return self.code.apply("lt", self.get("kink_attempts"), self.number(ATTEMPTS))

    def holds(self) -> str:
        """Whether the next attempt holds conditions as they are at its start: not behind one that found no number."""
        sound = self.code.apply("eq", self.get("failure"), self.number(Status.SUCCESS))
        return self.code.apply("and", self._looks(), sound)

    def _ends_short(self, t: str, h: str, accept: str) -> str:
        """Whether an attempt that would be accepted is made again up to a kink (`solve/integrate/branches.py`)."""
        code, number, model = self.code, self.number, self.model
        if model.kinks is None or not self.watches_kinks:
            return code.flag(False)
        short = code.variable("i1")
        code.store("false", short, kind="i1")
        self.set("kink", number(0))
        with code.when(code.apply("and", accept, self._looks())):
            self.gather()
            values = (t, h, self.option("rtol"), self.pointers["atol"], self.y, self.p)
            values += ("%operands", "%work")
            listed = [f"{kind} {value}" for (kind, _), value in zip(PARAMETERS, values, strict=False)]
            share = code.call("kink", *listed, result="double")
            part = code.apply("mul", h, code.apply("abs", share))
            least = code.apply("mul", number(ROUNDINGS * EPSILON), code.apply("abs", t))
            part = code.select(code.apply("gt", code.apply("abs", part), least), part, h)
            with code.when(code.apply("lt", code.apply("abs", part), code.apply("abs", h))):
                self.set("kink", part)
                self.add("kink_attempts", 1)
                # Behind a steep kink, steps grow from those that led to it.
                steep = code.apply("lt", share, number(0))
                self.set("h", code.select(steep, part, self.get("h")))
                code.store("true", short, kind="i1")
        return code.load(short, kind="i1")

    def _longest(self, most: str, h: str) -> str:
        """The logarithm of the greatest factor for a next step, behind one that may have been cut at a knot."""
        code = self.code
        if not self.model.bends and self.model.kinks is None:
            return most
        longest = code.variable("double", most)
        cut_at_all = code.apply("gt", self.option("knots"), self.number(0))
        if self.model.kinks is not None:
            cut_at_all = code.flag(True)
        with code.when(cut_at_all):
            cut = code.apply("abs", code.apply("div", self.get("whole"), h))
            with code.when(code.apply("gt", cut, self.number(1))):
                code.store(code.larger(most, code.each("log", cut)), longest)
        return code.load(longest)

    def _open(self, last: str, end: str) -> None:
        """Learns how long a step behind a knot is, and makes the next one so long."""
        code, number = self.code, self.number
        if not self.model.bends:
            return
        with code.when(code.apply("gt", self.option("knots"), number(0))):
            proposed, opens = code.apply("abs", self.get("h")), code.apply("ne", self.get("opens"), number(0))
            self.set("opening", code.select(opens, proposed, self.get("opening")))
            goal = self._goal()
            bends = code.apply("and", last, code.apply("ne", end, goal))
            self.set("opens", code.select(bends, number(1), number(0)))
            shorter = code.apply("and", bends, code.apply("lt", self.get("opening"), proposed))
            with code.when(shorter):
                self.set("h", code.apply("mul", self.direction, self.get("opening")))
                if self.model.explicit is None:
                    self.set("expected", number(0))

    def project(self, end: str) -> None:
        """Moves the new value, accepted, to where the invariants hold."""
        code, model = self.code, self.model
        if model.project is None:
            return
        self.drive(end)
        rtol = code.at(self.pointers["options"], OPTIONS.index("rtol"))
        y1, moved = self.area("y1"), self.area("b")
        pointers = (y1, self.p, self.area("u"), self.pointers["atol"], rtol, moved, self.area("scratch"))
        code.call("project", f"double {end}", *(f"ptr {p}" for p in pointers))
        with code.loop(self.n) as k:
            code.store(code.load(moved, k), y1, k)

    def pivoted(self, arguments: list[str], result: str) -> None:
        """The attempt once more with pivots as they come; its error into the variable `result`."""
        self._as_they_come(arguments, result)
        for name in ("factorizations", "jacobians"):
            self.add(name, 1)

    def unplanned(self, arguments: list[str], result: str) -> None:
        """The attempt with pivots as they come from the first."""
        self._as_they_come(arguments, result)
        self.add("unplanned", -1)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Inside, attempts hold conditions."""
        before, self.attempt = self.attempt, "attempt_held"
        yield
        self.attempt = before

    def _as_they_come(self, arguments: list[str], result: str) -> None:
        self.code.store(self.code.call(self.attempt, *arguments, "i1 true", result="double"), result)
        self.add("pivoted", 1)

    def lengthen(self, bad: str, error: str) -> None:
        """After a try with planned pivots: where they were bad and others were not, more attempts than last time go
        without."""
        code, number = self.code, self.number
        bad = code.apply("and", bad, self._finite(error))
        longer = code.smaller(code.apply("mul", number(2), self.get("spell")), number(LONGEST_SPELL))
        spell = code.select(bad, code.larger(longer, number(1)), number(0))
        self.set("spell", spell)
        self.set("unplanned", spell)

    def troubled(self, error: str) -> str:
        """Whether an attempt failed for want of good pivots, or shorter steps may not help."""
        code, number = self.code, self.number
        often = code.apply("ge", self.get("rejections"), number(KINK))
        failed = code.apply("and", code.apply("not", code.apply("le", error, number(1))), often)
        unplanned = code.apply("lt", error, number(0))
        return code.apply("or", code.apply("or", unplanned, failed), self._crawls())

    def _crawls(self) -> str:
        code = self.code
        behind = code.apply("abs", code.apply("sub", self.get("t"), self.option("t0")))
        return code.apply(
            "lt", code.apply("abs", self.get("h")), code.apply("mul", self.number(CRAWL), behind)
        )

    def otherwise(self, arguments: list[str], result: str) -> None:
        """Other ways to make the attempt, whose error is in the variable `result`: with pivots as they come, then by
        the implicit Euler method."""
        code, number = self.code, self.number
        with code.when(code.apply("eq", code.load(result), number(-1))):
            self.pivoted(arguments, result)
        error, rejections = code.load(result), self.get("rejections")
        refused = code.apply("eq", error, number(-2))
        failed = code.apply("not", code.apply("le", error, number(1)))
        again = code.apply("or", code.apply("ge", rejections, number(KINK)), self._crawls())
        # An error that is not smaller for shorter steps: algebraic unknowns lie on the wrong side of a kink.
        expected = code.apply("mul", number(ALIKE), code.each("exp", self.get("expected")))
        same = code.apply("gt", error, code.larger(expected, number(NOTICED)))
        hard = code.apply("or", code.apply("and", failed, again), code.apply("and", same, self._crawls()))
        with code.when(code.apply("or", refused, hard)):
            self.by_euler(arguments, result)

    def by_euler(self, arguments: list[str], result: str) -> None:
        """A step by the implicit Euler method; its error into the variable `result`."""
        self.code.store(self.code.call("euler", *arguments, result="double"), result)
        for name in ("factorizations", "jacobians", "pivoted"):
            self.add(name, 1)

    def _stuck(self) -> None:
        code, number = self.code, self.number
        small = code.apply("mul", number(4 * EPSILON), code.apply("abs", self.get("t")))
        stuck = code.apply("le", code.apply("abs", self.get("h")), small)
        often = code.apply("ge", self.get("rejections"), number(loop.MOST_REJECTIONS))
        stuck = code.apply("or", stuck, often)
        with code.when(code.apply("and", stuck, self.running())):
            failure = self.get("failure")
            unknown = code.apply("eq", failure, number(Status.SUCCESS))
            self.set("status", code.select(unknown, number(Status.STEP_TOO_SMALL), failure))

    def _propose(self, h: str, factor: str) -> None:
        code, most = self.code, self.option("max_step")
        proposed = code.apply("mul", h, factor)
        self.set("h", self._between(proposed, code.apply("neg", most), most))
