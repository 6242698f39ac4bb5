"""Residuals of a solution in the equations as written, relative to the residuals that its tolerances allow.

At a point of the dense output the states and their slopes are known, the program gives every other variable, and the
written equations are evaluated with them. A residual is allowed what moves of the states by one tolerance, and of their
slopes by one tolerance over the step, make of it: so a fast reaction may leave more than a slow one, and units and
scales do not matter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from stiffdsl.flat.written import Residuals, Written, residuals
from stiffdsl.runtime.driving.inputs import Inputs
from stiffdsl.runtime.verify.lookups import Figures
from stiffdsl.runtime.verify.points import Points

# Roundings, relative to every value in an equation, that are never a residual.
ROUNDING = 1e-14
EPSILON = 2.220446049250313e-16
# Random directions of moves, each also taken the other way; bits of the directions that keep two moves from cancelling.
DIRECTIONS, CODE = 3, 4
# The bend of a variable between near points that most points do not exceed; what a central difference is off by, in
# parts of it.
USUAL, CURVED = 0.9, 1e-3


@dataclass(frozen=True, eq=False)
class Left:
    """By point and equation: residuals relative to the terms of the equation, in tolerances, and whether finite."""

    relative: np.ndarray
    tolerances: np.ndarray
    defined: np.ndarray


class WrittenEquations:
    """The written equations with the variables that a program computes."""

    def __init__(self, model: Any, written: Written, p: np.ndarray, inputs: Inputs):
        self.program, self.functions = model.program, model.interpreted
        self.written, self.p, self.inputs = written, p, inputs
        self.lookup = Figures(model.program.system.flat, p)
        flat = self.program.system.flat
        place = np.full(flat.size, -1, dtype=np.int64)
        place[self.program.system.states] = np.arange(len(self.program.system.states))
        self.needed = written.differentiated()
        self.state_of = place[flat.alias[self.needed]]
        self.sign = flat.sign[self.needed].astype(float)
        self.size = flat.size

    def variables(self, time: np.ndarray, y: np.ndarray) -> np.ndarray:
        """All variables at the points."""
        u = self.inputs.table(time)
        with np.errstate(all="ignore"):
            rows = [self.functions.variables(a, b, self.p, c) for a, b, c in zip(time, y, u, strict=True)]
        return np.array(rows, dtype=float).reshape(len(time), self.size)

    def left(self, families: tuple, points: Points, allowed: np.ndarray, near: tuple[Points, Points]) -> Left:
        """Of the equations in `families`, where y may be off by `allowed`; `near`: points a little before and after."""
        v = self.variables(points.time, points.y)
        before, after = (self.variables(q.time, q.y) for q in near)
        with np.errstate(all="ignore"):
            by_difference = (after - before) / (near[1].time - near[0].time)[:, None]
        d = self._slopes(v, points.slope, by_difference)
        u = self.inputs.table(points.time)
        found = self._residuals(families, points, v, d, u)
        random = np.random.default_rng(1)
        moved = EPSILON * found.sizes
        for _ in range(DIRECTIONS):
            v_off, d_off = (x * (1 + ROUNDING * _signs(random, v.shape)) for x in (v, d))
            rounded = self._residuals(families, points, v_off, d_off, u)
            moved = np.fmax(moved, np.abs(rounded.values - found.values))
        # What differences know of derivatives that the dense output does not hold.
        off = self._error_of_differences(points, v, before, after, near)
        for _ in range(DIRECTIONS):
            d_off = d + off * _signs(random, v.shape)
            moved = np.fmax(
                moved, np.abs(self._residuals(families, points, v, d_off, u).values - found.values)
            )
        rate = points.rate[:, None]
        for one in _directions(random, points.y.shape):
            two = _signs(random, points.y.shape)
            three = _signs(random, (len(v), len(self.needed)))
            for way in (1, -1):
                y = points.y + way * one * allowed
                other = self.variables(points.time, y)
                slope = points.slope + way * two * allowed * rate
                changes = three * np.abs(other - v)[:, self.needed] * rate
                slopes = self._slopes(other, slope, by_difference)
                apart = self.state_of < 0
                slopes[:, self.needed[apart]] += changes[:, apart]
                there = self._residuals(families, points, other, slopes, u)
                moved = np.fmax(moved, np.abs(there.values - found.values))
        values = np.abs(found.values)
        with np.errstate(all="ignore"):
            tolerances = values / (moved + 1e-300)
            relative = np.where(found.sizes > 0, values / found.sizes, 0.0)
        return Left(relative, tolerances, np.isfinite(found.values))

    def _error_of_differences(
        self, points: Points, v, before, after, near: tuple[Points, Points]
    ) -> np.ndarray:
        """Of the derivatives by differences, zero for others: rounding, and what the slope changes between the points
        (all of it where one of them is the point itself)."""
        error = np.zeros_like(v)
        columns = self.needed[self.state_of < 0]
        v, before, after = v[:, columns], before[:, columns], after[:, columns]
        with np.errstate(all="ignore"):
            back, ahead = (np.abs(q.time - points.time)[:, None] for q in near)
            bend = np.abs((after - v) / ahead - (v - before) / back)
            sided = (back == 0) | (ahead == 0)
            usual = np.quantile(np.where(sided | ~np.isfinite(bend), 0.0, bend), USUAL, axis=0)
            rounding = 4 * EPSILON * np.abs(v) / (back + ahead)
            error[:, columns] = np.nan_to_num(np.where(sided, 1.0, CURVED) * usual + rounding)
        return error

    def _slopes(self, v: np.ndarray, of_y: np.ndarray, by_difference: np.ndarray) -> np.ndarray:
        """Derivatives of all variables: those of the dense output, and by differences what it does not hold."""
        d = np.zeros_like(v)
        known = self.state_of >= 0
        d[:, self.needed[known]] = of_y[:, self.state_of[known]] * self.sign[known]
        d[:, self.needed[~known]] = by_difference[:, self.needed[~known]]
        return d

    def _residuals(self, families, points: Points, v, d, u) -> Residuals:
        values = {"var": v, "der": d, "param": self.p, "input": u, "const": self.written.constants}
        values["lookup"] = self.lookup
        with np.errstate(all="ignore"):
            found = residuals(families, values, points.time)
            a, b, sign = self.written.equal.T
            one, two = v[:, a], v[:, b] * sign
            zero = v[:, self.written.zero]
        return Residuals(
            np.concatenate([found.values, one - two, zero], axis=1),
            np.concatenate([found.sizes, np.abs(one) + np.abs(two), np.abs(zero)], axis=1),
        )


def _directions(random: np.random.Generator, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """Signs of what all entries are off by: random ones, and ones by which any two of few entries, and most of many,
    are off alike once and apart once. Else what two of them do to an equation may cancel in each."""
    for _ in range(DIRECTIONS):
        yield _signs(random, shape)
    yield np.ones(shape)
    code = random.permutation(shape[1]) % (1 << CODE)
    for bit in range(min(CODE, (max(1, shape[1]) - 1).bit_length())):
        yield np.broadcast_to(1.0 - 2.0 * (code >> bit & 1), shape)


def _signs(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Either way, and of different sizes: moves of equal effect must not cancel."""
    return random.choice([-1.0, 1.0], shape) * random.uniform(0.5, 1.0, shape)
