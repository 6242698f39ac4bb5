"""Diagnosis of structural singularity: equations and unknowns that do not fit, in the author's words.

The parts that have too many equations or too few are those of Dulmage and Mendelsohn (1958): what alternating
paths reach from an equation, or an unknown, that a largest matching leaves alone.
"""

import re
from pathlib import PurePath

import numpy as np

from stiffdsl.diagnostics import Diagnostic, Label, Span
from stiffdsl.flat.model import FlatModel
from stiffdsl.flat.template import symbols_of
from stiffdsl.graph.conservation.merged import Structure, under_groups
from stiffdsl.graph.incidence import Incidence

# Mistakes of one kind that are told in one run, and names listed in one message.
MOST_TOLD = 3
MOST_NAMED = 4
# Above this, unknowns that share too few equations are not listed: one is shown with its equations.
MOST_LISTED = 8
# Aliases of a variable that are looked through for the part that an equation belongs to.
MOST_ALIASES = 200


def diagnose(flat: FlatModel, inc: Incidence, merged: Structure) -> list[Diagnostic]:
    """Diagnostics of a model without a perfect matching; none where only the index is above one."""
    if merged.regular:
        return []
    spare = [r for r, c in enumerate(merged.of_row) if c < 0]
    missing = [c for c, r in enumerate(merged.of_column) if r < 0]
    title = _title(flat, inc, len(spare), len(missing))
    told = [_over(flat, inc, merged, r, title) for r in spare[:MOST_TOLD]]
    under = under_groups(merged)
    return told + [_under(flat, inc, merged, group, title) for group in under[:MOST_TOLD]]


def _title(flat: FlatModel, inc: Incidence, spare: int, missing: int) -> str:
    unknowns, equations = inc.unknowns.size, inc.equations
    written = flat.counts.get("unknowns_before", unknowns), flat.counts.get("equations_before", equations)
    # Counted as written, aliases included, unless an equation that says nothing was dropped on the way.
    if written[0] - written[1] == unknowns - equations:
        unknowns, equations = written
    counts = f"this model has {_many(unknowns, 'unknown')} and {_many(equations, 'equation')}"
    if unknowns == equations:
        return f"{counts}, but they do not determine one another"
    return counts


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


# --- too many equations -------------------------------------------------------------------------


def _over(flat: FlatModel, inc: Incidence, merged: Structure, spare: int, title: str) -> Diagnostic:
    """Points at the equation that an author would most likely take out of the part that has one too many."""
    parent: dict[int, int] = {spare: -1}
    front = [spare]
    for r in front:
        for c in merged.columns_of[r]:
            other = merged.of_column[c]
            if other >= 0 and other not in parent:
                parent[other] = r
                front.append(other)
    home = _home(flat)

    def suspicion(r: int) -> tuple:
        f, member = inc.locate(r)
        span = flat.equations[f].origin_of(member)
        return (span.source.name == home, -flat.equations[f].size, span.line, span.column)

    redundant = max(front, key=suspicion)
    path = [redundant]
    while parent[path[-1]] >= 0:
        path.append(parent[path[-1]])
    freed = [merged.of_row[r] for r in path]
    # Each equation on the path hands its unknown to the next one; the first has none left.
    for r, c in zip(path[1:], freed[:-1], strict=True):
        merged.of_row[r], merged.of_column[c] = c, r
    merged.of_row[redundant] = -1
    span = _span(flat, inc, redundant)
    notes, parameter, given = [], None, None
    for c in merged.columns_of[redundant][:MOST_TOLD]:
        other = merged.of_column[c]
        where = _span(flat, inc, other)
        name = _name(flat, int(inc.unknowns.variable[c]), span)
        notes.append(f"`{name}` is already determined by {_quote(where, span, part_of(flat, inc, other))}")
        parameter = parameter or _parameter(flat, inc, other)
        given = given or _start_meant(name, _text(where))
    if notes:
        way_out = "remove one of them" + (f", or make `{parameter}` a `var`" if parameter else "")
        way_out += f"; {given}" if given else ""
    else:
        family = flat.equations[inc.locate(redundant)[0]]
        if symbols_of(family.template):
            notes = ["it holds no unknown: only parameters, inputs and numbers"]
            way_out = "remove it, or make one of its parameters a `var`"
        else:
            notes = ["what it holds cancels out: nothing is left of it but numbers"]
            way_out = "remove it, or write what it was meant to say"
    part = part_of(flat, inc, redundant)
    label = Label(span, f"this equation{f' of `{part}`' if part else ''} has no unknown left to determine")
    return Diagnostic("E0312", title, (label,), tuple(notes), way_out)


