"""Lines that differ in names and numbers only are parsed once: `tree.GroupedLines` holds their shape and a table.

A generated file of a hundred thousand lines has a few dozen shapes. Every line is cut into its leaves and the text
between them; of the lines with one text between, the first is parsed and stands for all. What cannot be seen from
one line (a statement that goes on, an odd word, a string) is left to the parser, and so is the first and the last
of consecutive lines, which may belong to what stands around them.

Nothing here reports a mistake: whoever gets an error from such a tree parses the text as it is, and tells that one.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from stiffdsl.diagnostics import ModelError, Source, Span
from stiffdsl.syntax import tree
from stiffdsl.syntax.large import large_trees
from stiffdsl.syntax.lexer import canonical
from stiffdsl.syntax.parse import normalized, parse
from stiffdsl.syntax.rebuild import rebuilt

# Fewer lines of one shape are parsed one by one.
LEAST = 32

_DECLARED = {"var", "param", "input", "output"}
# Words of the language, which stand where names stand; the second kind begins no statement of interest here.
_OPERATORS = {
    "if",
    "then",
    "else",
    "and",
    "or",
    "not",
    "in",
    "start",
    "guess",
    "nominal",
    "time",
    "pi",
    "true",
    "false",
}
_STRUCTURE = {
    "for", "end", "when", "elsewhen", "connect", "model", "part", "port", "equations", "reactions", "initial",
    "experiment", "const", "discrete", "extends", "function", "connector", "table", "network", "every", "stop", "if",
    "elseif", "else", "then", "test", "expect", "and", "or", "not", "import", "from", "partial", "potential", "flow",
    "assert",
}  # fmt: skip
# A name by itself: not called, not indexed, no part of a dotted one. A number that is no exponent.
_NAME = r"(?<![\w.])[^\W\d]\w*+(?!\s*[.(\[])"
_NUMBER = r"(?<![\w.^])(?:\d++(?:\.(?!\.)\d*+)?|\.\d++)(?:[eE][+-]?\d++)?(?![\w.])"
_SIDES = re.compile(f"({_NAME})")
# In an equation a number keeps its unit; in a declaration the unit is that of the variable, and stays in the text.
_EQUATION = re.compile(rf"({_NAME}|{_NUMBER}(?!\s*\[))")
_DECLARATION = re.compile(rf"((?:{_NAME}|{_NUMBER})(?![^\[\]]*\]))")
# A whole statement on one line: nothing but names, numbers, operators and brackets; no exponent but a plain number.
_SAFE = re.compile(r"[\w\s.+\-*/^=<>@(),\[\]]*[\w)\]]\Z")
_GOES_ON = re.compile(r"\b(?:and|or|not|if|then|else|in)\Z")
_EXPONENT = re.compile(r"\^(?!\d)")
_FIRST = re.compile(r"[^\W\d]\w*|\d+")
_IF = re.compile(r"\bif\b")
# The separator between the sides of a reaction and its rate.
_RATE = re.compile(r"@|(?<=[\w\])])\s+rate\s+(?![@+\-])")


@dataclass(eq=False)
class _Group:
    """Lines of one shape in one stretch of lines: their numbers and leaves; `between` is the text around those."""

    between: tuple[str, ...]
    lines: list[int]
    leaves: list[list[str]]


def parse_grouped(source: Source) -> tuple[tree.Module, bool]:
    """`parse`, and whether lines of one shape were brought together. Raises `ModelError` as `parse` does."""
    with large_trees():
        return _parse_grouped(source)


def _parse_grouped(source: Source) -> tuple[tree.Module, bool]:
    lines = normalized(source).split("\n")
    groups = {group.lines[0] + 1: group for group in _groups(lines)} if len(lines) >= LEAST else {}
    if not groups:
        return parse(source), False
    for group in groups.values():
        for at in group.lines[1:]:
            lines[at] = ""
    filling = _Filling(source, groups)
    try:
        module = filling.module(parse(source, "\n".join(lines)))
    except ModelError:
        return parse(source), False
    if len(filling.used) < len(groups):
        # A line inside a loop, or one that cannot be filled in: the parser takes all of them.
        return parse(source), False
    return module, True


# --- which lines ---------------------------------------------------------------------------------


def _groups(lines: list[str]) -> Iterable[_Group]:
    for stretch in _stretches(lines):
        found: dict[tuple[str, ...], _Group] = {}
        for at in stretch:
            pieces = _pieces(lines[at].partition("#")[0].rstrip())
            between = tuple(pieces[::2])
            group = found.get(between)
            if group is None:
                group = found[between] = _Group(between, [], [])
            group.lines.append(at)
            group.leaves.append(pieces[1::2])
        for group in found.values():
            if len(group.lines) >= LEAST:
                for part in _of_one_kind(group):
                    if len(part.lines) >= LEAST:
                        yield part


def _pieces(text: str) -> list[str]:
    """A line cut into the text around its leaves (even places) and its leaves. Species keep their coefficients."""
    if "->" in text:
        found = _RATE.search(text)
        at = "" if found is None else found.group()
        sides, _, rate = text.partition(at) if at else (text, "", "")
        before, after = _SIDES.split(sides), _EQUATION.split(rate)
        return [*before[:-1], before[-1] + at + after[0], *after[1:]]
    first = _FIRST.search(text)
    declared = first is not None and first.group() in _DECLARED
    return (_DECLARATION if declared else _EQUATION).split(text)


def _stretches(lines: list[str]) -> Iterable[list[int]]:
    """Runs of whole statements without a word of structure between them, less the first and the last of each."""
    run: list[int] = []
    for at, line in enumerate(lines):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        if _whole(text):
            run.append(at)
            continue
        if len(run) > LEAST:
            yield run[1:-1]
        run = []
    if len(run) > LEAST:
        yield run[1:-1]


def _whole(text: str) -> bool:
    """Whether a line is one declaration, equation or reaction by itself."""
    if not _SAFE.match(text) or text.count("(") != text.count(")") or text.count("[") != text.count("]"):
        return False
    if "^" in text and _EXPONENT.search(text):
        return False
    first = _FIRST.match(text)
    if first is None:
        return False
    word = first.group()
    if word in _DECLARED:
        return True
    if word in _STRUCTURE:
        return False
    if _GOES_ON.search(text) or (_IF.search(text) and "else" not in text):
        return False
    return "->" in text or "=" in text


def _of_one_kind(group: _Group) -> Iterable[_Group]:
    """The group in parts in each of which a leaf is a name in all lines, or a number in all, or the same word."""
    columns = list(zip(*group.leaves, strict=True))
    mixed = [k for k, column in enumerate(columns) if len({_kind(leaf) for leaf in set(column)}) > 1]
    if not mixed:
        return [group]
    parts: dict[tuple[str, ...], _Group] = {}
    for at, leaves in zip(group.lines, group.leaves, strict=True):
        part = parts.setdefault(tuple(_kind(leaves[k]) for k in mixed), _Group(group.between, [], []))
        part.lines.append(at)
        part.leaves.append(leaves)
    return parts.values()


def _kind(leaf: str) -> str:
    if leaf[0] in "0123456789.":
        return "number"
    return leaf if leaf in _OPERATORS else "name"


# --- one tree for all ----------------------------------------------------------------------------


class _Filling:
    """Puts the lines that were taken out back into the tree, each group where its first line stands."""

    def __init__(self, source: Source, groups: dict[int, _Group]):
        self.source, self.groups = source, groups
        self.used: set[int] = set()

    def module(self, module: tree.Module) -> tree.Module:
        declarations = tuple(self._model(d) if isinstance(d, tree.Model) else d for d in module.declarations)
        return replace(module, declarations=declarations)

    def _model(self, model: tree.Model) -> tree.Model:
        declarations: list[tree.Declaration] = []
        for item in model.declarations:
            group = self.groups.get(item.span.line)
            filled = None
            if group is not None and isinstance(item, tree.Variable):
                filled = _variables(self.source, item, group)
            if filled is None:
                declarations.append(item)
            else:
                self.used.add(item.span.line)
                declarations += filled
        declarations.sort(key=lambda d: d.span.line)
        return replace(
            model,
            declarations=tuple(declarations),
            equations=self._statements(model.equations),
            initial=self._statements(model.initial),
            reactions=self._statements(model.reactions),
        )

    def _statements(self, statements: tuple) -> tuple:
        done = []
        for statement in statements:
            group = self.groups.get(statement.span.line)
            grouped = None
            if group is not None and isinstance(statement, tree.Equation | tree.Reaction):
                grouped = _grouped(self.source, statement, group)
            if grouped is not None:
                self.used.add(statement.span.line)
            done.append(grouped or statement)
        return tuple(done)


def _grouped(
    source: Source, pattern: tree.Equation | tree.Reaction, group: _Group
) -> tree.GroupedLines | None:
    """`pattern` with holes where the lines differ; None where a leaf does not stand in the tree as such."""
    columns = list(zip(*group.leaves, strict=True))
    places = _columns(group.between, group.leaves[0])
    names: dict[str, tuple[str, ...]] = {}
    numbers: dict[str, tuple[float, ...]] = {}
    holes: dict[int, str] = {}
    for place, column in zip(places, columns, strict=True):
        if len(set(column)) == 1:
            continue
        hole = f"${len(holes)}"
        holes[place] = hole
        if _kind(column[0]) == "name":
            plain = {leaf: canonical(leaf) for leaf in set(column)}
            known = [name for leaf in column if (name := plain[leaf]) is not None]
            if len(known) < len(column):
                return None  # the parser says what is wrong
            names[hole] = tuple(known)
        else:
            value = {leaf: float(leaf) for leaf in set(column)}
            numbers[hole] = tuple([value[leaf] for leaf in column])
    met: set[int] = set()

    def fill(leaf: tree.Expr) -> tree.Expr:
        hole = holes.get(leaf.span.column)
        if hole is None:
            return leaf
        met.add(leaf.span.column)
        return tree.Name((tree.Part(hole),), leaf.span)

    filled = _with_leaves(pattern, fill)
    if len(met) != len(holes):
        return None
    spans = tuple(
        _whole_line(source, group, at, leaves) for at, leaves in zip(group.lines, group.leaves, strict=True)
    )
    return tree.GroupedLines(filled, names, numbers, spans, pattern.span)


def _variables(source: Source, pattern: tree.Variable, group: _Group) -> list[tree.Variable] | None:
    """Every line as a declaration of its own: a name, and numbers in its values."""
    first = _columns(group.between, group.leaves[0])
    named = next((k for k, place in enumerate(first) if place == pattern.name_span.column), None)
    if named is None:
        return None
    met: set[int] = {pattern.name_span.column}

    def look(leaf: tree.Expr) -> tree.Expr:
        met.add(leaf.span.column)
        return leaf

    _with_leaves(pattern, look)
    columns = zip(*group.leaves, strict=True)
    if any(len(set(column)) > 1 and place not in met for place, column in zip(first, columns, strict=True)):
        return None
    made = []
    parts = (
        pattern.value,
        pattern.range,
        pattern.start,
        pattern.guess,
        pattern.nominal,
        pattern.min,
        pattern.max,
    )
    for at, leaves in zip(group.lines, group.leaves, strict=True):
        places = _columns(group.between, leaves)
        text = dict(zip(first, zip(leaves, places, strict=True), strict=True))

        def fill(leaf: tree.Expr, text=text, line=at + 1) -> tree.Expr:
            found = text.get(leaf.span.column)
            if found is None:
                return leaf
            span = Span(source, line, found[1], line, found[1] + len(found[0]))
            if isinstance(leaf, tree.Number):
                return tree.Number(float(found[0]), leaf.unit, span)
            return tree.Name((tree.Part(canonical(found[0]) or found[0]),), span)

        value, range_, start, guess, nominal, low, high = [
            None if p is None else _with_leaves(p, fill) for p in parts
        ]
        name, begin = canonical(leaves[named]), places[named]
        if name is None:
            return None
        whole = _whole_line(source, group, at, leaves)
        name_span = Span(source, at + 1, begin, at + 1, begin + len(leaves[named]))
        head = (pattern.kind, name, pattern.dimensions, pattern.unit)
        made.append(
            tree.Variable(*head, value, range_, start, guess, None, whole, name_span, nominal, low, high)
        )
    return made


def _columns(between: tuple[str, ...], leaves: list[str]) -> list[int]:
    """Columns in which the leaves of a line begin, counted from 1."""
    places, at = [], 1
    for text, leaf in zip(between, leaves, strict=False):
        at += len(text)
        places.append(at)
        at += len(leaf)
    return places


def _whole_line(source: Source, group: _Group, at: int, leaves: list[str]) -> Span:
    begin = len(group.between[0]) - len(group.between[0].lstrip())
    end = sum(map(len, group.between)) + sum(map(len, leaves))
    return Span(source, at + 1, begin + 1, at + 1, end + 1)


def _with_leaves(node: Any, fill: Callable[[Any], Any]) -> Any:
    """`node` with its leaves, single names and numbers without units, replaced by what `fill` makes of them."""

    def change(inner: Any) -> Any:
        if isinstance(inner, tree.Name):
            return fill(inner) if len(inner.parts) == 1 and not inner.parts[0].indices else None
        return fill(inner) if isinstance(inner, tree.Number) and inner.unit is None else None

    return rebuilt(node, change)
