"""Names of the tables of a program: `index_1`, `values_1`, in the order in which its functions use them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from stiffdsl.program.builder import ConstantTables
from stiffdsl.program.ops import Op
from stiffdsl.program.program import Function


def named(
    functions: Sequence[Function], tables: ConstantTables
) -> tuple[tuple[Function, ...], dict[str, np.ndarray]]:
    """The tables that `functions` use, named by what they hold, in order of first use."""
    names: dict[str, str] = {}
    counts = {"index": 0, "values": 0}

    def renamed(op: Op) -> Op:
        if op.name not in ("table", "take", "take_sum"):
            return op
        if op.data not in names:
            kind = "values" if op.name == "table" else "index"
            counts[kind] += bool(tables.arrays[op.data].size)
            names[op.data] = f"{kind}_{counts[kind]}" if tables.arrays[op.data].size else "nothing"
        return replace(op, data=names[op.data])

    result = tuple(replace(f, ops=tuple(map(renamed, f.ops))) for f in functions)
    return result, {new: tables.arrays[old] for old, new in names.items()}