def _home(flat: FlatModel) -> str:
    """The file that the main model is written in."""
    own = [b for b in flat.variables if len(b.path) == 1] or list(flat.variables)
    return own[-1].span.source.name if own else ""


def _parameter(flat: FlatModel, inc: Incidence, equation: int) -> str | None:
    f, member = inc.locate(equation)
    family = flat.equations[f]
    for k, kind in enumerate(family.kinds):
        if kind == "param":
            number = int(family.table[member, k])
            for block in flat.parameters:
                if block.offset <= number < block.offset + block.size:
                    return block.scalar_name(number - block.offset)
    return None


# --- too few equations ----------------------------------------------------------------------------


def _under(
    flat: FlatModel, inc: Incidence, merged: Structure, group: tuple[list[int], int], title: str
) -> Diagnostic:
    columns, lacking = group
    variables = inc.unknowns.variable
    rows = sorted({r for c in columns for r in merged.rows_of[c]})
    is_potential = _potentials(flat)[variables]
    potentials = [c for c in columns if is_potential[c]]
    # Where potentials float, the one to name is a potential; else what appears least, declared last.
    chosen = min(potentials or columns, key=lambda c: (len(merged.rows_of[c]), -int(variables[c])))
    name = flat.variable_name(int(variables[chosen]))
    label = Label(_declared(flat, int(variables[chosen])), f"nothing determines `{name}`")
    many = len(columns) > MOST_LISTED
    near = sorted(merged.rows_of[chosen]) if many else rows
    quotes = list(
        dict.fromkeys(
            _quote(_span(flat, inc, r), label.span, part_of(flat, inc, r)) for r in near[: MOST_TOLD + 1]
        )
    )
    told = ", ".join(quotes[:MOST_TOLD]) + (", …" if len(quotes) > MOST_TOLD else "")
    wanted = "an equation" if lacking == 1 else f"{lacking} equations"
    receiver = f"`{name}`" if len(columns) == 1 or many else "them"
    port = _own_port(flat, int(variables[chosen]))
    if port is not None:
        note = f"`{port}` is a port of the model itself: what it is connected to determines `{name}`"
    elif not rows and _named(flat, int(variables[chosen])):
        note = f"the equations that `{name}` appears in determine other unknowns, or say the same twice"
    elif not rows:
        note = f"`{name}` appears in no equation"
    elif many:
        note = f"`{name}` appears in {told}; each equation there determines another unknown"
    else:
        names = _listed([flat.variable_name(int(variables[c])) for c in sorted(columns)])
        share = "appears in" if len(columns) == 1 else "share only"
        note = f"{names} {share} {_many(len(rows), 'equation')}: {told}"
    way_out = f"add {wanted} for {receiver}, or make `{name}` a `param` or an `input`"
    if port is not None:
        way_out = f"compile a model that has this one as a part and connects `{port}`, or add {wanted} for {receiver}"
    elif potentials and rows:
        way_out = f"is a reference missing, such as a ground? otherwise add {wanted} for {receiver}"
    return Diagnostic("E0312", title, (label,), (note,), way_out)


def _own_port(flat: FlatModel, variable: int) -> str | None:
    """The port of the main model that a variable belongs to."""
    for block in flat.variables:
        if block.offset <= variable < block.offset + block.size:
            # Quantities of a part's ports have the part's name before the port's.
            own = block.kind in ("potential", "flow") and len(block.path) == 2
            return block.path[0][0] if own else None
    return None


def _named(flat: FlatModel, variable: int) -> bool:
    """Whether a variable had equations as they were written: eliminated aliases carry them off."""
    return bool(np.count_nonzero(flat.alias == flat.alias[variable]) > 1)


def _potentials(flat: FlatModel) -> np.ndarray:
    """Mask of the variables that are, or stand for, a potential of a connector."""
    result = np.zeros(flat.size, dtype=bool)
    for block in flat.variables:
        if block.kind == "potential":
            result[flat.alias[block.offset : block.offset + block.size]] = True
    return result


def _declared(flat: FlatModel, variable: int) -> Span:
    for block in flat.variables:
        if block.offset <= variable < block.offset + block.size:
            return block.span
    raise AssertionError(f"variable {variable} has no declaration")


# --- loops -----------------------------------------------------------------------------------------


