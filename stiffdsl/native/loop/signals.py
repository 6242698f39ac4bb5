"""Inputs over time inside a kernel: tables with straight lines between their points, constant beyond their ends.

The same as `jax.numpy.interp`, derivative included: at a point of the table the slope is that of the segment after it.
Where two points have the same time, a table jumps; a step sees one side of that, since a time is looked up no nearer to
the ends of the steps between two jumps than `span` says: two times, of which the first is the earlier. Behind them
it has for each signal the number of the point after the last time that was looked up: the next one is mostly beside it.
"""

from dataclasses import dataclass

import numpy as np

from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.step.layout import OPERANDS, OPTIONS

# Segments shorter than this are jumps (`jax.numpy.interp`).
_JUMP = 4.930380657631324e-32


def emit_inputs(module: IRModule) -> None:
    """`inputs(t, operands, span, u, u_t)`: overwrites the driven entries of u, and their slopes.

    `layout` has three numbers for each signal: its input, where its points begin, and how many there are.
    """
    code = Code(
        module,
        "inputs",
        [("double", "t"), *(("ptr", name) for name in ("operands", "span", "u", "u_t"))],
        attributes="noinline",
    )
    signals = _Signals(code)
    with code.loop(signals.count) as s:
        at = signals.segment(s)
        f = code.at(signals.values, at.offset)
        f0 = code.load(f, at.left)
        df = code.apply("sub", code.load(f, at.right), f0)
        value = code.apply("add", f0, code.apply("mul", at.share, df))
        value = code.select(at.jump, f0, value)
        value = code.select(at.early, code.load(f, 0), value)
        value = code.select(at.late, code.load(f, at.last), value)
        code.store(value, "%u", at.index)
        slope = code.apply("div", df, at.width)
        code.store(code.select(at.still, code.number(0.0), slope), "%u_t", at.index)
    code.put("ret void")
    code.finish()


def emit_inputs_back(module: IRModule, inputs: int) -> None:
    """`inputs_back(t, operands, span, u_bar, u_t_bar, constant_bar, values_bar)`: adds the cotangents of inputs and of
    their slopes to those of the constants and of the values in the tables; u_bar is used up."""
    names = ("operands", "span", "u_bar", "u_t_bar", "constant_bar", "values_bar")
    code = Code(
        module, "inputs_back", [("double", "t"), *(("ptr", name) for name in names)], attributes="noinline"
    )
    signals = _Signals(code)
    zero, one = code.number(0.0), code.number(1.0)
    with code.loop(signals.count) as s:
        at = signals.segment(s)
        bar, slope_bar = code.load("%u_bar", at.index), code.load("%u_t_bar", at.index)
        code.store(zero, "%u_bar", at.index)
        f_bar = code.at("%values_bar", at.offset)

        def give(place: str, amount: str, f_bar: str = f_bar) -> None:
            code.store(code.apply("add", code.load(f_bar, place), amount), f_bar, place)

        outside = code.value(f"or i1 {at.early}, {at.late}")
        beside = code.select(outside, zero, bar)
        share = code.select(at.jump, zero, at.share)
        steep = code.select(at.still, zero, code.apply("div", slope_bar, at.width))
        right = code.apply("add", code.apply("mul", share, beside), steep)
        left = code.apply("mul", code.apply("sub", one, share), beside)
        give(at.right, right)
        give(at.left, code.apply("sub", left, steep))
        give("0", code.select(at.early, bar, zero))
        give(at.last, code.select(at.late, bar, zero))
    with code.loop(inputs) as k:
        code.store(
            code.apply("add", code.load("%constant_bar", k), code.load("%u_bar", k)), "%constant_bar", k
        )
    code.put("ret void")
    code.finish()


@dataclass(frozen=True)
class _Segment:
    """The segment of a signal's table that `t` lies in: between the points `left` and `right`, by `share` of their
    distance `width`. `still`: the value does not change there."""

    index: str
    offset: str
    left: str
    right: str
    last: str
    share: str
    width: str
    jump: str
    early: str
    late: str
    still: str


