"""Segments between jumps in time: conditions on time alone are decided by one time, in the middle of the segment.

It follows the parameters, so that what depends on it is computed once for the steps of a segment (`program/hoist.py`):

    rhs(t, y, p, u, side)    becomes    rhs(t, y, [p, middle], u)    with every entry of side `middle`

or, where lines that jump at one time are passed one by one, `rhs(t, y, [p, side], u)`.
"""

from dataclasses import replace

import numpy as np

from stiffdsl.program.builder import Builder, ConstantTables
from stiffdsl.program.derivatives.forward import copied
from stiffdsl.program.program import Function, Program


def in_segments(program: Program, parameters: int, sides: int = 1) -> Program:
    """The functions that steps evaluate, with that time, or `sides` times, one for each line, as the last of the
    parameters."""
    if not len(program.crossings_periodic):
        return program
    b = Builder(ConstantTables())
    p = b.input("p", parameters + sides)

    def side(size: int) -> int:
        if sides == 1:
            return b.full(b.element(p, parameters), size)
        return b.take(p, parameters + np.arange(sides))

    def over(function: Function) -> Function:
        values: list[int] = []
        for op in function.ops:
            match op.name, op.data:
                case "input", "p":
                    values.append(b.take(p, np.arange(parameters)))
                case "input", "side":
                    values.append(side(op.size or 1))
                case _:
                    values.append(copied(b, program.tables, op, [values[a] for a in op.args]))
        ops, *_ = b.needed(values[-1])
        arguments = tuple(a for a in function.arguments if a != "side")
        return Function(function.name, arguments, function.doc, ops)

    functions = [over(f) for f in program.functions if "side" in f.arguments and f.name != "crossings"]
    return replace(program, functions=functions, tables=b.tables.arrays)