def singular_loop(flat: FlatModel, inc: Incidence, rows: np.ndarray, columns: np.ndarray) -> Diagnostic:
    """A linear loop whose equations follow from one another, whatever the parameters."""
    spans = [_span(flat, inc, int(r)) for r in rows]
    names = [_name(flat, int(inc.unknowns.variable[c]), spans[0]) for c in np.sort(columns)]
    labels = [Label(spans[0], f"cannot be solved for {_listed(names)}")]
    labels += [Label(s, "with this one") for s in spans[1:MOST_NAMED] if s != spans[0]]
    return Diagnostic(
        code="E0314",
        title=f"the equations for {_listed(names)} are not independent",
        labels=tuple(labels),
        notes=("one of them follows from the others, so that many values fit, or none",),
        help="fix one of the unknowns: is a reference missing, such as a ground?",
    )


# --- words ------------------------------------------------------------------------------------------


def _span(flat: FlatModel, inc: Incidence, equation: int) -> Span:
    f, member = inc.locate(equation)
    return flat.equations[f].origin_of(member)


def part_of(flat: FlatModel, inc: Incidence, equation: int) -> str:
    """The part of the model that an equation was written for; empty where that is the model itself, or unknown.

    All that the equation mentions has a name (an alias will do) that is the part's, and a rest that the text uses.
    """
    span = _span(flat, inc, equation)
    words = set(re.findall(r"[A-Za-z_][\w.]*", re.sub(r"\[[^\]]*\]", "", _text(span))))
    f, member = inc.locate(equation)
    family = flat.equations[f]
    common: dict[str, None] | None = None
    for k, kind in enumerate(family.kinds):
        number = int(family.table[member, k])
        if kind in ("var", "der"):
            names = [flat.variable_name(int(v)) for v in np.flatnonzero(flat.alias == number)[:MOST_ALIASES]]
        elif kind == "param":
            names = [
                b.scalar_name(number - b.offset) for b in flat.parameters if 0 <= number - b.offset < b.size
            ]
        else:
            continue
        found: dict[str, None] = {}
        for name in names:
            steps = name.split(".")
            for j in range(len(steps)):
                if re.sub(r"\[[^\]]*\]", "", ".".join(steps[j:])) in words:
                    found[".".join(steps[:j])] = None
        common = found if common is None else {p: None for p in common if p in found}
    return next(iter(common)) if common is not None and len(common) == 1 else ""


def _quote(span: Span, seen_from: Span, part: str = "") -> str:
    """The text of an equation, the part it belongs to, and its line; the file too where it is another one."""
    file = "" if span.source.name == seen_from.source.name else f" of {PurePath(span.source.name).name}"
    return f"`{_text(span)}`{f' of `{part}`' if part else ''} (line {span.line}{file})"


def _start_meant(name: str, text: str) -> str | None:
    """The help where `text`, the value a variable is declared with, is but a number: `var x = 1`."""
    if not re.fullmatch(r"-?[\d.]+(e[-+]?\d+)?( ?\[[^]]*\])?", text, re.IGNORECASE):
        return None
    return f"a value at the beginning alone is written `{name} start {text}`"


def _text(span: Span) -> str:
    """The text of an equation on one line."""
    line = span.source.line(span.line)
    text = (
        line[span.column - 1 : span.end_column - 1] if span.end_line == span.line else line[span.column - 1 :]
    )
    return " ".join(text.split("#")[0].split())


def _name(flat: FlatModel, variable: int, near: Span) -> str:
    """The name of a variable: of its aliases the one that the text at `near` uses, if any."""
    text = near.source.line(near.line)
    words = set(re.findall(r"[A-Za-z_]\w*", text))
    names = [flat.variable_name(variable)]
    names += [
        flat.variable_name(int(v)) for v in np.flatnonzero(flat.alias == variable)[:50] if v != variable
    ]
    for name in names:
        if set(re.findall(r"[A-Za-z_]\w*", name)) <= words:
            return name
    for name in names:
        if re.findall(r"[A-Za-z_]\w*", name)[-1] in words:
            return name
    return names[0]


def _listed(names: list[str]) -> str:
    quoted = [f"`{n}`" for n in names[:MOST_NAMED]]
    if len(names) > MOST_NAMED:
        return f"{', '.join(quoted)} and {len(names) - MOST_NAMED} more"
    return (
        quoted[0]
        if len(quoted) == 1
        else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
        if quoted
        else "nothing"
    )
