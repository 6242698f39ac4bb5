"""Inputs over time inside a kernel: tables with straight lines between their points, constant beyond their ends.

The same as `jax.numpy.interp`, derivative included: at a point of the table the slope is that of the segment after it.
"""

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

    def operand(name: str) -> str:
        return code.load("%operands", OPERANDS.index(name), "ptr")

    layout, times, values = operand("layout"), operand("times"), operand("values")
    count = code.to_integer(code.load(operand("options"), OPTIONS.index("signals")))
    low, high = code.variable("i64"), code.variable("i64")
    with code.loop(count) as s:
        base = code.integer("mul", s, "3")
        index, offset, length = (
            code.to_integer(code.load(layout, code.integer("add", base, str(k)))) for k in range(3)
        )
        x, f = code.at(times, offset), code.at(values, offset)
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
        x0, f0 = code.load(x, left), code.load(f, left)
        dx = code.apply("sub", code.load(x, right), x0)
        df = code.apply("sub", code.load(f, right), f0)
        jump = code.apply("le", code.apply("abs", dx), code.number(_JUMP))
        safe = code.select(jump, code.number(1.0), dx)
        share = code.apply("div", code.apply("sub", "%t", x0), safe)
        value = code.apply("add", f0, code.apply("mul", share, df))
        slope = code.apply("div", df, safe)
        first_time, last_time = code.load(x, 0), code.load(x, last)
        early, late = code.apply("lt", "%t", first_time), code.apply("gt", "%t", last_time)
        value = code.select(jump, f0, value)
        value = code.select(early, code.load(f, 0), value)
        value = code.select(late, code.load(f, last), value)
        still = code.value(f"or i1 {jump}, {code.value(f'or i1 {early}, {late}')}")
        code.store(value, "%u", index)
        code.store(code.select(still, code.number(0.0), slope), "%u_t", index)
    code.put("ret void")
    code.finish()
