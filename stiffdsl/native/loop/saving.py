"""The output of a kernel: values at chosen times by dense output, or a row for every accepted step."""

from stiffdsl.native.loop.time_events import saved_at
from stiffdsl.native.step.attempt import PARAMETERS
from stiffdsl.native.step.dense_output import interpolated
from stiffdsl.native.step.lane import Lane


class Saving(Lane):
    """Code that fills in `saveat` and the buffer of steps."""

    def _begin_saves(self) -> None:
        """The start value at times equal to t0, NaN at all others."""
        code, ys, times = self.code, self.pointers["ys"], self.pointers["saveat"]
        count = code.to_integer(self.option("saves"))
        with code.loop(count) as s:
            time = code.load(times, s)
            now = code.apply("eq", time, self.option("t0"))
            row = code.at(ys, code.integer("mul", s, str(self.n)))
            with code.loop(self.n) as k:
                value = code.select(now, code.load(self.y, k), self.number(float("nan")))
                code.store(value, row, k)
            behind = code.apply("le", self._along(time), self._along(self.option("t0")))
            with code.when(behind):
                self.add("cursor", 1)

    def _save(self, t: str, h: str, end: str, known: bool = False) -> None:
        """Fills in the times that the step has passed, and records the step; dense output where it is needed, unless it
        is `known`."""
        code, number = self.code, self.number
        saves, times = code.to_integer(self.option("saves")), self.pointers["saveat"]
        made = code.variable("i1")
        code.store(code.flag(known), made, kind="i1")
        recording = code.apply("gt", self.option("capacity"), number(0))
        with code.when(recording):
            if not known:
                self._rows(t, h)
            code.store("true", made, kind="i1")
            self._record(t, h)
        with code.forever() as filling:
            cursor = code.to_integer(self.get("cursor"))
            code.leave(filling, code.value(f"icmp sge i64 {cursor}, {saves}"))
            time = code.load(times, cursor)
            code.leave(filling, code.apply("not", code.apply("le", self._along(time), self._along(end))))
            with code.when(code.value(f"xor i1 {code.load(made, kind='i1')}, true")):
                self._rows(t, h)
                code.store("true", made, kind="i1")
            row = code.at(self.pointers["ys"], code.integer("mul", cursor, str(self.n)))
            self._interpolate(code.apply("div", code.apply("sub", time, t), h), row)
            self.add("cursor", 1)

    def is_read_between(self, end: str) -> str:
        """Whether the dense output of a step that ends there is read: it is recorded, or values are saved."""
        code = self.code
        read = code.variable("i1", code.apply("gt", self.option("capacity"), self.number(0)))
        cursor = code.to_integer(self.get("cursor"))
        with code.when(code.value(f"icmp slt i64 {cursor}, {code.to_integer(self.option('saves'))}")):
            time = code.load(self.pointers["saveat"], cursor)
            passed = code.apply("le", self._along(time), self._along(end))
            code.store(code.apply("or", code.load(read, kind="i1"), passed), read, kind="i1")
        return code.load(read, kind="i1")

    def _rows(self, t: str, h: str) -> None:
        """K = H stages."""
        code, tableau = self.code, self.model.tableau
        if self.model.explicit is not None:
            values = (t, h, self.option("rtol"), self.pointers["atol"], self.y, self.p, "%operands", "%work")
            listed = [f"{kind} {value}" for (kind, _), value in zip(PARAMETERS, values, strict=False)]
            code.call("dense_rows", *listed)
            return
        with code.loop(self.n) as k:
            stages = [self.stage(i, k) for i in range(tableau.stages)]
            for r, row in enumerate(tableau.H):
                code.store(code.combination(row, stages), self.area("K", r), k)

    def _interpolate(self, theta: str, row: str) -> None:
        """The dense output at `theta`, into the array `row`."""
        code, rows = self.code, range(len(self.model.steps.H))
        rest = code.apply("sub", self.number(1), theta)
        with code.loop(self.n) as k:
            K = [code.load(self.area("K", r), k) for r in rows]
            code.store(interpolated(code, code.load(self.y, k), self.after(k), K, theta, rest), row, k)

    def _record(self, t: str, h: str) -> None:
        """One row of the buffer: t, h, y before the step, K."""
        code, n, rows = self.code, self.n, len(self.model.steps.H)
        width = 2 + n + rows * n
        recorded = code.to_integer(self.get("recorded"))
        row = code.at(self.pointers["steps"], code.integer("mul", recorded, str(width)))
        code.store(t, row, 0)
        code.store(h, row, 1)
        with code.loop(n) as k:
            code.store(code.load(self.y, k), code.at(row, 2), k)
            for r in range(rows):
                code.store(code.load(self.area("K", r), k), code.at(row, 2 + n + r * n), k)
        self.add("recorded", 1)

    def _before_reset(self, end: str, jumps: bool = True) -> None:
        """Records a step of no length, which ends where values jump: in time, or where an event is."""
        del jumps
        if not self.model.leaps:
            return
        with self.code.when(self.code.apply("gt", self.option("capacity"), self.number(0))):
            with self.code.loop(self.n * len(self.model.steps.H)) as k:
                self.code.store(self.number(0), self.area("K"), k)
            self._record(end, self.number(0))

    def _after_reset(self, end: str) -> None:
        """Values saved at the end of the step become those after it, where algebraic unknowns jump there."""
        if not self.model.leaps:
            return
        code, cursor = self.code, self.code.variable("i64")
        code.store(code.to_integer(self.get("cursor")), cursor, kind="i64")
        with saved_at(code, self.pointers["saveat"], cursor, end) as s:
            row = code.at(self.pointers["ys"], code.integer("mul", s, str(self.n)))
            with code.loop(self.n) as k:
                code.store(code.load(self.y, k), row, k)
