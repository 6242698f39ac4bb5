"""Factors with pivots planned ahead, and with pivots as they come."""

import ctypes
from dataclasses import replace

import numpy as np
import pytest

from stiffdsl import native
from stiffdsl.native.factors import lu, lu_blocks, lu_narrow, lu_transposed, pivoted
from stiffdsl.native.host import engine
from stiffdsl.native.ir.code import IRModule
from stiffdsl.native.ir.form import Form
from tests.native import solves

pytestmark = pytest.mark.skipif(not engine.available(), reason="LLVM is not installed")


# Factors in loops, and a sparse matrix where pivots are as they come.
LOOPS = Form(unrolled_factors=0, dense_pivoting=0)


def pattern_of(rng, n, density, algebraic):
    """A pattern with a full transversal whose algebraic rows have no diagonal of their own."""
    pattern = rng.random((n, n)) < density
    pattern[np.arange(n - algebraic), np.arange(n - algebraic)] = True
    lower = np.arange(n - algebraic, n)
    pattern[lower, lower] = False
    pattern[lower, np.roll(lower, 1)] = True
    return pattern


def solver_of(plan):
    module = IRModule(plan.form)
    lu.emit_assemble(module, plan)
    lu.emit_factor(module, plan)
    lu.emit_solve(module, plan)
    lu_transposed.emit_solve_transposed(module, plan)
    pivoted.emit_pivoted_factor(module, plan)
    pivoted.emit_pivoted_solve(module, plan)
    pivoted.emit_pivoted_solve_transposed(module, plan)
    storage = max(plan.storage, pivoted.storage(plan))
    text = module.text().replace("define internal", "define dso_local")
    library = engine.load(text, lambda: text)

    def call(name, *values):
        kinds = [ctypes.c_double if isinstance(v, float) else ctypes.c_void_p for v in values]
        given = [v if isinstance(v, float) else v.ctypes.data for v in values]
        ctypes.CFUNCTYPE(None, *kinds)(library.address(name))(*given)

    def solve(alpha, jacobian, b, planned, transposed=False):
        n = plan.n
        w, factors = np.zeros(len(plan.source)), np.zeros(storage)
        x, z = np.zeros(n), np.zeros(n + 3)
        call("assemble", alpha, jacobian, w)
        if planned:
            call("factor", w, factors)
            call("solve_transposed" if transposed else "solve", factors, b, x, z)
        else:
            call("pivoted_factor", w, factors, z)
            call("pivoted_solve_transposed" if transposed else "pivoted_solve", factors, z, b, x)
        return x

    solve.library = library
    return solve


@pytest.mark.parametrize(("n", "algebraic"), [(1, 0), (2, 2), (5, 2), (12, 3), (25, 0), (25, 3), (70, 6)])
@pytest.mark.parametrize("form", ["unrolled", "blocks", "columns", "levels"])
def test_solves(n, algebraic, form):
    unrolled = form == "unrolled"
    sizes = Form(
        unrolled_factors=10_000 if unrolled else -1,
        level_share=0.0 if form == "levels" else np.inf,
        alike_rows=1 + n % 2,
        column_waste=0.0 if form == "columns" else np.inf,
        narrow_rows=0 if form == "columns" else 4,
        dense_pivoting=100 if unrolled else 0,
    )
    rng = np.random.default_rng(n)
    pattern = pattern_of(rng, n, 0.15, algebraic)
    rows, columns = np.nonzero(pattern)
    mass = np.r_[np.ones(n - algebraic), np.zeros(algebraic)]
    plan = lu.plan(rows, columns, mass, form=sizes)
    assert plan is not None
    jacobian = rng.uniform(0.5, 1.5, len(rows)) * rng.choice([-1, 1], len(rows))
    w = 37.0 * np.diag(mass)
    w[rows, columns] -= jacobian
    b = rng.normal(size=n)
    assert (form == "levels") == plan.by_levels or n < 3
    solve = solver_of(plan)
    expected = np.linalg.solve(w, b)
    tolerance = 1e-13 * np.linalg.cond(w) * (1 + np.abs(expected).max())
    assert np.abs(solve(37.0, jacobian, b, planned=False) - expected).max() < tolerance
    growth = 1e4
    assert np.abs(solve(37.0, jacobian, b, planned=True) - expected).max() < growth * tolerance
    backward = np.linalg.solve(w.T, b)
    for planned in (True, False):
        found = solve(37.0, jacobian, b, planned=planned, transposed=True)
        assert np.abs(found - backward).max() < growth * tolerance * (1 + np.abs(backward).max())


def test_a_tridiagonal_matrix_does_not_fill():
    n = 50
    i = np.arange(n)
    rows, columns = np.concatenate([i, i[1:], i[:-1]]), np.concatenate([i, i[:-1], i[1:]])
    plan = lu.plan(rows, columns, np.ones(n))
    assert plan.entries == 3 * n - 2


def test_an_arrow_is_eliminated_from_its_tip():
    n = 30
    i = np.arange(n)
    rows, columns = np.concatenate([i, 0 * i[1:], i[1:]]), np.concatenate([i, i[1:], 0 * i[1:]])
    plan = lu.plan(rows, columns, np.ones(n))
    assert plan.entries == 3 * n - 2
    assert plan.column[0] != 0


