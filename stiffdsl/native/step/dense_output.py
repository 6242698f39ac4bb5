"""The dense output of a step (`solve/base/dense_output.py`), of entries that were loaded."""

from collections.abc import Sequence

from stiffdsl.native.ir.code import Code
from stiffdsl.native.ir.registers import RegisterNamespace
from stiffdsl.solve.base.dense_output import value_at


def interpolated(code: Code, y0: str, y1: str, K: Sequence[str], theta: str, rest: str | None = None) -> str:
    """The value at `theta` of the step; `rest` is 1 - theta, where that was computed before a loop over entries."""
    xp = RegisterNamespace(code)
    rest = code.apply("sub", code.number(1.0), theta) if rest is None else rest
    start, end, part, left = xp.of(y0, y1, theta, rest)
    return value_at(start, end, [xp.of(row) for row in K], part, left).text
