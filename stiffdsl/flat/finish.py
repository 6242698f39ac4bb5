"""From what was gathered to a `FlatModel`: aliases are eliminated, start values found for those that stay."""

import numpy as np

from stiffdsl.flat import aliases as alias_pass
from stiffdsl.flat.conditions.events import on_representatives
from stiffdsl.flat.conditions.pending import add_prioritized
from stiffdsl.flat.conditions.switches import add_switches
from stiffdsl.flat.connections.connect import Connections
from stiffdsl.flat.connections.open_ports import forgotten
from stiffdsl.flat.context import Context
from stiffdsl.flat.families import Rows
from stiffdsl.flat.model import Definition, Family, FlatModel
from stiffdsl.flat.tables import OtherFigures
from stiffdsl.flat.template import MINUS_ONE
from stiffdsl.flat.values import definitions


def finished(
    context: Context,
    connections: Connections,
    experiment: dict[str, object],
    other_figures: OtherFigures | None = None,
) -> FlatModel:
    """The model after alias elimination; raises `ModelError` with what was found until here."""
    context.attempt(lambda: add_prioritized(context))
    context.stop_on_errors()
    add_switches(context)
    _rates_at_the_start(context)
    size = context.next["var"]
    families = context.equations.build(context.constant)
    balances = sum(rows.size for rows in connections.balances)
    before = sum(f.size for f in families) - balances + connections.equations
    is_state = np.zeros(size, dtype=bool)
    for family in families:
        for k, kind in enumerate(family.kinds):
            if kind == "der":
                is_state[family.table[:, k]] = True
        for terms in family.sums:
            for k, kind in enumerate(terms.kinds):
                if kind == "der":
                    is_state[terms.table[:, k]] = True
    rank = _rank(context, is_state)
    equal = [(a, b, np.full(len(a), sign)) for a, b, sign in connections.equal]
    found = alias_pass.union(size, equal, connections.zero, rank)
    reduced, found = alias_pass.eliminate(families, found, rank)
    kept = tuple(f for f in reduced if not _vanished(context, f))
    context.stop_on_errors()
    states = np.zeros(size, dtype=bool)
    states[found.of[is_state & (found.sign != 0)]] = True
    initial = _rewritten(context, context.initial.build(context.constant), found)
    default = np.zeros(size, dtype=bool)
    for block in context.default_starts:
        default[block.offset : block.offset + block.size] = True
    starts, checks = _unique_starts(
        context, definitions(context.starts, context.constant), found, rank, default
    )
    guesses, _ = _unique_starts(context, definitions(context.guesses, context.constant), found, rank, default)
    started = np.concatenate([np.zeros(0, dtype=np.int64), *(targets for targets, _ in context.starts)])
    yielding = np.zeros(size, dtype=bool)
    yielding[found.of[started[default[started]]]] = True
    yielding[found.of[started[~default[started]]]] = False
    parameter_values = definitions(context.parameter_values, context.constant, context.parameters)
    input_values = definitions(context.input_values, context.constant)
    tables, figures = context.tables.placed(context.next["param"], other_figures)
    networks, weights = context.networks.placed(context.next["param"] + sum(b.size for b in figures))
    return FlatModel(
        name=context.checked.root.name,
        doc=context.checked.root.doc,
        variables=tuple(context.variables),
        parameters=(*context.parameters, *figures, *weights),
        tables=tables,
        networks=networks,
        driven=tuple(context.driven),
        inputs=tuple(context.inputs),
        constants=context.constants,
        equations=kept,
        initial=initial + checks,
        parameter_values=parameter_values,
        input_values=input_values,
        starts=starts,
        default_start=yielding,
        guesses=guesses,
        is_state=states,
        alias=found.of,
        sign=found.sign,
        events=tuple(on_representatives(event, found) for event in context.events),
        stops=tuple(context.stops),
        held=np.concatenate([np.zeros(0, dtype=np.int64), *context.held]),
        begins=context.begins,
        delays=tuple(context.delays),
        experiment=experiment,
        warnings=(*context.checked.warnings, *forgotten(connections.ports, found)),
        counts={
            "equations_before": before,
            "unknowns_before": size,
            "aliases": int(np.sum((found.of != np.arange(size)) | (found.sign == 0))),
            "equations": sum(f.size for f in kept),
        },
    )


