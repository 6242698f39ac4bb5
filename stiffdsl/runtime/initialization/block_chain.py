"""Block-triangular solution of a start: unknowns that follow from given values, before Newton for all.

    var T start 293.15            T is given                      (one equation after another, each from values
    1 = x*log(T - 200)            x from T, from its guess         that are known by then; a loop is a block)
    U = T + x,  der(U) = 1        U from T and x

Newton's method in y alone would begin at U = 0, where nothing was said of U, and compute T = U - x from it. The
blocks are the strong components of all unknowns at the start, none assigned (`fully_implicit`), in their order; those
of one level are solved together.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, maximum_bipartite_matching

from stiffdsl.graph.fully_implicit import fully_implicit
from stiffdsl.program.lower import lower
from stiffdsl.program.program import Program
from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.bindings import Overrides
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.emit import numpy_functions
from stiffdsl.runtime.initialization.consistent_start import first_guess
from stiffdsl.solve.newton.continuation import Continued, by_damped_steps, continued

# Every level is a call of all equations: more unknowns or levels than these are left to Newton's method in y.
MOST_UNKNOWNS, MOST_LEVELS = 600, 100
BY_BLOCKS = "Newton, block by block"
# Starting points for a single unknown without start or guess, and the number of them that are followed.
GRID = np.array([sign * size for size in 10.0 ** np.arange(-6, 9.5, 0.5) for sign in (1, -1)])
TRIED = 3


@dataclass(frozen=True, eq=False)
class Lifted:
    """The system with all its unknowns in y. `place`: where the entries of the model's own y are in that."""

    program: Program
    functions: Any
    place: np.ndarray


@artifact
def lifted_system(model: CompiledProgram) -> Lifted | None:
    """All unknowns of the start; None where conserved quantities give states."""
    system = model.program.system
    if len(system.eliminated):
        return None
    program = lower(fully_implicit(system))
    all_of, states = program.system, len(system.states)
    order = np.lexsort((all_of.implicit_is_der, all_of.implicit))
    code = 2 * all_of.implicit + all_of.implicit_is_der
    own = order[np.searchsorted(code[order], 2 * system.implicit + system.implicit_is_der)]
    place = np.concatenate([np.arange(states), states + own]).astype(np.int64)
    return Lifted(program, numpy_functions(program), place)


def from_guesses(whole: Lifted, t: float, p, u, initial: Overrides):
    """The start values, and all unknowns before anything is solved."""
    values, mask = np.zeros(whole.program.size), np.zeros(whole.program.size, dtype=bool)
    values[whole.place], mask[whole.place] = np.asarray(initial.values), initial.mask
    known, y = first_guess(whole.program, whole.functions, p, u, t, Overrides(values, mask), np)
    return known, np.asarray(y, dtype=float).copy()


def worthwhile(model: CompiledProgram, known: np.ndarray, guessed: np.ndarray, initial: Overrides) -> bool:
    """Whether something is said of what y is computed from, and nothing of some entry of y that is to be found."""
    program, system = model.program, model.program.system
    if system.flat.size > MOST_UNKNOWNS or len(system.eliminated):
        return False
    told = ~np.isnan(known) | ~np.isnan(guessed)
    free = system.initial.free
    open_ = ~told[program.unknowns[free]] & program.is_variable[free] & ~initial.mask[free]
    own = np.zeros(len(told), dtype=bool)
    own[program.unknowns[program.is_variable]] = True
    return bool(open_.any() and (told & ~own & (system.flat.alias == np.arange(len(told)))).any())


@artifact
def _block_levels(model: CompiledProgram) -> Any:
    """The blocks of the fully implicit start by levels."""
    whole = lifted_system(model)
    assert whole is not None
    program = whole.program
    return _levels(program.initial_rows, program.initial_columns, len(program.system.initial.free))


def by_blocks(
    model: CompiledProgram, t: float, p, u, initial: Overrides
) -> tuple[np.ndarray, int, str] | None:
    """The entries of y, block by block, the linear systems solved, and by which way where one needed more than
    Newton's method; None where a block has no solution, or there are too many of them."""
    whole = lifted_system(model)
    if whole is None:
        return None
    free = whole.program.system.initial.free
    if len(free) > MOST_UNKNOWNS:
        return None
    levels = _block_levels(model)
    if levels is None:
        return None
    with np.errstate(all="ignore"):
        known, y = from_guesses(whole, t, p, u, initial)
        solves, how = 0, BY_BLOCKS
        for blocks in levels:
            found = _solved(whole, t, y, p, u, known, blocks)
            if found is None:
                return None
            solves += found[0]
            how = found[1] or how
    return (y[whole.place], solves, how) if np.all(np.isfinite(y)) else None


