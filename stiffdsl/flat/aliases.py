"""Alias elimination: variables that equal one another, up to sign, become one; those that are zero vanish.

States keep their names: a variable whose derivative occurs is preferred as the representative. Substituting
representatives may turn further equations into aliases (`v = p.v - n.v` with `n.v = 0`), so the pass repeats.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy as sp
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from stiffdsl.flat.functions import Where, where
from stiffdsl.flat.instance import Fault
from stiffdsl.flat.model import Family, Sum, slot, total
from stiffdsl.flat.template import multiplied_out, substitute, symbols_of


@dataclass(eq=False)
class Aliases:
    """`v = sign[v] * of[v]`; sign 0 is zero."""

    of: np.ndarray
    sign: np.ndarray


def union(
    size: int,
    equal: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
    zero: list[np.ndarray],
    rank: np.ndarray,
) -> Aliases:
    """The classes of all equalities `a = sign * b`; the member of lowest `rank` represents its class.

    Signs are carried by a doubled graph: node v stands for +v, node size + v for -v.
    """
    a = np.concatenate([np.zeros(0, dtype=np.int64), *(e[0] for e in equal)])
    b = np.concatenate([np.zeros(0, dtype=np.int64), *(e[1] for e in equal)])
    sign = np.concatenate([np.zeros(0, dtype=np.int64), *(e[2] for e in equal)])
    nought = np.concatenate([np.zeros(0, dtype=np.int64), *zero])
    flipped = np.where(sign > 0, 0, size)
    heads = np.concatenate([a, a + size, nought])
    tails = np.concatenate([b + flipped, b + size - flipped, nought + size])
    graph = coo_array((np.ones(len(heads)), (heads, tails)), shape=(2 * size, 2 * size))
    _, label = connected_components(graph, directed=False)
    plus, minus = label[:size], label[size:]
    key = np.minimum(plus, minus)
    order = np.lexsort((rank, key))
    first = np.r_[True, np.diff(key[order]) != 0] if size else np.zeros(0, dtype=bool)
    leader = np.empty(size, dtype=np.int64)
    leader[order] = np.repeat(order[first], np.diff(np.r_[np.flatnonzero(first), size]))
    signs = np.where(plus == plus[leader], 1, -1)
    signs[plus == minus] = 0
    return Aliases(leader, signs)


def eliminate(
    families: tuple[Family, ...], aliases: Aliases, rank: np.ndarray
) -> tuple[tuple[Family, ...], Aliases]:
    """Repeats: put representatives in, find equations that are aliases, join them, until nothing changes."""
    while True:
        families = tuple(part for family in families for part in rewrite(family, aliases))
        equal, zero, rest = [], [], []
        for family in families:
            found = _alias(family)
            if found is None:
                rest.append(family)
            elif isinstance(found, int):
                zero.append(family.table[:, found])
            else:
                one, two, sign = found
                equal.append((family.table[:, one], family.table[:, two], np.full(family.size, sign)))
        if not equal and not zero:
            return tuple(rest), aliases
        equal.append((np.arange(len(rank)), aliases.of, np.where(aliases.sign < 0, -1, 1)))
        zero.append(np.flatnonzero(aliases.sign == 0))
        aliases = union(len(rank), equal, zero, rank)
        families = tuple(rest)


def rewrite(family: Family, aliases: Aliases) -> list[Family]:
    """`family` on representatives: split where members differ in signs, zeros or equal slots."""
    columns = [k for k, kind in enumerate(family.kinds) if kind in ("var", "der")]
    inner = any(kind in ("var", "der") for s in family.sums for kind in s.kinds)
    if not columns and not inner:
        return [family]
    table = family.table.copy()
    pattern = np.ones((family.size, len(columns)), dtype=np.int64)
    for j, k in enumerate(columns):
        pattern[:, j] = aliases.sign[table[:, k]]
        table[:, k] = aliases.of[table[:, k]]
    duplicate = _first_of_equals(2 * table[:, columns] + [family.kinds[k] == "der" for k in columns])
    plain = bool(np.all(pattern == 1)) and bool(np.all(duplicate == np.arange(len(columns))))
    if plain:
        template, sums = _rewritten_sums(family.template, family.sums, aliases)
        return [Family(template, family.kinds, table, family.origins, family.which, sums)]
    keys = np.concatenate([pattern, duplicate], axis=1)
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    result = []
    for g in np.argsort(first, kind="stable"):
        rows = np.flatnonzero(group.ravel() == g)
        result.append(_rewritten(family, table, columns, keys[first[g]], rows, aliases))
    return result


def with_signs(family: Family, aliases: Aliases) -> Family:
    """`family` on representatives, its members as they are: signs that are not plus become factors.

    Nothing computes what is zero: in members where a slot is, it names the variable of another member, and is not read.
    """
    kinds, table, replacement = list(family.kinds), family.table.copy(), {}
    for k, kind in enumerate(family.kinds):
        if kind not in ("var", "der"):
            continue
        signs = aliases.sign[table[:, k]]
        table[:, k] = aliases.of[table[:, k]]
        if np.all(signs == 0):
            replacement[slot(k)] = sp.Integer(0)
        elif not np.all(signs == 1):
            sign = slot(len(kinds))
            value = sign * slot(k)
            if np.any(signs == 0):
                value = where(sp.Ne(sign, 0), value, sp.Integer(0))
                table[signs == 0, k] = table[np.flatnonzero(signs)[0], k]
            replacement[slot(k)] = value
            kinds.append("const")
            # Constants -1, 0, 1 are the first three of every model: `flatten` puts them there.
            table = np.column_stack([table, signs + 1])
    template = sp.sympify(substitute(family.template, replacement)) if replacement else family.template
    template, sums = _rewritten_sums(template, family.sums, aliases)
    template, kept = renumber(template, len(kinds))
    return Family(template, tuple(kinds[k] for k in kept), table[:, kept], family.origins, family.which, sums)


def _first_of_equals(code: np.ndarray) -> np.ndarray:
    """For each entry the first column of its row that holds the same."""
    order = np.argsort(code, axis=1, kind="stable")
    ordered = np.take_along_axis(code, order, axis=1)
    starts = np.ones(code.shape, dtype=bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    leader = np.maximum.accumulate(np.where(starts, np.arange(code.shape[1]), 0), axis=1)
    result = np.empty_like(order)
    np.put_along_axis(result, order, np.take_along_axis(order, leader, axis=1), axis=1)
    return result


def _rewritten(family: Family, table, columns, key, rows, aliases: Aliases) -> Family:
    signs, duplicate = key[: len(columns)], key[len(columns) :]
    template, kept = _template(
        family.template, len(family.kinds), tuple(columns), tuple(signs.tolist()), tuple(duplicate.tolist())
    )
    sums = []
    for s in family.sums:
        position = np.full(family.size, -1)
        position[rows] = np.arange(len(rows))
        chosen = position[s.owner] >= 0
        sums.append(Sum(s.term, s.kinds, s.table[chosen], position[s.owner][chosen]))
    template, rewritten = _rewritten_sums(template, tuple(sums), aliases)
    return Family(
        template,
        tuple(family.kinds[k] for k in kept),
        table[rows][:, kept],
        family.origins,
        family.which[rows],
        rewritten,
    )


@lru_cache(maxsize=100_000)
def _template(template: sp.Expr, width: int, columns, signs, duplicate) -> tuple[sp.Expr, tuple[int, ...]]:
    """The template with signs and equal slots put in, its slots numbered anew; and the slots that are left."""
    replacement: dict[sp.Expr, sp.Expr] = {}
    for j, k in enumerate(columns):
        root = j
        while duplicate[root] != root:
            root = duplicate[root]
        if signs[j] != 1 or root != j:
            replacement[slot(k)] = signs[j] * slot(columns[root])
    result = sp.sympify(substitute(template, replacement))
    if any(isinstance(a, sp.Add | sp.Mul | sp.Pow) for a in result.args) or result.is_Add:
        result = _cancelled(result) if _small_polynomial(result) else result
    return renumber(result, width)


def _cancelled(expression: sp.Expr) -> sp.Expr:
    """Multiplied out where that makes it shorter: elsewhere it costs digits and time."""
    expanded = multiplied_out(expression)
    return expanded if expanded.count_ops() < expression.count_ops() else expression


def _small_polynomial(expression: sp.Expr) -> bool:
    return expression.count_ops() < 40 and not expression.has(Where)


@lru_cache(maxsize=100_000)
def renumber(template: sp.Expr, width: int) -> tuple[sp.Expr, tuple[int, ...]]:
    """Drops slots that no longer occur: the template over the remaining ones, and their old numbers."""
    free = symbols_of(template)
    kept = tuple(k for k in range(width) if slot(k) in free)
    moved = {slot(k): slot(i) for i, k in enumerate(kept) if i != k}
    return sp.sympify(substitute(template, moved)), kept  # type: ignore[arg-type]


def _rewritten_sums(
    template: sp.Expr, sums: tuple[Sum, ...], aliases: Aliases
) -> tuple[sp.Expr, tuple[Sum, ...]]:
    """Sums on representatives, and the template over them: a sum some of whose terms mention what is zero, and do not
    vanish with it, becomes several."""
    result = [_rewritten_sum(s, aliases) for s in sums]
    further = {
        k: [len(sums) + sum(len(r) - 1 for r in result[:k]) + i for i in range(len(parts) - 1)]
        for k, parts in enumerate(result)
        if len(parts) > 1
    }
    if further:
        template = substitute(
            template, {total(k): sp.Add(total(k), *(total(m) for m in more)) for k, more in further.items()}
        )
    return template, (*(parts[0] for parts in result), *(s for parts in result for s in parts[1:]))


def _rewritten_sum(terms: Sum, aliases: Aliases) -> list[Sum]:
    """Signs of the terms become factors from a slot of kind `const`, or vanish where all are plus. Terms in which the
    same variables are zero are a sum of their own."""
    columns = [k for k, kind in enumerate(terms.kinds) if kind in ("var", "der")]
    table = terms.table.copy()
    signs = np.ones((len(table), len(columns)), dtype=np.int64)
    for j, k in enumerate(columns):
        signs[:, j] = aliases.sign[table[:, k]]
        table[:, k] = aliases.of[table[:, k]]
    if np.all(signs == 1):
        return [Sum(terms.term, terms.kinds, table, terms.owner)]
    patterns, group = np.unique(signs == 0, axis=0, return_inverse=True)
    group = group.ravel()
    parts = [
        _signed_sum(terms, table[group == g], terms.owner[group == g], columns, signs[group == g])
        for g in range(len(patterns))
    ]
    # Terms that are zero add nothing; a family keeps one sum, be it empty.
    kept = [part for part in parts if part.term != 0]
    return kept or [Sum(terms.term, terms.kinds, table[:0], terms.owner[:0])]


def _signed_sum(
    terms: Sum, table: np.ndarray, owner: np.ndarray, columns: list[int], signs: np.ndarray
) -> Sum:
    """The terms in the rows `table`, where a column is zero in all of them or in none."""
    kinds, replacement = list(terms.kinds), {}
    for j, k in enumerate(columns):
        if np.all(signs[:, j] == 1):
            continue
        if signs[0, j] == 0:
            replacement[slot(k)] = sp.Integer(0)
            continue
        replacement[slot(k)] = slot(len(kinds)) * slot(k)
        kinds.append("const")
        # Constants -1, 0, 1 are the first three of every model: `flatten` puts them there.
        table = np.column_stack([table, signs[:, j] + 1])
    term, kept = renumber(sp.sympify(substitute(terms.term, replacement)), len(kinds))
    return Sum(term, tuple(kinds[k] for k in kept), table[:, kept], owner)


def _alias(family: Family) -> tuple[int, int, int] | int | None:
    """The alias equation that a family states: `s_a = sign * s_b`, `s_a = 0` (a single number), or none."""
    if family.sums or not family.kinds or len(family.kinds) > 2 or set(family.kinds) != {"var"}:
        return None
    return _alias_template(family.template, len(family.kinds))


@lru_cache(maxsize=100_000)
def _alias_template(template: sp.Expr, width: int) -> tuple[int, int, int] | int | None:
    variables = [slot(k) for k in range(width)]
    if symbols_of(template) != set(variables):
        return None
    gradient = [sp.diff(template, v) for v in variables]
    if not all(g.is_number and g.is_nonzero for g in gradient):
        return None
    if substitute(template, {v: sp.Integer(0) for v in variables}) != 0:
        return None
    if width == 1:
        return 0
    ratio = -gradient[1] / gradient[0]
    if ratio == 1 or ratio == -1:
        return (0, 1, int(ratio))
    return None


def vanished(family: Family) -> bool:
    """Whether the equation says nothing any more (0 = 0); one that is false for every value is a fault."""
    if family.kinds or family.sums or symbols_of(family.template):
        return False
    if family.template == 0:
        return True
    raise Fault("E0307", "this equation can never hold", family.origin, f"it says {family.template} = 0")


def condition(value: sp.Expr, width: int) -> sp.Expr:
    """`target - value`, the target in a new slot after the `width` slots of the value."""
    return slot(width) - value