def _rates_at_the_start(context: Context) -> None:
    """A hidden variable for every derivative that only `initial` mentions, so that equations give it: `h = der(S)`."""
    size = context.next["var"]
    known = np.zeros(size, dtype=bool)
    known[_differentiated(context.equations.rows)] = True
    wanted = np.unique(_differentiated(context.initial.rows))
    wanted = wanted[~known[wanted]]
    if not len(wanted):
        return
    span = next(r.span for r in context.initial.rows if np.isin(_differentiated([r]), wanted).any())
    hidden = context.hidden(len(wanted), "rate", span) + np.arange(len(wanted))
    difference = ("add", ("slot", 0), ("mul", MINUS_ONE, ("slot", 1)))
    context.equations.add(Rows(difference, ("var", "der"), (hidden, wanted), (), len(wanted), span))


def _differentiated(rows: list[Rows]) -> np.ndarray:
    """The variables whose derivatives `rows` mention."""
    parts = [p for r in rows for p in (r, *(terms for terms, _ in r.sums))]
    found = [c for p in parts for kind, c in zip(p.kinds, p.columns, strict=True) if kind == "der"]
    return np.concatenate([np.zeros(0, dtype=np.int64), *found])


def _vanished(context: Context, family: Family) -> bool:
    return bool(context.attempt(lambda: alias_pass.vanished(family)))


def _rewritten(context: Context, families: tuple[Family, ...], found) -> tuple[Family, ...]:
    parts = [part for family in families for part in alias_pass.rewrite(family, found)]
    return tuple(f for f in parts if not _vanished(context, f))


def _rank(context: Context, is_state: np.ndarray) -> np.ndarray:
    """Ranks of variables as representatives of aliases: states, then declared ones, nearest to the root."""
    key = np.zeros(len(is_state), dtype=np.int64)
    order = {"output": 0, "var": 0, "potential": 1, "flow": 1, "hidden": 2, "discrete": 0}
    for block in context.variables:
        key[block.offset : block.offset + block.size] = order[block.kind] * 1000 + len(block.path)
    key[~is_state] += 10_000_000
    rank = np.empty(len(key), dtype=np.int64)
    rank[np.lexsort((np.arange(len(key)), key))] = np.arange(len(key))
    return rank


def _unique_starts(
    context: Context, values: tuple[Definition, ...], found, rank: np.ndarray, default: np.ndarray
) -> tuple[tuple[Definition, ...], tuple[Family, ...]]:
    """Start values of representatives; where a class has several, the others become conditions to check.

    `default`: variables whose value is only the default of a part's class; it gives way to any other.
    """
    targets = np.concatenate([np.zeros(0, dtype=np.int64), *(d.targets for d in values)])
    leader = found.of[targets]
    order = np.lexsort((rank[targets], default[targets], leader))
    first = np.r_[True, np.diff(leader[order]) != 0] if len(order) else np.zeros(0, dtype=bool)
    chosen = np.zeros(len(targets), dtype=bool)
    chosen[order[first]] = True
    chosen &= found.sign[targets] != 0
    kept, checks, at = [], [], 0
    for definition in values:
        mine = slice(at, at + len(definition.targets))
        at += len(definition.targets)
        for sign in (1, -1):
            rows = np.flatnonzero(chosen[mine] & (found.sign[definition.targets] == sign))
            if len(rows):
                family = _select(definition.value, rows, sign)
                kept.append(Definition(found.of[definition.targets[rows]], family))
        rest = np.flatnonzero(~chosen[mine] & ~default[definition.targets])
        if len(rest):
            checks += _conditions(context, definition, rest, found)
    return tuple(kept), tuple(checks)


def _conditions(context: Context, definition: Definition, rows: np.ndarray, found) -> list[Family]:
    """`target - value = 0` for the members `rows` of a definition."""
    value = _select(definition.value, rows, 1)
    width = len(value.kinds)
    template = alias_pass.condition(value.template, width)
    table = np.column_stack([value.table, definition.targets[rows]])
    family = Family(template, (*value.kinds, "var"), table, value.origins, value.which)
    return list(_rewritten(context, (family,), found))


def _select(family: Family, rows: np.ndarray, sign: int) -> Family:
    template = family.template if sign == 1 else -family.template
    return Family(template, family.kinds, family.table[rows], family.origins, family.which[rows])