@dataclass(frozen=True, eq=False)
class StartBlock:
    """Equations and the unknowns that they give, with the entries of the Jacobian between them."""

    rows: np.ndarray
    columns: np.ndarray
    entries: np.ndarray


def _levels(rows: np.ndarray, columns: np.ndarray, size: int) -> list[list[StartBlock]] | None:
    """The blocks of each level; None where equations and unknowns do not fit, or levels are too many."""
    pattern = csr_array((np.ones(len(rows)), (rows, columns)), shape=(size, size))
    of_row = maximum_bipartite_matching(pattern, perm_type="column")
    if np.any(of_row < 0):
        return None
    tail, head = columns, of_row[rows]
    graph = csr_array((np.ones(len(rows)), (tail, head)), shape=(size, size))
    count, label = connected_components(graph, connection="strong")
    level = np.zeros(count, dtype=np.int64)
    between = label[tail] != label[head]
    a, b = label[tail[between]], label[head[between]]
    for _ in range(MOST_LEVELS):
        raised = level.copy()
        np.maximum.at(raised, b, level[a] + 1)
        if np.array_equal(raised, level):
            break
        level = raised
    else:
        return None
    row_of = np.argsort(of_row)
    inside = np.flatnonzero(label[tail] == label[head])
    result: list[list[StartBlock]] = [[] for _ in range(int(level.max(initial=0)) + 1)]
    for k in range(count):
        own = np.flatnonzero(label == k)
        result[level[k]].append(StartBlock(row_of[own], own, inside[label[tail[inside]] == k]))
    return result


def _solved(
    whole: Lifted, t: float, y: np.ndarray, p, u, known, blocks: list[StartBlock]
) -> tuple[int, str] | None:
    """Solves blocks that do not need one another, in place: together, else one by one, each with all means. Linear
    systems, and the way of the last that needed continuation."""
    together = StartBlock(
        *(np.concatenate([getattr(b, name) for b in blocks]) for name in StartBlock.__annotations__)
    )
    found, solves = _attempt(whole, t, y, p, u, known, together, by_damped_steps), 0
    if found.converged:
        y[whole.program.system.initial.free[together.columns]] = found.x
        return found.iterations, ""
    how = ""
    for block in blocks:
        for way in (by_damped_steps, _scanned, continued):
            found = _attempt(whole, t, y, p, u, known, block, way)
            solves += found.iterations
            if found.converged:
                y[whole.program.system.initial.free[block.columns]] = found.x
                how = found.way if way is continued else how
                break
        else:
            return None
    return solves, how


def _scanned(residual, jacobian, rows, columns, x0: np.ndarray) -> Continued:
    """A single unknown from the points of a grid at which its equation has a value, the nearest to a zero first."""
    solves = 0
    if len(x0) == 1:
        off = np.array([abs(float(residual(np.array([x]))[0])) for x in GRID])
        for k in np.argsort(off)[: min(TRIED, int(np.isfinite(off).sum()))]:
            found = by_damped_steps(residual, jacobian, rows, columns, GRID[k : k + 1])
            solves += found.iterations
            if found.converged:
                return found
    return Continued(x0, False, "", solves)


def _attempt(whole: Lifted, t: float, y: np.ndarray, p, u, known, block: StartBlock, way) -> Continued:
    """One block alone."""
    program, functions = whole.program, whole.functions
    entries = program.system.initial.free[block.columns]
    local_row, local_column = np.zeros(len(y), dtype=np.int64), np.zeros(len(y), dtype=np.int64)
    local_row[block.rows] = local_column[block.columns] = np.arange(len(entries))

    def full(x: np.ndarray) -> np.ndarray:
        filled = y.copy()
        filled[entries] = x
        return filled

    return way(
        lambda x: functions.initial_residual(t, full(x), p, u, known)[block.rows],
        lambda x: functions.initial_jacobian(t, full(x), p, u, known)[block.entries],
        local_row[program.initial_rows[block.entries]],
        local_column[program.initial_columns[block.entries]],
        y[entries],
    )
