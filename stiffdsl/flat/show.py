"""The flat model as text: every family once, with its first member by name."""

import numpy as np
import sympy as sp

from stiffdsl.flat.model import (
    Block,
    Definition,
    Event,
    Family,
    FlatModel,
    FlatNetwork,
    FlatTable,
    slot,
    total,
)


def show(model: FlatModel, most: int = 3) -> str:
    """Blocks, families with their first `most` members, aliases."""
    lines = [f"flat {model.name}: {model.size} variables, {sum(f.size for f in model.equations)} equations"]
    held = {b.offset for t in (*model.tables, *model.networks) for b in t.blocks}
    for title, blocks in (
        ("variables", model.variables),
        ("parameters", model.parameters),
        ("inputs", model.inputs),
    ):
        blocks = tuple(b for b in blocks if b.offset not in held) if title == "parameters" else blocks
        if blocks:
            lines.append(title)
            lines += [f"  {_block(b)}" for b in blocks]
    if model.tables:
        lines.append("tables")
        lines += [f"  table{k} {_table(t)}" for k, t in enumerate(model.tables)]
    if model.networks:
        lines.append("networks")
        lines += [f"  network{k} {_network(n)}" for k, n in enumerate(model.networks)]
    for title, families in (("equations", model.equations), ("initial", model.initial)):
        if families:
            lines.append(title)
            for family in families:
                lines += show_family(model, family, most)
    if model.events:
        lines.append("events")
        lines += [line for event in model.events for line in _event(model, event, most)]
    for title, values, blocks in (
        ("values, in SI", model.parameter_values, model.parameters),
        ("start, in SI", model.starts, model.variables),
        ("guess, in SI", model.guesses, model.variables),
    ):
        if values:
            lines.append(title)
            lines += [line for d in values for line in _definition(model, d, blocks, most)]
    eliminated = [v for v in range(model.size) if model.alias[v] != v or model.sign[v] == 0]
    if eliminated:
        lines.append(f"aliases ({len(eliminated)})")
        for v in eliminated[: 20 * most]:
            sign = {1: "", -1: "-", 0: "0"}[int(model.sign[v])]
            right = sign if sign == "0" else sign + model.variable_name(int(model.alias[v]))
            lines.append(f"  {model.variable_name(v)} = {right}")
    return "\n".join(lines) + "\n"


def _event(model: FlatModel, event: Event, most: int) -> list[str]:
    """Condition and actions of an event, of its first members."""
    if event.branch:
        kind = "switches where"
    elif event.periodic:
        kind = "each time"
    else:
        kind = "when"
    also = " at the start, too" if event.at_start or event.from_start else ""
    lines = []
    for member in range(min(most, event.size)):
        holds = member_text(model, event.holds, member)
        lines.append(f"  {event.chain}  {event.size} x  {kind} {holds} rises{also}")
        if event.guard is not None:
            lines.append(f"        by {member_text(model, event.guard, member)}")
        for action in event.actions:
            for row in np.flatnonzero(action.owner == member)[:most].tolist():
                name = model.variable_name(int(action.targets[row]))
                lines.append(f"        {name} := {member_text(model, action.value, row)}")
        if event.stop:
            stop = model.stops[event.stop - 1]
            lines.append(f'        {"fails" if stop.fails else "stop"} "{stop.text}"')
    return lines


def scalar_name(blocks: tuple[Block, ...], k: int) -> str:
    """The dotted name of scalar `k` of a group of blocks."""
    block = next(b for b in blocks if b.offset <= k < b.offset + b.size)
    return block.scalar_name(k - block.offset)


def show_family(model: FlatModel, family: Family, most: int) -> list[str]:
    """The template with the number of members, then the first members with names put in."""
    lines = [f"  {family.size} x  0 = {family.template}" + ("" if not family.sums else "   with sums")]
    for member in range(min(most, family.size)):
        lines.append(f"      0 = {member_text(model, family, member)}")
    return lines


def member_text(model: FlatModel, family: Family, member: int) -> str:
    """One member of a family with the names of its unknowns."""
    names = {
        slot(k): _symbol(model, kind, int(family.table[member, k])) for k, kind in enumerate(family.kinds)
    }
    for k, terms in enumerate(family.sums):
        rows = (terms.owner == member).nonzero()[0]
        shown = []
        for row in rows[:3]:
            inner = {
                slot(j): _symbol(model, kind, int(terms.table[row, j])) for j, kind in enumerate(terms.kinds)
            }
            shown.append(str(terms.term.xreplace(inner)))
        more = f" + … {len(rows)} terms" if len(rows) > 3 else ""
        names[total(k)] = sp.Symbol("(" + " + ".join(shown) + more + ")")
    return str(family.template.xreplace(names))


def _symbol(model: FlatModel, kind: str, k: int) -> sp.Expr:
    if kind == "const":
        return sp.Float(float(model.constants[k]), 6)
    if kind == "param":
        return sp.Symbol(scalar_name(model.parameters, k))
    if kind == "input":
        return sp.Symbol(scalar_name(model.inputs, k))
    name = model.variable_name(k)
    return sp.Symbol(f"der({name})" if kind == "der" else name)


def _block(block: Block) -> str:
    dims = f"[{','.join(map(str, block.shape))}]" if block.shape else ""
    unit = f" [{block.unit}]" if block.unit else ""
    bounds = ""
    if block.low is not None and block.high is not None:
        low, high = ((bound - block.shift) / block.scale for bound in (block.low, block.high))
        bounds = f" in {low:.10g}..{high:.10g}"
    return f"{block.kind} {block.name}{dims}{unit}{bounds}"


def _table(table: FlatTable) -> str:
    size = " x ".join(str(b.size) for b in table.knots)
    return f"{table.name}: {table.method}, {size} rows, outside {table.outside}"


def _network(network: FlatNetwork) -> str:
    times = f"{network.instances} x " if network.instances > 1 else ""
    widths = " -> ".join(map(str, network.widths))
    return (
        f"{network.name}: {times}{widths}, {network.activation}, {network.size * network.instances} weights"
    )


def _definition(model: FlatModel, definition: Definition, blocks: tuple[Block, ...], most: int) -> list[str]:
    lines = []
    for member in range(min(most, len(definition.targets))):
        name = scalar_name(blocks, int(definition.targets[member]))
        lines.append(f"  {name} = {member_text(model, definition.value, member)}")
    if len(definition.targets) > most:
        lines.append(f"  … {len(definition.targets) - most} more of this shape")
    return lines
