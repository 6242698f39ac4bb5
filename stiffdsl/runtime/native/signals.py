"""Inputs over time inside a kernel: tables with straight lines between their points, constant beyond their ends.

The same as `jax.numpy.interp`, derivative included: at a point of the table the slope is that of the segment after it.
"""

from dataclasses import dataclass

from stiffdsl.runtime.native.code import Code, Module
from stiffdsl.runtime.native.layout import OPERANDS, OPTIONS

# Segments shorter than this are jumps (`jax.numpy.interp`).
_JUMP = 4.930380657631324e-32


def emit_inputs(module: Module) -> None:
    """`inputs(t, operands, u, u_t)`: overwrites the driven entries of u, and their slopes.

    `layout` has three numbers for each signal: its input, where its points begin, and how many there are.
    """
    code = Code(
        module,
        "inputs",
        [("double", "t"), ("ptr", "operands"), ("ptr", "u"), ("ptr", "u_t")],
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


def emit_inputs_back(module: Module, inputs: int) -> None:
    """`inputs_back(t, operands, u_bar, u_t_bar, constant_bar, values_bar)`: adds the cotangents of inputs and of their
    slopes to those of the constants and of the values in the tables; u_bar is used up."""
    names = ("operands", "u_bar", "u_t_bar", "constant_bar", "values_bar")
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
    """Where `t` lies in the table of a signal: between the points `left` and `right`, by `share` of their distance
    `width`. `still`: the value does not change there."""

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


class _Signals:
    """The tables of a function with the parameters `t` and `operands`."""

    def __init__(self, code: Code):
        self.code = code
        self.layout, self.times, self.values, options = (
            code.load("%operands", OPERANDS.index(name), "ptr")
            for name in ("layout", "times", "values", "options")
        )
        self.count = code.to_integer(code.load(options, OPTIONS.index("signals")))
        self._low, self._high = code.variable("i64"), code.variable("i64")

    def segment(self, s: str) -> _Segment:
        code, low, high = self.code, self._low, self._high
        base = code.integer("mul", s, "3")
        index, offset, length = (
            code.to_integer(code.load(self.layout, code.integer("add", base, str(k)))) for k in range(3)
        )
        x = code.at(self.times, offset)
        code.store("0", low, kind="i64")
        code.store(length, high, kind="i64")
        with code.forever() as searching:
            a, b = code.load(low, kind="i64"), code.load(high, kind="i64")
            code.leave(searching, code.value(f"icmp sge i64 {a}, {b}"))
            middle = code.integer("lshr", code.integer("add", a, b), "1")
            before = code.apply("le", code.load(x, middle), "%t")
            next_low = code.select(before, code.integer("add", middle, "1"), a, "i64")
            code.store(next_low, low, kind="i64")
            code.store(code.select(before, b, middle, "i64"), high, kind="i64")
        last = code.integer("sub", length, "1")
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
        early = code.apply("lt", "%t", code.load(x, 0))
        late = code.apply("gt", "%t", code.load(x, last))
        still = code.value(f"or i1 {jump}, {code.value(f'or i1 {early}, {late}')}")
        return _Segment(index, offset, left, right, last, share, width, jump, early, late, still)
