"""Lookups in tables as operations: values and derivatives of interpolation between knots that lie in a vector.

    k = locate(a, x)                  the interval of x, by bisection
    fetch(a, k), fetch(a, k + 1)      its ends, and the values there
    y0 + (x - x0)*((y1 - y0)/(x1 - x0))

All but the first is arithmetic, so that derivatives by the argument and by the values follow from the rules there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stiffdsl.program.builder import Builder

# Entries of `constant` tables that are compared one by one, which conditions can be held for.
COMPARED = 4096


@dataclass(frozen=True)
class LookupPlace:
    """`count` entries of an operation's vector, from `first` on."""

    vector: int
    first: int
    count: int


@dataclass(frozen=True)
class TablePlaces:
    """A table in the vectors of a program: knots of each argument, values row by row, slopes at the knots (`cubic`)."""

    method: str
    outside: str
    knots: tuple[LookupPlace, ...]
    values: LookupPlace
    slopes: LookupPlace | None


def located(knots: Any, x: Any) -> np.ndarray:
    """The interval of `knots` that holds x, counted from zero, by NumPy; beyond the ends the first or last."""
    right = np.searchsorted(np.asarray(knots), np.asarray(x), side="right")
    return np.clip(right - 1, 0, max(len(knots) - 2, 0)).astype(float)


def fetched(vector: Any, k: Any, first: int, count: int, by: int) -> np.ndarray:
    """Entries k + by of a part of a vector, by NumPy."""
    return np.asarray(vector)[first + np.clip(np.asarray(k).astype(np.int64) + by, 0, count - 1)]


def scattered(k: Any, values: Any, size: int, first: int, count: int, by: int) -> np.ndarray:
    """A vector of zeros with `values` added where `fetched` reads, by NumPy."""
    result = np.zeros(size)
    np.add.at(result, first + np.clip(np.asarray(k).astype(np.int64) + by, 0, count - 1), values)
    return result


def lookup(b: Builder, table: TablePlaces, orders: Sequence[int], arguments: Sequence[int]) -> int:
    """The value of a table for its arguments, or its derivative of the given orders by them."""
    if len(arguments) == 2:
        return _bilinear(b, table, orders, arguments)
    return _Curve(b, table).derivative(orders[0], arguments[0])


class _Axis:
    """One argument of a table: its interval, and what lies outside."""

    def __init__(self, b: Builder, knots: LookupPlace, outside: str):
        self.b, self.knots, self.outside = b, knots, outside

    @property
    def ends(self) -> tuple[int, int]:
        return tuple(
            self.b.element(self.knots.vector, self.knots.first + k) for k in (0, self.knots.count - 1)
        )  # type: ignore[return-value]

    def wrapped(self, x: int) -> int:
        """The argument in the first period of a table that repeats."""
        if self.outside != "repeat":
            return x
        b, (first, last) = self.b, self.ends
        length = b.apply("sub", last, first)
        turns = b.apply("floor", b.apply("div", b.apply("sub", x, first), length))
        return b.apply("sub", x, b.apply("mul", length, turns))

    def clipped(self, x: int) -> int:
        b, (first, last) = self.b, self.ends
        x = b.apply("select", b.apply("lt", x, first), first, x)
        return b.apply("select", b.apply("gt", x, last), last, x)

    def inside(self, x: int) -> int:
        b, (first, last) = self.b, self.ends
        return b.apply("and", b.apply("ge", x, first), b.apply("le", x, last))

    def interval(self, x: int) -> int:
        data = (self.knots.first, self.knots.count)
        return self.b.looked_up("locate", self.knots.vector, x, data)

    def knot(self, k: int, by: int) -> int:
        return fetch(self.b, self.knots, k, by)


def fetch(b: Builder, place: LookupPlace, k: int, by: int) -> int:
    """Entry k + by of a part of a vector."""
    return b.looked_up("fetch", place.vector, k, (place.first, place.count, by))