def next_jump(code: Code, t: str, backward: str, beyond: str) -> str:
    """The time of the first jump of any table more than `beyond` after t; infinite where there is none; `%here` becomes
    1 where one is nearer. For a function with the parameters `operands` and `here`."""
    number = code.number
    jumps, options = (code.load("%operands", OPERANDS.index(name), "ptr") for name in ("jumps", "options"))
    count = code.to_integer(code.load(options, OPTIONS.index("jumps")))
    low, high = code.variable("i64", "0"), code.variable("i64", count)
    early, late = code.apply("sub", t, beyond), code.apply("add", t, beyond)
    # The number of points that lie behind, going forward; or ahead, going back.
    with code.forever() as searching:
        a, b = code.load(low, kind="i64"), code.load(high, kind="i64")
        code.leave(searching, code.value(f"icmp sge i64 {a}, {b}"))
        middle = code.integer("lshr", code.integer("add", a, b), "1")
        time = code.load(jumps, middle)
        before = code.select(backward, code.apply("lt", time, early), code.apply("le", time, late), "i1")
        code.store(code.select(before, code.integer("add", middle, "1"), a, "i64"), low, kind="i64")
        code.store(code.select(before, b, middle, "i64"), high, kind="i64")
    after = code.load(low, kind="i64")
    before = code.integer("sub", after, "1")
    found = code.variable("double", code.select(backward, number(-np.inf), number(np.inf)))
    has = (
        code.value(f"icmp sge i64 {before}, 0"),
        code.value(f"icmp slt i64 {after}, {count}"),
    )
    nearest = code.select(backward, after, before, "i64")
    with code.when(code.select(backward, has[1], has[0], "i1")):
        away = code.apply("abs", code.apply("sub", code.load(jumps, nearest), t))
        now = code.apply("le", away, beyond)
        code.store(code.select(now, number(1.0), code.load("%here")), "%here")
    with code.when(code.select(backward, has[0], has[1], "i1")):
        code.store(code.load(jumps, code.select(backward, before, after, "i64")), found)
    return code.load(found)


class _Signals:
    """The tables of a function with the parameter `operands`; `segment` needs `t` and `span` as well."""

    def __init__(self, code: Code):
        self.code = code
        self.layout, self.times, self.values, options = (
            code.load("%operands", OPERANDS.index(name), "ptr")
            for name in ("layout", "times", "values", "options")
        )
        self.count = code.to_integer(code.load(options, OPTIONS.index("signals")))
        self._low, self._high = code.variable("i64"), code.variable("i64")
        self._known = code.variable("i1")

    def points(self, s: str) -> tuple[str, str, str]:
        """The input of signal s, where its points begin, and how many there are."""
        code, base = self.code, self.code.integer("mul", s, "3")
        places = (code.integer("add", base, str(k)) for k in range(3))
        index, offset, length = (code.to_integer(code.load(self.layout, place)) for place in places)
        return index, offset, length

    def segment(self, s: str) -> _Segment:
        code, low, high, known = self.code, self._low, self._high, self._known
        index, offset, length = self.points(s)
        x = code.at(self.times, offset)
        seen = code.smaller(code.larger("%t", code.load("%span", 0)), code.load("%span", 1))
        last = code.integer("sub", length, "1")
        place = code.at("%span", code.integer("add", s, "2"))
        guess = code.to_integer(code.load(place))
        code.store(guess, low, kind="i64")
        code.store("0", known, kind="i1")
        inside = code.value(f"icmp sge i64 {guess}, 1")
        with code.when(code.apply("and", inside, code.value(f"icmp sle i64 {guess}, {last}"))):
            after = code.apply("le", code.load(x, code.integer("sub", guess, "1")), seen)
            before = code.apply("lt", seen, code.load(x, guess))
            code.store(code.apply("and", after, before), known, kind="i1")
        with code.when(code.apply("not", code.load(known, kind="i1"))):
            code.store("0", low, kind="i64")
            code.store(length, high, kind="i64")
            with code.forever() as searching:
                a, b = code.load(low, kind="i64"), code.load(high, kind="i64")
                code.leave(searching, code.value(f"icmp sge i64 {a}, {b}"))
                middle = code.integer("lshr", code.integer("add", a, b), "1")
                before = code.apply("le", code.load(x, middle), seen)
                next_low = code.select(before, code.integer("add", middle, "1"), a, "i64")
                code.store(next_low, low, kind="i64")
                code.store(code.select(before, b, middle, "i64"), high, kind="i64")
            code.store(code.to_real(code.load(low, kind="i64")), place)
        right = code.load(low, kind="i64")
        right = code.select(code.value(f"icmp slt i64 {right}, 1"), "1", right, "i64")
        right = code.select(code.value(f"icmp slt i64 {last}, {right}"), last, right, "i64")
        left = code.integer("sub", right, "1")
        left = code.select(code.value(f"icmp slt i64 {left}, 0"), "0", left, "i64")
        x0 = code.load(x, left)
        dx = code.apply("sub", code.load(x, right), x0)
        jump = code.apply("le", code.apply("abs", dx), code.number(_JUMP))
        width = code.select(jump, code.number(1.0), dx)
        share = code.apply("div", code.apply("sub", "%t", x0), width)
        early = code.apply("lt", seen, code.load(x, 0))
        late = code.apply("gt", seen, code.load(x, last))
        still = code.value(f"or i1 {jump}, {code.value(f'or i1 {early}, {late}')}")
        return _Segment(index, offset, left, right, last, share, width, jump, early, late, still)
