"""Arguments of tables that refuse what lies outside (`outside = error`): by how much they do, in both tiers."""

from typing import Any

import numpy as np

from stiffdsl.program.program import Program

# Parts of a table's length that arguments may lie outside, beside the relative tolerance.
NEAR = 1e-9


def knots_at_ends(program: Program) -> tuple[np.ndarray, np.ndarray]:
    """Places in p of the first and the last knot of what each watched argument is looked up in."""
    flat, watched = program.system.flat, program.watched
    blocks = [flat.tables[table].knots[axis] for table, axis in watched.tolist()]
    first = np.array([b.offset for b in blocks], dtype=np.int64)
    return first, np.array([b.offset + b.size - 1 for b in blocks], dtype=np.int64)


def ends(program: Program, p: Any) -> tuple[Any, Any]:
    """The first and the last knot of what each watched argument is looked up in."""
    first, last = knots_at_ends(program)
    return p[first], p[last]


def excess(values: Any, low: Any, high: Any, xp: Any) -> Any:
    """Distances by which arguments (times, watched) lie outside, in parts of their tables; below zero inside."""
    return xp.maximum(low - values, values - high) / (high - low)