class _Curve:
    """A table of one argument."""

    def __init__(self, b: Builder, table: TablePlaces):
        self.b, self.table = b, table
        self.axis = _Axis(b, table.knots[0], table.outside)

    def derivative(self, order: int, x: int) -> int:
        x = self.axis.wrapped(x)
        if self.table.values.count == 1:
            return self._at_knot(0) if order == 0 else self.b.number(0.0)
        if self.table.method == "constant":
            return self._step(x) if order == 0 else self.b.number(0.0)
        return self._linear(order, x) if self.table.method == "linear" else self._cubic(order, x)

    def _at_knot(self, k: int) -> int:
        return self.b.element(self.table.values.vector, self.table.values.first + k)

    def _step(self, x: int) -> int:
        """The value of the last knot not beyond x: a sum over comparisons for conditions that steps end at, else by
        bisection."""
        b, values, knots = self.b, self.table.values, self.table.knots[0]
        if b.ops[x].size is None and values.count <= COMPARED:
            inner = np.arange(1, knots.count)
            at = b.full(b.take(knots.vector, knots.first + inner), len(inner))
            after = b.full(b.take(values.vector, values.first + inner), len(inner))
            before = b.full(b.take(values.vector, values.first + inner - 1), len(inner))
            rise = b.apply("select", b.apply("ge", x, at), b.apply("sub", after, before), b.number(0.0))
            total = b.element(b.put("sum", (b.full(rise, len(inner)),), None, 1), 0)
            return b.apply("add", self._at_knot(0), total)
        k = self.axis.interval(x)
        last = b.apply("ge", x, self.axis.ends[1])
        return b.apply("select", last, fetch(b, values, k, 1), fetch(b, values, k, 0))

    def _linear(self, order: int, x: int) -> int:
        b, held = self.b, self.table.outside == "hold"
        at = self.axis.clipped(x) if held else x
        k = self.axis.interval(at)
        x0, y0 = self.axis.knot(k, 0), fetch(b, self.table.values, k, 0)
        rise = b.apply("sub", fetch(b, self.table.values, k, 1), y0)
        slope = b.apply("div", rise, b.apply("sub", self.axis.knot(k, 1), x0))
        if order == 0:
            return b.apply("add", y0, b.apply("mul", b.apply("sub", at, x0), slope))
        return b.apply("select", self.axis.inside(x), slope, b.number(0.0)) if held else slope

    def _cubic(self, order: int, x: int) -> int:
        """Hermite's cubic between two knots; beyond the ends a straight line, or no change (`hold`)."""
        b = self.b
        assert self.table.slopes is not None
        at = x if self.table.outside == "repeat" else self.axis.clipped(x)
        k = self.axis.interval(at)
        x0, y0 = self.axis.knot(k, 0), fetch(b, self.table.values, k, 0)
        h = b.apply("sub", self.axis.knot(k, 1), x0)
        mean = b.apply("div", b.apply("sub", fetch(b, self.table.values, k, 1), y0), h)
        m0, m1 = fetch(b, self.table.slopes, k, 0), fetch(b, self.table.slopes, k, 1)
        second = b.apply("sub", b.apply("sub", mean, m0), b.apply("sub", m1, mean))
        # y0 + s*(m0 + s*(c2 + s*c3)), with s from x0 on.
        c3 = b.apply("div", b.apply("neg", second), b.apply("mul", h, h))
        c2 = b.apply("div", b.apply("add", b.apply("sub", mean, m0), second), h)
        s = b.apply("sub", at, x0)

        def horner(*coefficients: int) -> int:
            value = coefficients[-1]
            for c in reversed(coefficients[:-1]):
                value = b.apply("add", c, b.apply("mul", s, value))
            return value

        def times(number: float, value: int) -> int:
            return b.apply("mul", b.number(number), value)

        slope = horner(m0, times(2.0, c2), times(3.0, c3))
        straight = self.table.outside in ("error", "extend")
        if order == 0:
            value = horner(y0, m0, c2, c3)
            return b.apply("add", value, b.apply("mul", b.apply("sub", x, at), slope)) if straight else value
        found = (
            slope if order == 1 else horner(times(2.0, c2), times(6.0, c3)) if order == 2 else times(6.0, c3)
        )
        if self.table.outside == "repeat" or (straight and order == 1):
            return found
        return b.apply("select", self.axis.inside(x), found, b.number(0.0))


