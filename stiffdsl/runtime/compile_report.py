"""Simplifications by the compiler as data: the parts of `CompiledModel.report` that are more than counts."""

from typing import Any

import numpy as np
from scipy.sparse import coo_array, identity
from scipy.sparse.linalg import splu

from stiffdsl.flat.model import Family
from stiffdsl.program.program import Program
from stiffdsl.runtime.compiled import CompiledProgram

# Names and texts that a report lists of each kind.
LISTED = 50
# Entries of equations up to which every report looks for conserved quantities; `inspect` looks further.
QUICK = 100_000
# Unknowns up to which a factorisation is tried.
FACTORED = 200_000


def conserved_facts(model: CompiledProgram, anyway: bool = False) -> dict[str, Any]:
    """The conserved quantities as text, and the states that they give."""
    system = model.program.system
    flat = system.flat
    eliminated = [flat.variable_name(int(v)) for v in system.eliminated[:LISTED]]
    entries = sum(f.table.size + sum(s.table.size for s in f.sums) for f in flat.equations)
    if entries > QUICK and not anyway and "conserved_found" not in vars(model):
        note = "not looked for in a model of this size; `stiffdsl inspect` and `model.conserved` do"
        return {"count": None, "quantities": [], "complete": False, "note": note, "eliminated": eliminated}
    found = model.conserved_found
    return {
        "count": len(found),
        "quantities": [q.text(flat) for q in found.quantities[:LISTED]],
        "complete": found.complete,
        "note": found.reason,
        "eliminated": eliminated,
    }


def reduction_facts(model: CompiledProgram) -> dict[str, Any]:
    """Results of index reduction: the number of differentiations, dummy derivatives, and invariants held."""
    system = model.program.system
    derivatives = [
        b.scalar_name(k) for b in system.flat.variables if _is_derivative(b) for k in range(b.size)
    ]
    return {
        "differentiated": system.blocks.get("differentiated", 0),
        "dummies": system.blocks.get("dummies", 0),
        "derivatives": derivatives[:LISTED],
        "invariants": _texts(system.invariants, system.invariant_orders),
    }


def _is_derivative(block: Any) -> bool:
    return block.kind == "hidden" and block.name.startswith("der(")


def _texts(families: tuple[Family, ...], orders: tuple[int, ...]) -> list[str]:
    """Equations as they were written, each once, how often they were differentiated, in how many places they hold."""
    told: dict[str, int] = {}
    for family, order in zip(families, orders, strict=True):
        for which, count in zip(*np.unique(family.which, return_counts=True), strict=True):
            span = family.origins[int(which)]
            text = span.source.line(span.line).split("#")[0].strip()
            text = "the derivative of " * order + f"{text} (line {span.line})"
            told[text] = told.get(text, 0) + int(count)
    return [text + (f", {count} times" if count > 1 else "") for text, count in told.items()][:LISTED]


def work_facts(program: Program) -> dict[str, Any]:
    """Operations on numbers before and after common subexpressions were joined."""
    work = program.work
    return {
        "f": {"before": work.f[0], "after": work.f[1]},
        "jacobian": {"before": work.jacobian[0], "after": work.jacobian[1]},
        "shared": work.shared,
        "folded": work.folded,
        "once": work.once,
    }


def factor_nonzeros(program: Program) -> int | None:
    """Nonzeros of L and U of `M/h - J` in a fill-reducing order (COLAMD); None where that was not tried."""
    n = program.size
    if not 0 < n <= FACTORED:
        return None
    # Any numbers will do, as long as no pivot has to move: the order is chosen by the pattern.
    values = np.random.default_rng(0).uniform(0.5, 1.0, len(program.rows))
    jacobian = coo_array((values, (program.rows, program.columns)), shape=(n, n))
    largest = 1.0 + np.max(np.bincount(program.rows, minlength=n))
    factors = splu((jacobian + largest * identity(n)).tocsc(), permc_spec="COLAMD", diag_pivot_thresh=0.0)
    return int(factors.L.nnz + factors.U.nnz - n)
