"""Small algebraic loops: the fewest unknowns are kept, the others follow from them by assignments.

Tears are found by trying. A linear loop with up to three of them is solved in closed form, by Cramer's rule,
which fails only where the loop itself has no unique solution.

Only divisions by numbers and parameters are used for the assignments of a loop: any other pivot may vanish
although the loop is regular.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations

import sympy as sp

from stiffdsl.flat.functions import Opaque, Where
from stiffdsl.flat.template import multiplied_out, operations, substitute, symbols_of
from stiffdsl.graph.explicit import coefficient, solve_for

# Loops of at most this many unknowns are torn by search, and solved in closed form where that stays short.
SMALL = 12
MOST_SOLVED = 3
LONGEST_SOLUTION = 250
# The budget of a loop: it stays implicit where an equation has more operations and leaves than this.
LONGEST_EQUATION = 400
# A quotient of at most this many operations is cancelled, a determinant of as many multiplied out.
SHORT = 80
# The equations of a small loop are paired anew if that leaves at most this many tears.
MOST_SEARCHED = 4


def loop_symbol(k: int) -> sp.Symbol:
    """Stands for the k-th unknown of a loop."""
    return sp.Symbol(f"x{k}", real=True)


@dataclass(frozen=True, eq=False)
class Torn:
    """`tears`: positions kept. `solutions`: their values in terms of what is known outside, or None
    (implicit). `order`: the others, each of which follows from those before it and the tears.

    `singular`: the loop is linear, and its determinant is zero whatever the numbers.
    """

    tears: tuple[int, ...]
    solutions: tuple[sp.Expr, ...] | None
    order: tuple[int, ...]
    singular: bool = False


@lru_cache(maxsize=20_000)
def tear_small(templates: tuple[sp.Expr, ...], safe: tuple[bool, ...], last: tuple[int, ...]) -> Torn:
    """Tears a loop of `templates` in `x0, x1, …`; template k may be solved for xk where `safe[k]`. Tears are rather
    unknowns of low rank in `last`."""
    size = len(templates)
    x = [loop_symbol(k) for k in range(size)]
    uses = [{q for q in range(size) if x[q] in symbols_of(templates[p])} for p in range(size)]
    tears, order = _fewest(size, uses, safe, last)
    implicit = Torn(tears, None, tuple(order))
    if len(tears) > MOST_SOLVED or not _linear(templates, x):
        return implicit
    reduced = {p: templates[p] for p in tears}
    for p in reversed(order):
        value = solve_for(templates[p], x[p])
        assert value is not None, "a safe pivot can be solved for"
        reduced = {t: substitute(e, {x[p]: value}) for t, e in reduced.items()}
    if any(operations(e) > LONGEST_EQUATION for e in reduced.values()):
        return implicit
    rows = [_linear_form(reduced[p], [x[t] for t in tears]) for p in tears]
    if any(row is None for row in rows):
        return implicit
    matrix = sp.Matrix([row[0] for row in rows if row is not None])
    right = sp.Matrix([-row[1] for row in rows if row is not None])
    determinant = _determinant(matrix)
    if _always_zero(determinant):
        return replace(implicit, singular=True)
    solutions = []
    for k in range(len(tears)):
        replaced = matrix.copy()
        replaced[:, k] = right
        solutions.append(_determinant(replaced) / determinant)
    if any(s.count_ops() > LONGEST_SOLUTION for s in solutions):
        return implicit
    return replace(implicit, solutions=tuple(_cancelled(s) for s in solutions))


def _cancelled(value: sp.Expr) -> sp.Expr:
    """Numerator and denominator without common factors, where that is quick: fewer divisions."""
    if value.count_ops() > SHORT or value.has(Where, Opaque, sp.Function):
        return value
    shorter = sp.cancel(value)
    return shorter if shorter.count_ops() <= value.count_ops() else value


def _linear_form(equation: sp.Expr, unknowns: list[sp.Symbol]) -> tuple[list[sp.Expr], sp.Expr] | None:
    """The coefficients of the unknowns, and the rest; None where the equation is not linear in them."""
    # Powers of sums hold no unknown here.
    equation = multiplied_out(equation)
    nothing: dict[sp.Expr, sp.Expr] = {s: sp.Integer(0) for s in unknowns}
    factors = [coefficient(equation, s) if s in symbols_of(equation) else sp.Integer(0) for s in unknowns]
    if any(f is None or symbols_of(f) & set(unknowns) for f in factors):
        return None
    return [f for f in factors if f is not None], substitute(equation, nothing)


def _determinant(matrix: sp.Matrix) -> sp.Expr:
    """By the first row. A short one is multiplied out; a long one would take seconds of polynomial arithmetic."""
    if matrix.rows == 1:
        return sp.sympify(matrix[0, 0])
    terms = []
    for k in range(matrix.cols):
        if matrix[0, k] != 0:
            terms.append((-1) ** k * matrix[0, k] * _determinant(matrix.minor_submatrix(0, k)))
    found = sp.Add(*terms)
    return multiplied_out(found) if found.count_ops() <= SHORT else found


def _fewest(
    size: int, uses: Sequence[set[int]], safe: Sequence[bool], last: Sequence[int]
) -> tuple[tuple[int, ...], list[int]]:
    """A smallest set of tears that leaves no cycle, and the order of the others; high ranks in `last` come last."""
    forced = [p for p in range(size) if not safe[p]]
    choice = sorted((p for p in range(size) if safe[p]), key=lambda p: (last[p], p))
    for extra in range(min(len(choice), MOST_SOLVED) + 1):
        for chosen in combinations(choice, extra):
            tears = {*forced, *chosen}
            order = _order([p for p in range(size) if p not in tears], uses)
            if order is not None and tears:
                return tuple(sorted(tears)), order
    # More than can be solved in closed form: then a good set will do, the unknowns that are tied most first.
    tears = set(forced)
    while True:
        left = [p for p in range(size) if p not in tears]
        order = _order(left, uses)
        if order is not None:
            return tuple(sorted(tears)), order
        used = {p: sum(1 for r in left if r != p and p in uses[r]) for p in left}
        tears.add(max(left, key=lambda p: (used[p] * len(uses[p] & set(left)), -last[p], -p)))


def paired_for_tearing(
    uses: Sequence[set[int]], safe: Sequence[set[int]], last: Sequence[int]
) -> list[int] | None:
    """A pairing of equations and unknowns with fewer tears than the one at hand, if one is found.

    Equation p holds the unknowns `uses[p]` and may be solved for `safe[p]`; it is paired with unknown p now.
    With the tears known, equations are solved that have one safe unknown left; the result pairs what is then
    left over.
    """
    size = len(uses)
    tears, _ = _fewest(size, uses, [p in safe[p] for p in range(size)], last)
    choice = sorted(range(size), key=lambda q: (last[q], q))
    for count in range(1, min(len(tears), MOST_SEARCHED + 1)):
        for chosen in combinations(choice, count):
            pairs = _solved_from(set(chosen), uses, safe)
            if len(pairs) == size - count:
                left = iter(sorted(set(range(size)) - set(pairs.values())))
                return [pairs[q] if q in pairs else next(left) for q in range(size)]
    return None


def _solved_from(known: set[int], uses: Sequence[set[int]], safe: Sequence[set[int]]) -> dict[int, int]:
    """The equation that each unknown is solved from, one after another, as far as that goes."""
    pairs: dict[int, int] = {}
    left = list(range(len(uses)))
    while True:
        for p in left:
            unknown = uses[p] - known
            if len(unknown) == 1 and unknown <= safe[p]:
                (q,) = unknown
                pairs[q] = p
                known.add(q)
                left.remove(p)
                break
        else:
            return pairs


def _order(positions: list[int], uses: Sequence[set[int]]) -> list[int] | None:
    """`positions` so that each uses earlier ones only, or None if there is a cycle."""
    left, order = list(positions), []
    while left:
        ready = [p for p in left if not (uses[p] - {p}) & set(left)]
        if not ready:
            return None
        order += ready
        left = [p for p in left if p not in ready]
    return order


def _linear(templates: Sequence[sp.Expr], x: list[sp.Symbol]) -> bool:
    unknowns = set(x)
    for template in templates:
        for symbol in x:
            if symbol in symbols_of(template):
                c = coefficient(template, symbol)
                if c is None or symbols_of(c) & unknowns:
                    return False
    return True


def _always_zero(expression: sp.Expr) -> bool:
    """Whether the expression vanishes at three points chosen without pattern: then it vanishes everywhere. What tables
    give is as free as the unknowns are, and a choice is any mixture of its branches."""
    tables = sorted(expression.atoms(Opaque), key=str)
    expression = substitute(expression, {t: sp.Symbol(f"lookup{k}") for k, t in enumerate(tables)})  # type: ignore[misc]
    expression = _mixed(expression)
    if expression.is_number:
        return bool(sp.Abs(expression) < 1e-14)
    symbols = sorted(symbols_of(expression), key=str)
    for shift in (3, 7, 11):
        point: dict[sp.Expr, sp.Expr] = {
            s: sp.Rational(shift * 97 + 31 * k * k + 17 * k + 5, 211)
            for k, s in enumerate(symbols)
            if isinstance(s, sp.Expr)
        }
        value = substitute(expression, point)
        if not (value.is_zero or abs(complex(value.evalf(30))) < 1e-20):
            return False
    return True


def _mixed(expression: sp.Expr) -> sp.Expr:
    """Each choice as `c*yes + (1 - c)*no`, with one `c` for each condition."""
    weights: dict[sp.Basic, sp.Symbol] = {}

    def mixed(condition: sp.Basic, yes: sp.Expr, no: sp.Expr) -> sp.Expr:
        c = weights.setdefault(condition, sp.Symbol(f"choice{len(weights)}"))
        return c * yes + (1 - c) * no

    return expression.replace(Where, mixed)  # type: ignore[return-value]
