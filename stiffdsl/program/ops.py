"""Operations of the array program.

A value is a number or a vector of a known length; an operation makes one value of earlier ones. Elementwise
operations broadcast numbers over vectors. There are no loops, no branches and no names of the model in it.

    input        data: name                 an argument of the function
    number, flag data: float, bool          a constant
    table        data: table                a constant vector
    element      a; data: k                 a[k]
    slice        a; data: start, stop, step a[start:stop:step]
    take         a; data: table             a[table]
    take_sum     a; data: table (n, width)  sum of a[table] over its last axis
    sum          a                          the sum as a vector of length one
    full         a                          a number, repeated
    stack        a, b, …                    numbers as a vector
    concatenate  a, b, …                    vectors end to end
    place        a, b; data: k              a, with b from position k on
    locate       a, x; data: first, n       the interval of the knots a[first:first+n] that x is in, from zero
    fetch        a, k; data: first, n, by   a[first + k + by], k whole, the place held inside of the n entries
    scatter      k, b; data: first, n, by   a vector of zeros, to which b is added where `fetch` reads
    select       c, a, b                    a where c, else b
    matmul       a, x; data: times, rows, columns, batch, groups, transposed   products of matrices and vectors
    outer        x, y; data: times, rows, columns, batch, groups               sums of outer products (`networks.py`)
    elementwise  see `operations.OPERATIONS`
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stiffdsl.program.operations import OPERATIONS

CONSTANT = ("number", "flag", "table")


@dataclass(frozen=True, slots=True)
class Op:
    """One operation. `args` are positions of earlier operations; `size` is None for a number."""

    name: str
    args: tuple[int, ...] = ()
    data: Any = None
    size: int | None = None


# Operations that read some entries of a vector.
GATHERS = ("element", "slice", "take", "take_sum")


def gathered(op: Op, tables: Mapping[str, np.ndarray]) -> list[int]:
    """The entries of its argument that one of these reads."""
    if op.name == "element":
        return [op.data]
    if op.name == "slice":
        return list(range(*op.data))
    return np.ravel(tables[op.data]).tolist()


def divided_by(ops: Sequence[Op]) -> set[int]:
    """The exponentials that are divided by: what is left of them is zero, and stays so, where they overflow."""
    below = [False] * len(ops)
    for k in range(len(ops) - 1, -1, -1):
        op = ops[k]
        if op.name == "div":
            below[op.args[1]] = True
        if below[k]:
            for a in op.args:
                below[a] = True
    return {
        k for k, op in enumerate(ops) if below[k] and op.name in OPERATIONS and OPERATIONS[op.name].overflows
    }
