"""Functions that stay functions: those that many unlike statements call are one family over all their calls.

    der(x) = -k*fit(x)           a family of hidden variables    _fit_1 = 0.9 + 0.11*x - …
    der(y) = fit(x + y)/(1 + y)                                  _fit_2 = 0.9 + 0.11*h - …,  h = x + y

Put in place, forty calls of a fit of degree six are forty times its text in the program and in its derivatives. What
they save is what is written less: the length of the function for each call but one. Calls in statements that are alike
but for their names are one call, since such statements are a family already.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import lru_cache
from typing import Any

from stiffdsl.check.model import Class
from stiffdsl.diagnostics import Span
from stiffdsl.flat.arrays.shared import children
from stiffdsl.syntax import tree

# A function is kept where that leaves out so many nodes of expressions.
GAIN = 240
# Functions of one argument that have a finite value and slope for every number.
_TOTAL = frozenset({"sin", "cos", "tanh", "atan", "noevent"})


@dataclass(eq=False)
class _Calls:
    """Calls of functions: from statements of one class, one for each shape and each text of its arguments, and from the
    bodies of functions."""

    of_statements: Counter = field(default_factory=Counter)
    of_bodies: dict[str, Counter] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    _shapes: set = field(default_factory=set)
    _texts: set = field(default_factory=set)

    def add(self, statement: Any, cls: Class) -> None:
        found: list[tree.Inlined] = []
        shape = _shape(statement, found)
        if not found or shape in self._shapes:
            return
        self._shapes.add(shape)
        for call in found:
            text = (id(cls), call.function, _shape(call.arguments, [], names=True))
            if text not in self._texts:
                self._texts.add(text)
                self.of_statements[call.function] += 1
                self._read(call)

    def _read(self, call: tree.Inlined) -> None:
        """The body of a function, when it is first met."""
        if call.function in self.lengths:
            return
        waiting: list[tree.Expr] = [call.value]
        seen, length = set(map(id, call.arguments)), 0
        inner = self.of_bodies[call.function] = Counter()
        self.lengths[call.function] = 0
        while waiting:
            e = waiting.pop()
            length += 1
            if id(e) in seen:
                continue
            seen.add(id(e))
            if isinstance(e, tree.Inlined):
                inner[e.function] += 1
                self._read(e)
                waiting += e.arguments
            else:
                waiting += children(e)
        self.lengths[call.function] = length

    def kept(self) -> dict[str, bool]:
        """Functions that are called often enough, and whether they call others. One that is kept calls others once, any
        other at each call."""
        found: dict[str, bool] = {}
        count = self.of_statements.copy()
        for name in self._callers_first():
            keep = self.lengths[name] * (count[name] - 1) >= GAIN
            if keep:
                found[name] = bool(self.of_bodies[name])
            for other, times in self.of_bodies[name].items():
                count[other] += times * (1 if keep else count[name])
        return found

    def _callers_first(self) -> list[str]:
        done: dict[str, None] = {}

        def visit(name: str) -> None:
            if name not in done:
                for other in self.of_bodies[name]:
                    visit(other)
                done[name] = None

        for name in self.of_bodies:
            visit(name)
        return list(reversed(done))


def kept_functions(classes: Iterable[Class]) -> dict[str, bool]:
    """The functions that equations of these classes call in so many ways that they are not put in place, and whether
    they call others."""
    calls, seen = _Calls(), set()
    for cls in classes:
        if cls.calls_functions and id(cls) not in seen:
            seen.add(id(cls))
            for statement in (*cls.equations, *cls.reactions):
                if not isinstance(statement, tree.When):
                    calls.add(statement, cls)
            for variable in cls.variables:
                if variable.kind not in ("const", "param"):
                    calls.add(variable.value, cls)
    return calls.kept()


def kept_calls(expressions: tuple[tree.Expr, ...], kept: Mapping[str, bool]) -> dict[int, str]:
    """The calls of `kept` functions in expressions, and their arguments, by identity, with a word for each.

    A call in a branch of a choice stays in place, unless it has a value whatever the numbers: it would be computed
    where the choice leaves it out. So does one that `noevent` holds.
    """
    found: dict[int, str] = {}
    waiting = [(e, False) for e in expressions]
    seen: set[tuple[int, bool]] = set()
    while waiting:
        e, chosen = waiting.pop()
        if (id(e), chosen) in seen:
            continue
        seen.add((id(e), chosen))
        if isinstance(e, tree.Inlined) and e.function in kept and (not chosen or _is_total(e)):
            found |= dict.fromkeys(map(id, e.arguments), f"{e.function}_argument")
            found[id(e.value)] = e.function
            # What it calls in turn is computed anyway, but for what its own choices leave out.
            waiting += [(a, False) for a in ((e.value, *e.arguments) if kept[e.function] else e.arguments)]
        elif isinstance(e, tree.If):
            waiting += [(e.condition, chosen), (e.yes, True), (e.no, True)]
        elif isinstance(e, tree.Call) and e.function == "noevent":
            waiting += [(a, True) for a in e.arguments]
        else:
            waiting += [(c, chosen) for c in children(e)]
    return found


def _is_total(e: tree.Expr) -> bool:
    """Whether an expression is made of operations that are finite, with finite slopes, for all numbers."""
    match e:
        case tree.Number():
            return True
        case tree.Name():
            return True
        case tree.Inlined():
            return _is_total(e.value)
        case tree.Unary(operator="-"):
            return _is_total(e.operand)
        case tree.Binary(operator="+" | "-" | "*"):
            return _is_total(e.left) and _is_total(e.right)
        case tree.Binary(operator="^", right=tree.Number(value)):
            return value >= 1 and value == int(value) and _is_total(e.left)
        case tree.Binary(operator="/", right=tree.Number(value)):
            return value != 0 and _is_total(e.left)
        case tree.Call(function) if function in _TOTAL:
            return all(map(_is_total, e.arguments))
    return False


def _shape(node: Any, found: list[tree.Inlined], names: bool = False) -> Any:
    """A tree without its places, and but for `names` without those; the calls in it are `found`."""
    if isinstance(node, tree.Inlined):
        found.append(node)
        return (node.function, *(_shape(a, found, names) for a in node.arguments))
    if isinstance(node, tree.Number):
        return node.value
    if isinstance(node, tree.Name):
        return node if names else None
    if isinstance(node, tuple | list):
        return tuple([_shape(each, found, names) for each in node])
    held = _fields(type(node))
    if held:
        return (type(node), *[_shape(getattr(node, name), found, names) for name in held])
    return node if isinstance(node, str | float | int | bool) else None


@lru_cache(maxsize=1000)
def _fields(kind: type) -> tuple[str, ...]:
    """Fields of a node of the tree, beside its place."""
    if not is_dataclass(kind) or kind is Span:
        return ()
    return tuple(
        f.name for f in fields(kind) if f.type not in (Span, "Span") and f.name not in ("span", "name_span")
    )