def test_numbers_too_small_to_be_normal_say_nothing_about_pivots():
    """States far from the source of a ladder are subnormal at first; its equations are diagonally dominant."""
    given = solves.library_model("examples/rc_ladder.sml", {"N": 300})
    counts = native.build(given.program).solve(given.t0, given.t1, given.y0, given.p, given.u).counts
    accepted, rejected, _, jacobians, *_ = counts
    assert jacobians == accepted + rejected


def test_structurally_singular():
    assert lu.plan(np.array([0, 1]), np.array([0, 0]), np.array([1.0, 0.0])) is None


def test_large_pivots_are_preferred_in_algebraic_rows():
    rows, columns = np.array([0, 1, 1, 2, 2]), np.array([0, 1, 2, 1, 2])
    sample = np.array([1.0, 1e-9, 2.0, 3.0, 1e-9])
    plan = lu.plan(rows, columns, np.array([1.0, 0.0, 0.0]), sample)
    pivots = dict(zip(plan.column.tolist(), plan.row.tolist(), strict=True))
    assert pivots == {0: 0, 1: 2, 2: 1}


def test_pivots_of_equal_parts_do_not_wait_for_each_other():
    """Chains of three that hang on a chain: one level after the other, the same fill, and the same solution."""
    rooms, depth = 60, 4
    n, rng = rooms * depth, np.random.default_rng(0)
    place = np.arange(n).reshape(rooms, depth)
    pairs = [(place[:, k], place[:, k + 1]) for k in range(depth - 1)] + [(place[:-1, 0], place[1:, 0])]
    rows = np.concatenate([np.arange(n), *(np.r_[a, b] for a, b in pairs)])
    columns = np.concatenate([np.arange(n), *(np.r_[b, a] for a, b in pairs)])
    plan = lu.plan(rows, columns, np.ones(n), form=LOOPS)
    assert not plan.written_out
    assert plan.entries == len(rows)
    level = np.zeros(n, dtype=int)
    for i, j in zip(plan.left, plan.top, strict=True):
        if j < i:
            level[i] = max(level[i], level[j] + 1)
    assert np.all(np.diff(level) >= 0)
    values, b = rng.normal(size=len(rows)), rng.normal(size=n)
    matrix = 10.0 * np.eye(n)
    np.add.at(matrix, (rows, columns), -values)
    x = solver_of(plan)(10.0, values, b, planned=True)
    np.testing.assert_allclose(matrix @ x, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("share", [np.inf, 0.0], ids=["narrow", "levels"])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_chains_are_solved_both_ways(depth, share):
    """Parts in a row, each with `depth` unknowns: rows that wait for each other, and rows that do not."""
    parts = 150
    n, rng = parts * depth, np.random.default_rng(depth)
    place = np.arange(n).reshape(parts, depth)
    pairs = [(place[:, k], place[:, k + 1]) for k in range(depth - 1)] + [(place[:-1, 0], place[1:, 0])]
    rows = np.concatenate([np.arange(n), *(np.r_[a, b] for a, b in pairs)])
    columns = np.concatenate([np.arange(n), *(np.r_[b, a] for a, b in pairs)])
    plan = lu.plan(rows, columns, np.ones(n), form=replace(LOOPS, level_share=share))
    assert plan is not None
    values, b = rng.normal(size=len(rows)), rng.normal(size=n)
    matrix = 10.0 * np.eye(n)
    np.add.at(matrix, (rows, columns), -values)
    solve = solver_of(plan)
    assert lu_narrow.is_narrow(lu_blocks.blocks(plan))
    np.testing.assert_allclose(matrix @ solve(10.0, values, b, planned=True), b, rtol=1e-10, atol=1e-12)
    backward = solve(10.0, values, b, planned=True, transposed=True)
    np.testing.assert_allclose(matrix.T @ backward, b, rtol=1e-10, atol=1e-12)


def test_equal_chains_lie_side_by_side():
    """Forty chains of twenty whose ends are tied to a few unknowns in all directions, as particles in a cell."""
    chains, length, tied = 40, 20, 12
    place, rng = np.arange(chains * length).reshape(chains, length), np.random.default_rng(2)
    ends = chains * length + np.arange(tied)
    pairs = [(place[:, k], place[:, k + 1]) for k in range(length - 1)]
    pairs += [(place[:, -1], ends[np.arange(chains) % tied]), (ends[:-1], ends[1:]), (ends[:-3], ends[3:])]
    n = chains * length + tied
    rows = np.concatenate([np.arange(n), *(np.r_[a, b] for a, b in pairs)])
    columns = np.concatenate([np.arange(n), *(np.r_[b, a] for a, b in pairs)])
    plan = lu.plan(rows, columns, np.ones(n), form=LOOPS)
    assert plan.by_levels
    assert sum(s.count for s in plan.levels.sections if s.vector) >= 0.9 * chains * length
    values, b = rng.normal(size=len(rows)), rng.normal(size=n)
    matrix = 10.0 * np.eye(n)
    np.add.at(matrix, (rows, columns), -values)
    solve = solver_of(plan)
    for transposed in (False, True):
        x = solve(10.0, values, b, planned=True, transposed=transposed)
        np.testing.assert_allclose((matrix.T if transposed else matrix) @ x, b, rtol=1e-10, atol=1e-12)
