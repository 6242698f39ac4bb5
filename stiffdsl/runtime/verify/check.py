"""The independent check of a solution: what it leaves over of the equations, and its local error by another way.

Neither looks at how the solution was found: the equations are those of the text, before anything was eliminated, and
single steps are done again by another method, with other factors, a hundred times tighter.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from stiffdsl.flat.written import Written, places, sorted_equations, written
from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.between import Between
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.driving.inputs import Inputs
from stiffdsl.runtime.verify.accumulated import accumulated
from stiffdsl.runtime.verify.points import Points, at, chosen
from stiffdsl.runtime.verify.reference import Reference, rms
from stiffdsl.runtime.verify.residual import Left, WrittenEquations
from stiffdsl.runtime.verify.undefined import DISTANCES, beside, picked, with_limits
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate.record import Trajectory

# A solution is held to be wrong beyond so many tolerances of either kind.
RESIDUAL, LOCAL_ERROR = 50.0, 50.0
# Points, and steps that are done again, by the work that they are.
MOST_POINTS, FEWEST_POINTS, POINT_WORK = 400, 24, 200_000
STRETCHES, STRETCH_WORK = 16, 40_000
# The part of all unknowns that is counted so.
MOST_OFF = 100
# Points a little before and after, in parts of a step.
BESIDE = 1e-4


@dataclass(frozen=True)
class Check:
    """The result of a check. `verdict`: ok, failed, or undecided where too little could be examined.

    `residual_tolerances` is the largest residual in what tolerances allow, `residual` the same relative to the terms of
    its equation, at `residual_time` in `equation` (its text and line); `local_error` the largest error of a
    single step in tolerances (root mean square over the unknowns, as the solver's), in the step that ends at
    `local_error_time`, most in `unknown`. `accumulated` is about how far the solution is from the exact one at
    worst, in tolerances, at `accumulated_time`, most in `accumulated_unknown`: its distance from one solved once more
    to a tighter tolerance (None where there is none). The verdict is on equations and single steps. `time` and `worst`
    are those of whichever is worse. `undefined`: how many residuals are not numbers; `points`, `steps`: how many were
    looked at. Of the steps, `unresolved` could not be done
    again, the first at `unresolved_time`: the other method did not get through, and their error is not known. `ended`:
    why the run failed before its end; numbers are those of what there is.
    """

    verdict: str
    residual: float
    residual_tolerances: float
    residual_time: float | None
    equation: str
    line: int | None
    local_error: float
    local_error_time: float | None
    unknown: str
    time: float | None
    worst: str
    undefined: int
    points: int
    steps: int
    unresolved: int
    ended: str = ""
    unresolved_time: float | None = None
    accumulated: float | None = None
    accumulated_time: float | None = None
    accumulated_unknown: str = ""

    @property
    def ok(self) -> bool:
        return self.verdict == "ok"

    @property
    def reason(self) -> str:
        """The reason of a failure, and a remedy; empty where the verdict is not `failed`."""
        if self.verdict != "failed":
            return ""
        if self.ended:
            return f"the run failed: {self.ended}"
        if self.residual_tolerances > RESIDUAL or not self.undefined:
            told = f"{self.worst} is off at t = {self.time:.6g}; try another `method`, a smaller `rtol`"
            return f"{told}, or a `max_step` that no event between steps escapes"
        return f"{self.undefined} residuals are not numbers; `{self.equation}` is one to look at"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"summary": str(self)}

    def __str__(self) -> str:
        text = f"check: residual {self.residual:.1g} ({self.residual_tolerances:.1g} tolerances)"
        text += f", local error {self.local_error:.1g} tolerances at worst"
        if self.time is not None:
            text += f" (t = {self.time:.6g}, {self.worst})"
        if self.accumulated is not None:
            text += f", accumulated error about {self.accumulated:.1g} tolerances"
            text += f" (t = {self.accumulated_time:.6g}, `{self.accumulated_unknown}`)"
        known = self.steps - self.unresolved
        part = f" for {known} of {self.steps} steps" if self.unresolved and self.ok else ""
        text += f": {self.verdict}{part}"
        if self.ended:
            text += "; the run ended before its end"
        if self.undefined:
            text += f"; {self.undefined} residuals are not numbers"
        if self.unresolved:
            steps = "one step" if self.unresolved == 1 else f"{self.unresolved} of {self.steps} steps"
            where = "" if self.unresolved_time is None else f" (to t = {self.unresolved_time:.6g})"
            text += f"; the other method did not get through {steps}{where}, whose error is not known"
        return text


def checked(
    model: CompiledProgram,
    found: Trajectory,
    p: np.ndarray,
    inputs: Inputs,
    rtol: float,
    atol: Any,
    initial: bool,
    whole: bool = True,
    between: Between | None = None,
    ended: str = "",
) -> Check:
    """The check of a recorded solution. `initial`: whether the model's initial equations hold at its start; `whole`:
    whether all variables are computed, or only what named outputs need. `ended`: why the run ended before its end."""
    found_out = _Check(model, found, p, inputs, rtol, atol, initial, whole, between).result()
    return replace(found_out, verdict="failed", ended=ended) if ended else found_out


def with_accumulated(
    model: CompiledProgram, check: Check, found: Trajectory, finer: Trajectory, rtol: float, atol: Any
) -> Check:
    """The check with the distance of the solution from a finer one."""
    if Status(int(finer.status)) != Status.SUCCESS:
        return check
    distance = accumulated(found, finer, rtol, atol, model.program.counted)
    if distance is None:
        return check
    name = model.names_of_y[distance.unknown]
    return replace(check, accumulated=distance.size, accumulated_time=distance.time, accumulated_unknown=name)


def unexamined(ended: str = "") -> Check:
    """The check of a solution without a step; `ended`: why there is none, where the run failed."""
    verdict = "failed" if ended else "undecided"
    return Check(verdict, 0.0, 0.0, None, "", None, 0.0, None, "", None, "", 0, 0, 0, 0, ended)


class _Check:
    def __init__(
        self, model, found: Trajectory, p, inputs: Inputs, rtol: float, atol, initial, whole, between
    ):
        self.model, self.program, self.functions = model, model.program, model.interpreted
        self.found, self.p, self.inputs = found, p, inputs
        self.rtol, self.atol, self.initial = rtol, np.broadcast_to(atol, (self.program.size,)), initial
        self.written = written_of(model)
        self.equations = WrittenEquations(model, self.written, p, inputs)
        self.whole, self.between = whole, between

    def result(self) -> Check:
        work = self.program.by_name["variables"].operations * 20 + self.program.system.flat.size
        count = int(np.clip(MOST_POINTS * POINT_WORK / max(work, 1) / 10, FEWEST_POINTS, MOST_POINTS))
        timed = self.program.time_dependent or bool(self.inputs.signals)
        points = self._held(chosen(self.found, count, self.inputs.signals, timed))
        if not len(points.time):
            return unexamined()
        allowed = self._allowed(points)
        families = self.written.equations
        left = self._with_limits(points, self._left(points, allowed))
        start = self._start(points, allowed)
        where, which = worst(left.tolerances)
        family_text, line = self._equation(families, which)
        relative, residual = left.relative[where, which], left.tolerances[where, which]
        time = float(points.time[where])
        if start is not None and start[0] > residual:
            residual, relative, family_text, line = start
            time = float(points.time[0])
        # What named outputs do not need is not computed, and is no number.
        undefined = int(np.sum(~left.defined)) if self.whole else 0
        error = self._local_error(points, left)
        bad = residual > RESIDUAL or error.size > LOCAL_ERROR or undefined > 0
        nothing = error.steps > 0 and error.unresolved == error.steps
        verdict = "failed" if bad else "undecided" if nothing else "ok"
        by_residual = residual / RESIDUAL > error.size / LOCAL_ERROR
        return Check(
            verdict=verdict,
            residual=float(relative),
            residual_tolerances=float(residual),
            residual_time=time,
            equation=family_text,
            line=line,
            local_error=error.size,
            local_error_time=error.time,
            unknown=error.unknown,
            time=time if by_residual else error.time,
            worst=f"`{family_text}`" if by_residual else f"`{error.unknown}`",
            undefined=undefined,
            points=len(points.time),
            steps=error.steps,
            unresolved=error.unresolved,
            unresolved_time=error.unresolved_time,
        )

    def _left(self, points: Points, allowed: np.ndarray) -> Left:
        return self.equations.left(self.written.equations, points, allowed, self._near(points))

    def _with_limits(self, points: Points, left: Left) -> Left:
        """Residual where formulas are no numbers but have limits: that a little further into the step."""
        bad = np.flatnonzero(~np.all(left.defined, axis=1))
        if not len(bad):
            return left
        own = picked(points, bad)
        nearer = [self._held(beside(self.found, own, distance)) for distance in DISTANCES]
        values = tuple(self.equations.variables(q.time, q.y) for q in nearer)
        limits = with_limits(self.equations.variables(own.time, own.y), values)
        there = self._left(nearer[-1], self._allowed(nearer[-1]))
        taken = ~left.defined[bad] & there.defined & limits[:, None]
        arrays = []
        for name in ("relative", "tolerances", "defined"):
            values_of = np.array(getattr(left, name))
            values_of[bad] = np.where(taken, getattr(there, name), values_of[bad])
            arrays.append(values_of)
        return Left(*arrays)

    def _allowed(self, points: Points) -> np.ndarray:
        """One tolerance of every entry of y; of the derivative of a state, that of the state over the step."""
        size = np.abs(points.y)
        atol = np.where(self.program.is_variable, self.atol, 0.0)
        # The solver holds the root mean square over all unknowns: one of them may be off by more.
        allowed = (atol + self.rtol * size) * np.sqrt(min(size.shape[1], MOST_OFF))
        is_der = np.flatnonzero(~self.program.is_variable)
        typical = float(np.max(atol, initial=0.0)) + self.rtol * np.max(size, axis=1, initial=0.0)
        allowed[:, is_der] += (typical * points.rate)[:, None]
        return allowed

    def _held(self, points: Points) -> Points:
        """With the values that a user gets between steps."""
        if self.between is None:
            return points
        inside = (points.theta > 0) & (points.theta < 1)
        y = points.y.copy()
        y[inside] = self.between.held(points.time[inside], y[inside])
        return replace(points, y=y)

    def _near(self, points: Points) -> tuple[Points, Points]:
        low = np.clip(points.theta - BESIDE, 0.0, 1.0)
        high = np.minimum(low + 2 * BESIDE, 1.0)
        return self._held(at(self.found, points.step, low)), self._held(at(self.found, points.step, high))

    def _start(self, points: Points, allowed: np.ndarray) -> tuple[float, float, str, int | None] | None:
        """The worst of the initial equations, in tolerances."""
        if not self.initial or not self.written.initial:
            return None
        first = at(self.found, points.step[:1], points.theta[:1])
        left = self.equations.left(self.written.initial, first, allowed[:1], self._near(first))
        count = sum(f.size for f in self.written.initial)
        tolerances = left.tolerances[:, :count]
        where, which = worst(tolerances)
        found = float(tolerances[where, which]), float(left.relative[where, which])
        return *found, *self._equation(self.written.initial, which)

    def _equation(self, families, which: int) -> tuple[str, int | None]:
        """The text of an equation and its line."""
        count = sum(f.size for f in families)
        if which < count:
            family, member = places(families)(which)
            span = family.origin_of(member)
            return span.source.line(span.line).split("#")[0].strip(), span.line
        flat, which = self.program.system.flat, which - count
        if which < len(self.written.equal):
            a, b, sign = self.written.equal[which]
            return f"{flat.variable_name(a)} = {'-' if sign < 0 else ''}{flat.variable_name(b)}", None
        return f"{flat.variable_name(int(self.written.zero[which - len(self.written.equal)]))} = 0", None

    # --- the local error ---

    def _local_error(self, points: Points, left: Left) -> "_LocalError":
        t, y = np.asarray(self.found.t), np.asarray(self.found.y)
        result = _LocalError()
        if not self.program.size:
            return result
        names = self.model.system(driven=False).names
        for k in self._steps(points, left):
            scale = self.atol + self.rtol * np.maximum(np.abs(y[k]), np.abs(y[k + 1]))
            held = self.program.counted & (scale > 0)
            result.steps += 1
            begin, end = float(t[k]), float(t[k + 1])
            found = self._reference(begin, end).after(begin, end, y[k], np.where(held, scale, 1e300))
            if found is None:
                result.unresolved += 1
                if result.unresolved_time is None:
                    result.unresolved_time = end
                continue
            off = np.where(held, (y[k + 1] - found) / np.where(held, scale, 1.0), 0.0)
            size = rms(off[held])
            if not size <= result.size:
                result.size, result.time = size, float(t[k + 1])
                result.unknown = names[int(np.argmax(np.abs(off)))]
        return result

    def _steps(self, points: Points, left: Left) -> np.ndarray:
        """The steps to do again: those of the largest residuals, and others spread over the solution."""
        t = np.asarray(self.found.t)
        long = np.flatnonzero(np.diff(t) != 0)
        work = self.program.by_name["rhs"].operations + len(self.program.rows)
        count = int(np.clip(STRETCHES * STRETCH_WORK / max(work, 1), 3, STRETCHES))
        order = np.argsort(-np.max(left.tolerances, axis=1, initial=0.0), kind="stable")
        bad = points.step[order][: count // 4 + 1]
        spread = long[np.linspace(0, len(long) - 1, count - len(bad)).round().astype(np.int64)]
        return np.unique(np.concatenate([bad, spread]))

    def _reference(self, t0: float, t1: float) -> Reference:
        """The equations as they are within one step: on this side of jumps at its ends."""
        middle, inside = (t0 + t1) / 2, 1e-12 * (t1 - t0)
        side = [np.full(len(self.program.crossings_periodic), middle)]
        side = side if len(side[0]) else []
        low, high = min(t0, t1) + abs(inside), max(t0, t1) - abs(inside)

        def inputs(t: float) -> np.ndarray:
            return self.inputs.at(min(max(t, low), high))

        def f(t: float, y: np.ndarray) -> np.ndarray:
            with np.errstate(all="ignore"):
                return np.asarray(self.functions.rhs(t, y, self.p, inputs(t), *side), dtype=float)

        def jacobian(t: float, y: np.ndarray) -> np.ndarray:
            with np.errstate(all="ignore"):
                return np.asarray(self.functions.jacobian(t, y, self.p, inputs(t), *side), dtype=float)

        return Reference(f, jacobian, self.program.rows, self.program.columns, self.program.mass)


@dataclass
class _LocalError:
    size: float = 0.0
    time: float | None = None
    unknown: str = ""
    steps: int = 0
    unresolved: int = 0
    unresolved_time: float | None = None


def worst(values: np.ndarray) -> tuple[int, int]:
    """The position of the largest number; NaN counts as none."""
    if not values.size:
        return 0, 0
    return np.unravel_index(int(np.argmax(np.where(np.isnan(values), -1.0, values))), values.shape)  # type: ignore


@artifact
def written_of(model: CompiledProgram) -> Written:
    """The equations of the model's text; of its sorted system where there is no text."""
    origin = model.origin
    if origin is None:
        return sorted_equations(model.program.system.flat)
    return written(origin(stop_after="check"), origin.constants)
