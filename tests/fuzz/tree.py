"""Generated expressions: how the language writes them, and Python source of what they mean.

("num", "0.5")  ("time",)  ("pi",)  ("index", "i")  ("arg", "a")
("ref", (("c", (index trees)), ("v", ())))          c[i].v
("der", ref)  ("neg", a)  ("+" "-" "*" "/" "^", a, b)  ("call", "sin", a)  ("user", "f1", a, b)
("if", condition, a, b)  ("cmp", "<", a, b)  ("and" "or", a, b)  ("not", a)
("reduce", "sum", body, "j", first, last)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from random import Random
from typing import Any

Node = tuple

LEVEL = {"if": 0, "or": 1, "and": 2, "not": 3, "cmp": 4, "+": 5, "-": 5, "*": 6, "/": 6, "neg": 7, "^": 8}
ATOM = 9
OPERATORS = ("+", "-", "*", "/", "^")


def num(value: Any) -> Node:
    return ("num", str(value))


def ref(*path: Any) -> Node:
    """`ref("x")`, `ref("x", i)`, `ref(("c", i), ("v",))`."""
    if isinstance(path[0], str):
        path = (path,)
    return ("ref", tuple((segment[0], tuple(_index(i) for i in segment[1:])) for segment in path))


def _index(i: Any) -> Node:
    return num(i) if isinstance(i, int) else i


def index_value(e: Node, at: Mapping[str, int]) -> int:
    """The value of an index."""
    if e[0] == "num":
        return int(e[1])
    if e[0] == "index":
        return at[e[1]]
    a, b = (index_value(x, at) for x in e[1:])
    return {"+": a + b, "-": a - b, "*": a * b}[e[0]]


def scalar_name(e: Node, at: Mapping[str, int]) -> str:
    """The name of the scalar that a reference means: `c[2].v`."""
    parts = []
    for name, indices in e[1]:
        own = ",".join(str(index_value(i, at)) for i in indices)
        parts.append(f"{name}[{own}]" if own else name)
    return ".".join(parts)


# --- the language -------------------------------------------------------------------------------


def show(e: Node, rng: Random, whole: tuple[str, int, int] | None = None) -> str:
    """The text of an expression. `whole`: an index, and the range over which arrays are written whole or as slices."""
    return _show(e, rng, whole)[0]


def _show(e: Node, rng: Random, whole) -> tuple[str, int]:
    head = e[0]
    level = LEVEL.get(head, ATOM)

    def inner(a: Node, least: int) -> str:
        text, own = _show(a, rng, whole)
        if own < least or rng.random() < 0.05:
            space = "\n    " if rng.random() < 0.05 else ""
            return f"({space}{text})"
        return text

    match head:
        case "num" | "index" | "arg":
            return e[1], ATOM
        case "time" | "pi":
            return head, ATOM
        case "ref":
            return _reference(e, whole), ATOM
        case "der":
            return f"der({_reference(e[1], whole)})", ATOM
        case "neg":
            return f"-{inner(e[1], 8)}", level
        case "not":
            return f"not {inner(e[1], 4)}", level
        case "+" | "*" | "and" | "or":
            space = " " if head in "+andor" or rng.random() < 0.3 else ""
            return f"{inner(e[1], level)}{space}{head}{space}{inner(e[2], level + 1)}", level
        case "-" | "/":
            space = " " if head == "-" else ""
            return f"{inner(e[1], level)}{space}{head}{space}{inner(e[2], level + 1)}", level
        case "^":
            return f"{inner(e[1], ATOM)}^{inner(e[2], 8)}", level
        case "cmp":
            return f"{inner(e[2], 5)} {e[1]} {inner(e[3], 5)}", level
        case "if":
            return f"if {inner(e[1], 1)} then {inner(e[2], 0)} else {inner(e[3], 0)}", level
        case "call" | "user":
            return f"{e[1]}({', '.join(_show(a, rng, whole)[0] for a in e[2:])})", ATOM
        case "reduce":
            _, kind, body, j, first, last = e
            ends = f"{_show(first, rng, whole)[0]}..{_show(last, rng, whole)[0]}"
            return f"{kind}({_show(body, rng, whole)[0]} for {j} in {ends})", ATOM
    raise AssertionError(head)


def _reference(e: Node, whole) -> str:
    parts = []
    for name, indices in e[1]:
        own = []
        for i in indices:
            if whole is not None and _mentions(i, whole[0]):
                first, last = (index_value(i, {whole[0]: k}) for k in whole[1:])
                own.append(f"{first}..{last}")
            else:
                own.append(_show(i, Random(0), None)[0])
        parts.append(f"{name}[{', '.join(own)}]" if own else name)
    return ".".join(parts)


def _mentions(e: Node, index: str) -> bool:
    return e == ("index", index) or any(_mentions(a, index) for a in e[1:] if isinstance(a, tuple))


# --- meaning ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EvaluationScope:
    """Meanings of names: `place(scalar name)` is Python source; functions as (arguments, body)."""

    place: Callable[[str], str]
    functions: Mapping[str, tuple[tuple[str, ...], Node]]


def source(
    e: Node,
    scope: EvaluationScope,
    at: Mapping[str, int] | None = None,
    args: Mapping[str, str] | None = None,
) -> str:
    """Python source of the value of an expression, for indices `at`."""
    at, args = at or {}, args or {}

    def own(a: Node) -> str:
        return source(a, scope, at, args)

    head = e[0]
    match head:
        case "num":
            return repr(float(e[1]))
        case "time":
            return "t"
        case "pi":
            return "pi"
        case "index":
            return repr(float(at[e[1]]))
        case "arg":
            return args[e[1]]
        case "ref":
            return scope.place(scalar_name(e, at))
        case "der":
            return scope.place(f"der({scalar_name(e[1], at)})")
        case "neg":
            return f"(-{own(e[1])})"
        case "+" | "-" | "*" | "/":
            return f"({own(e[1])} {head} {own(e[2])})"
        case "^":
            return f"power({own(e[1])}, {own(e[2])})"
        case "call":
            return f"{e[1]}({', '.join(own(a) for a in e[2:])})"
        case "user":
            names, body = scope.functions[e[1]]
            given = dict(zip(names, (own(a) for a in e[2:]), strict=True))
            return f"({source(body, scope, at, given)})"
        case "if":
            decided = _decided(e[1], at)
            if decided is not None:
                return own(e[2] if decided else e[3])
            return f"where({own(e[1])}, {own(e[2])}, {own(e[3])})"
        case "cmp":
            plain = e[2][0] in PLAIN and e[3][0] in PLAIN
            return f"compare({e[1]!r}, {own(e[2])}, {own(e[3])}, {plain})"
        case "and" | "or":
            return f"({own(e[1])} {'&' if head == 'and' else '|'} {own(e[2])})"
        case "not":
            return f"(~{own(e[1])})"
        case "reduce":
            _, kind, body, j, first, last = e
            indices = range(index_value(first, at), index_value(last, at) + 1)
            terms = [source(body, scope, {**at, j: k}, args) for k in indices]
            if kind in ("min", "max"):
                return f"{kind}({', '.join(terms)})"
            sign = " + " if kind == "sum" else " * "
            return reduce(lambda a, b: f"({a}{sign}{b})", terms)
    raise AssertionError(head)


def _decided(condition: Node, at: Mapping[str, int]) -> bool | None:
    """Whether a comparison of indices holds: what is not taken may mention elements that are not there."""
    if condition[0] != "cmp" or not {condition[2][0], condition[3][0]} <= {"index", "num"}:
        return None
    a, b = (float(at[x[1]]) if x[0] == "index" else float(x[1]) for x in condition[2:])
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a == b, "!=": a != b}[condition[1]]


PLAIN = ("num", "ref", "index", "time")