def _bilinear(b: Builder, table: TablePlaces, orders: Sequence[int], arguments: Sequence[int]) -> int:
    """The table of a grid: linear in either argument while the other stays."""
    axes = [_Axis(b, knots, table.outside) for knots in table.knots]
    given = [axis.wrapped(x) for axis, x in zip(axes, arguments, strict=True)]
    held = table.outside == "hold"
    at = [axis.clipped(x) if held else x for axis, x in zip(axes, given, strict=True)]
    ks = [axis.interval(x) for axis, x in zip(axes, at, strict=True)]
    columns = table.knots[1].count
    row = b.apply("add", b.apply("mul", ks[0], b.number(float(columns))), ks[1])
    corners = [[fetch(b, table.values, row, columns * i + j) for j in (0, 1)] for i in (0, 1)]
    widths = [b.apply("sub", axis.knot(k, 1), axis.knot(k, 0)) for axis, k in zip(axes, ks, strict=True)]
    shares = [
        b.apply("div", b.apply("sub", x, axis.knot(k, 0)), width)
        for x, axis, k, width in zip(at, axes, ks, widths, strict=True)
    ]

    def along(axis: int, low: int, high: int) -> int:
        rise = b.apply("sub", high, low)
        if orders[axis]:
            return b.apply("div", rise, widths[axis])
        return b.apply("add", low, b.apply("mul", shares[axis], rise))

    value = along(0, *(along(1, *corner) for corner in corners))
    for axis, x, order in zip(axes, given, orders, strict=True):
        if order and held:
            value = b.apply("select", axis.inside(x), value, b.number(0.0))
    return value


def monotone_slopes(b: Builder, knots: LookupPlace, values: LookupPlace) -> int:
    """The slopes at the knots of a cubic that rises and falls with its data only (Fritsch and Carlson 1980, with the
    weighted harmonic means and the ends of Fritsch and Butland 1984): a vector."""
    n = knots.count

    def part(place: LookupPlace, first: int, count: int) -> int:
        return b.full(b.take(place.vector, place.first + first + np.arange(count)), count)

    h = b.apply("sub", part(knots, 1, n - 1), part(knots, 0, n - 1))
    d = b.apply("div", b.apply("sub", part(values, 1, n - 1), part(values, 0, n - 1)), h)
    if n == 2:
        return b.concatenate([b.full(d, 1), b.full(d, 1)])
    h, d = b.full(h, n - 1), b.full(d, n - 1)

    def pick(vector: int, first: int, count: int) -> int:
        return b.full(b.take(vector, first + np.arange(count)), count)

    h0, h1, d0, d1 = pick(h, 0, n - 2), pick(h, 1, n - 2), pick(d, 0, n - 2), pick(d, 1, n - 2)
    two = b.number(2.0)
    w1 = b.apply("add", b.apply("mul", two, h1), h0)
    w2 = b.apply("add", h1, b.apply("mul", two, h0))
    rises = b.apply("gt", b.apply("mul", d0, d1), b.number(0.0))
    one = b.number(1.0)
    below = b.apply(
        "add",
        b.apply("div", w1, b.apply("select", rises, d0, one)),
        b.apply("div", w2, b.apply("select", rises, d1, one)),
    )
    inner = b.apply("select", rises, b.apply("div", b.apply("add", w1, w2), below), b.number(0.0))

    def end(k0: int, k1: int) -> int:
        ha, hb, da, db = (b.element(v, k) for v, k in ((h, k0), (h, k1), (d, k0), (d, k1)))
        twice = b.apply("add", b.apply("mul", two, ha), hb)
        over = b.apply("sub", b.apply("mul", twice, da), b.apply("mul", ha, db))
        m = b.apply("div", over, b.apply("add", ha, hb))
        against = b.apply("le", b.apply("mul", m, da), b.number(0.0))
        turns = b.apply("le", b.apply("mul", da, db), b.number(0.0))
        three = b.apply("mul", b.number(3.0), da)
        steep = b.apply("and", turns, b.apply("gt", b.apply("abs", m), b.apply("abs", three)))
        return b.apply("select", against, b.number(0.0), b.apply("select", steep, three, m))

    first, last = end(0, 1), end(n - 2, n - 3)
    return b.concatenate([b.full(first, 1), b.full(inner, n - 2), b.full(last, 1)])
