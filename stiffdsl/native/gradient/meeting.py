"""Lines over time that jump at one instant, in a solve whose derivatives are taken: their times may move apart.

They are passed one after the other, each an instant of its own, where that comes to the same values as all of them
together. Where it does not (a dose, and a reading of what it is added to), values have no derivative by times that move
apart: the instant is one, and those are NaN.
"""

from stiffdsl.native.loop.integration import Integration
from stiffdsl.native.loop.time_events import CrossingLines
from stiffdsl.native.step.attempt import KernelModel
from stiffdsl.solve.base.status import Status

# In the place of a line: all that jump there.
TOGETHER = -2.0
# Rows of a line that is passed alone: an instant with two rounds of events, where unknowns are set anew, and some more.
ROWS_OF_LINE = 10
# Values are the same to this part of their sizes, or of the absolute tolerance.
SAME_VALUE, OF_TOLERANCE = 1e-9, 1e-3


def passes_apart(model: KernelModel) -> bool:
    """Whether lines that jump at one time are passed one after the other."""
    return model.time_events is not None and model.time_events.apart


def rows_apart(model: KernelModel) -> int:
    """The most rows of lines that have been passed before the last ones are."""
    return ROWS_OF_LINE * model.sides


def meeting_areas(model: KernelModel) -> tuple[tuple[str, int], ...]:
    """Arrays of lines that meet: which do (1, else 0), a time behind the jump of each, sides and values before all, and
    values behind all."""
    lines, n = (model.sides, model.n) if passes_apart(model) else (0, 0)
    return ("meets", lines), ("late", lines), ("met_side", lines), ("met_y", n), ("together_y", n)


class Meeting(Integration):
    """Code of such a solve."""

    # The line whose jump is passed.
    line: str | None = None

    def _pass_jump(self, end: str, located: str | None) -> None:
        if not passes_apart(self.model):
            super()._pass_jump(end, located)
            return
        code, number, last = self.code, self.number, self._meeting(end)
        alone = code.flag(True) if located is None else code.apply("not", located)
        apart = code.apply("and", self._may_move_apart(alone), alone)
        began = self.get("recorded")
        with (
            code.when(apart),
            code.loop(last) as k,
            code.when(code.apply("and", self._meets(k), self.running())),
        ):
            made = code.apply("sub", self.get("recorded"), began)
            over = code.apply("gt", made, number(rows_apart(self.model)))
            self.set("status", code.select(over, number(Status.ENDLESS), self.get("status")))
            with code.when(self.running()):
                self._pass_line(k, end)
        status = self.get("status")
        goes_on = code.apply("eq", status, number(Status.RUNNING))
        goes_on = code.apply("or", goes_on, code.apply("eq", status, number(Status.SUCCESS)))
        with code.when(goes_on):
            self.line = code.select(apart, code.to_real(last), number(TOGETHER))
            super()._pass_jump(end, located)
            self.line = None

    def _meeting(self, end: str) -> str:
        """The last of the lines that jump at `end`, before all of which the time is; -1 where none does. Which do is
        in `meets`."""
        code, time_events = self.code, self.model.time_events
        assert time_events is not None
        pointers = self.area("side"), self.area("lines"), self.area("scratch")
        lines, last = CrossingLines(code, time_events, end, self.p, *pointers), code.variable("i64", "-1")
        self._copy(self._sides, self.area("side"), time_events.count)
        lines.evaluate()
        with code.loop(time_events.count) as k:
            line = lines.line(k)
            late = code.apply("add", end, code.apply("mul", self.direction, line.beyond))
            code.store(late, self.area("late"), k)
            code.store(code.select(line.here, self.number(1), self.number(0)), self.area("meets"), k)
            code.store(code.select(line.here, k, code.load(last, kind="i64"), "i64"), last, kind="i64")
        return code.load(last, kind="i64")

    @property
    def _sides(self) -> str:
        return self.code.at(self.p, self.model.given)

    def _copy(self, source: str, target: str, count: int) -> None:
        with self.code.loop(count) as k:
            self.code.store(self.code.load(source, k), target, k)

    def _meets(self, k: str) -> str:
        return self.code.apply("ne", self.code.load(self.area("meets"), k), self.number(0))

    def _pass_line(self, k: str, end: str) -> None:
        """Line k alone, those before it being passed."""
        code = self.code
        self._instant("event_before")
        self.line = code.to_real(k)
        self._before_reset(end)
        self.line = None
        code.store(code.load(self.area("late"), k), self._sides, k)
        code.store(self.number(1), self.area("here"))
        self._reset()
        self._happen()
        self._after_reset(end)

    def _may_move_apart(self, alone: str) -> str:
        """Whether the lines that meet, `alone`, passed one by one in either order, give the values that they give
        together."""
        code, number, n, lines = self.code, self.number, self.n, self.model.sides
        count, same = code.variable("double", number(0)), code.variable("i1", "true")
        with code.loop(lines) as k:
            code.store(code.apply("add", code.load(count), code.load(self.area("meets"), k)), count)
        several = code.apply("and", alone, code.apply("gt", code.load(count), number(1)))
        with code.when(code.apply("and", several, self.running())):
            recorded, status = self.get("recorded"), self.get("status")
            self._copy(self.y, self.area("met_y"), n)
            self._copy(self._sides, self.area("met_side"), lines)

            def again() -> None:
                self._copy(self.area("met_y"), self.y, n)
                self._copy(self.area("met_side"), self._sides, lines)

            def act() -> None:
                # Rows that are made here are not kept.
                code.store(number(1), self.area("here"))
                self._reset()
                self.set("recorded", recorded)
                code.store(recorded, self.area("made"))
                self._instant("happen")

            self._instant("event_before")
            with code.loop(lines) as k, code.when(self._meets(k)):
                code.store(code.load(self.area("late"), k), self._sides, k)
            act()
            self._copy(self.y, self.area("together_y"), n)
            again()
            for backward in (False, True):
                with code.loop(lines) as i:
                    k = code.integer("sub", str(lines - 1), i) if backward else i
                    with code.when(self._meets(k)):
                        self._instant("event_before")
                        code.store(code.load(self.area("late"), k), self._sides, k)
                        act()
                self._compare(same)
                again()
            self.set("status", status)
        return code.load(same, kind="i1")

    def _compare(self, same: str) -> None:
        """Clears `same` where values differ from those together."""
        code, number = self.code, self.number
        with code.loop(self.n) as k:
            one, other = code.load(self.y, k), code.load(self.area("together_y"), k)
            size = code.apply("add", code.apply("abs", one), code.apply("abs", other))
            atol = code.apply("mul", number(OF_TOLERANCE), code.load(self.pointers["atol"], k))
            allowed = code.apply("add", code.apply("mul", number(SAME_VALUE), size), atol)
            near = code.apply("le", code.apply("abs", code.apply("sub", one, other)), allowed)
            code.store(code.apply("and", code.load(same, kind="i1"), near), same, kind="i1")
