"""Flat models from a few lines of text, without the stages before: for the tests of `graph` only.

    model('''
    var x start 1
    var y
    param k = 2
    der(x) = -k*y
    x + y = 1
    initial der(x) = 0
    ''')

Equal shapes become one family. `chain` and other long families are made by hand with `family`.
"""

import re
from collections.abc import Iterable

import numpy as np
import sympy as sp

from stiffdsl.diagnostics import Source, Span
from stiffdsl.flat.functions import Floor
from stiffdsl.flat.model import TIME, Block, Definition, Family, FlatModel, slot

NAME = re.compile(r"der\((\w+)\)|([A-Za-z_]\w*)")
FUNCTIONS = {
    "sin": sp.sin,
    "cos": sp.cos,
    "exp": sp.exp,
    "log": sp.log,
    "sqrt": sp.sqrt,
    "sinh": sp.sinh,
    "floor": Floor,
}


def model(text: str) -> FlatModel:
    """The flat model of `text`; families of equal shape are merged."""
    source = Source("test.sml", text)
    numbers: dict[str, dict[str, int]] = {"var": {}, "param": {}, "input": {}}
    blocks: dict[str, list[Block]] = {"var": [], "param": [], "input": []}
    starts, guesses, values = [], [], []
    equations: dict[tuple, list[tuple[list[int], Span]]] = {}
    initial: dict[tuple, list[tuple[list[int], Span]]] = {}
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        span = Span(source, number, len(raw) - len(raw.lstrip()) + 1, number, len(raw.rstrip()) + 1)
        declared = re.fullmatch(r"(var|param|input) (\w+)(.*)", line)
        if declared:
            kind, name, rest = declared.groups()
            index = len(numbers[kind])
            numbers[kind][name] = index
            blocks[kind].append(Block(((name, ()),), kind, index, None, 1.0, 0.0, None, span))
            for word, place in (("start", starts), ("guess", guesses), ("=", values)):
                found = re.search(rf"{word} (-?[\d.e+-]+)", rest)
                if found:
                    target = np.array([index])
                    place.append(Definition(target, constant_family(float(found.group(1)), span)))
        elif line:
            into = initial if line.startswith("initial ") else equations
            add(into, line.removeprefix("initial "), numbers, span)
    size = len(numbers["var"])
    families = tuple(merged(equations))
    return flat_model(
        blocks["var"],
        families,
        size=size,
        parameters=blocks["param"],
        inputs=blocks["input"],
        initial=tuple(merged(initial)),
        starts=tuple(starts),
        guesses=tuple(guesses),
        parameter_values=tuple(values),
    )


def add(into: dict, line: str, numbers: dict[str, dict[str, int]], span: Span) -> None:
    kinds: list[str] = []
    row: list[int] = []
    seen: dict[str, str] = {}

    def replace(found: re.Match) -> str:
        word = found.group(0)
        if word in FUNCTIONS or word == "time":
            return word
        if word not in seen:
            name = found.group(1) or word
            kind = next(k for k, names in numbers.items() if name in names)
            seen[word] = f"s{len(kinds)}"
            row.append(numbers[kind][name])
            kinds.append("der" if found.group(1) else kind)
        return seen[word]

    left, right = NAME.sub(replace, line).replace("^", "**").split("=")
    known = {**FUNCTIONS, "time": TIME, **{f"s{k}": slot(k) for k in range(len(kinds))}}
    template = sp.sympify(left, locals=known) - sp.sympify(right, locals=known)
    into.setdefault((template, tuple(kinds)), []).append((row, span))


def merged(shapes: dict) -> Iterable[Family]:
    for (template, kinds), members in shapes.items():
        table = np.array([row for row, _ in members], dtype=np.int64).reshape(len(members), len(kinds))
        yield Family(template, kinds, table, tuple(s for _, s in members), np.arange(len(members)))


def constant_family(value: float, span: Span) -> Family:
    return Family(sp.Float(value), (), np.zeros((1, 0), dtype=np.int64), (span,), np.zeros(1, dtype=np.int64))


def family(template: str, sums=(), **slots: tuple[str, object]) -> Family:
    """A family by hand: `family("a - b*c", a=("der", ids), b=("param", [0]), …)`; totals are `g0, g1, …`."""
    span = Span(Source("test.sml", template), 1, 1, 1, len(template) + 1)
    names = {name: slot(k) for k, name in enumerate(slots)}
    names |= {f"g{k}": sp.Symbol(f"g{k}", real=True) for k in range(len(sums))}
    columns = np.broadcast_arrays(*(np.asarray(ids, dtype=np.int64).ravel() for _, ids in slots.values()))
    expression = sp.sympify(template, locals={**FUNCTIONS, "time": TIME, **names})
    table = np.column_stack(columns)
    kinds = tuple(kind for kind, _ in slots.values())
    return Family(expression, kinds, table, (span,), np.zeros(len(table), dtype=np.int64), tuple(sums))


def variables(*declarations: tuple[str, int]) -> list[Block]:
    """Blocks `(name, size)` one after another."""
    span = Span(Source("test.sml", ""), 1, 1, 1, 1)
    result, offset = [], 0
    for name, size in declarations:
        result.append(Block(((name, (size,)),), "var", offset, None, 1.0, 0.0, None, span))
        offset += size
    return result


def flat_model(
    blocks, equations, *, size=None, parameters=(), inputs=(), initial=(), starts=(), guesses=(), **more
) -> FlatModel:
    size = sum(b.size for b in blocks) if size is None else size
    is_state = np.zeros(size, dtype=bool)
    for f in equations:
        for k, kind in enumerate(f.kinds):
            if kind == "der":
                is_state[f.table[:, k]] = True
    fields = {
        "name": "Test",
        "doc": None,
        "constants": np.array([-1.0, 0.0, 1.0]),
        "parameter_values": (),
        "input_values": (),
        "alias": np.arange(size),
        "sign": np.ones(size, dtype=np.int64),
        **more,
    }
    return FlatModel(
        variables=tuple(blocks),
        parameters=tuple(parameters),
        inputs=tuple(inputs),
        equations=tuple(equations),
        initial=tuple(initial),
        starts=tuple(starts),
        guesses=tuple(guesses),
        is_state=is_state,
        **fields,
    )
