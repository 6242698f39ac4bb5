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
    _seen: set = field(default_factory=set)
    _texts: set = field(default_factory=set)
    _shapes: "_Shapes" = field(default_factory=lambda: _Shapes(names=False))
    _written: "_Shapes" = field(default_factory=lambda: _Shapes(names=True))

    def add(self, statement: Any, cls: Class) -> None:
        shape, found = self._shapes.of(statement)
        if not found or shape in self._seen:
            return
        self._seen.add(shape)
        for call in found:
            text = (id(cls), call.function, self._written.of(call.arguments)[0])
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
    waiting, seen = [e], set()
    while waiting:
        e = waiting.pop()
        if id(e) in seen:
            continue
        seen.add(id(e))
        match e:
            case tree.Number() | tree.Name():
                pass
            case tree.Inlined():
                waiting.append(e.value)
            case tree.Unary(operator="-"):
                waiting.append(e.operand)
            case tree.Binary(operator="+" | "-" | "*"):
                waiting += (e.left, e.right)
            case tree.Binary(operator="^", right=tree.Number(value)) if value >= 1 and value == int(value):
                waiting.append(e.left)
            case tree.Binary(operator="/", right=tree.Number(value)) if value != 0:
                waiting.append(e.left)
            case tree.Call(function) if function in _TOTAL:
                waiting += e.arguments
            case _:
                return False
    return True


class _Shapes:
    """Numbers of the shapes of trees: a tree without its places, and but for `names` without those. Expressions are
    graphs, in which what a function is given may stand many times, so nodes are numbered once each."""

    def __init__(self, names: bool):
        self._names = names
        self._numbers: dict[Any, int] = {}
        self._known: dict[int, Any] = {}
        self._calls: list[tree.Inlined] = []

    def of(self, node: Any) -> tuple[Any, list[tree.Inlined]]:
        """The shape of a tree that is kept while it is asked for, and the calls in it."""
        self._known, self._calls = {}, []
        return self._of(node), self._calls

    def _of(self, node: Any) -> Any:
        if isinstance(node, str | float | int | bool):
            return node
        if isinstance(node, tree.Number):
            return node.value
        if isinstance(node, tree.Name):
            return node if self._names else None
        found = self._known.get(id(node))
        if found is None:
            found = self._known[id(node)] = self._numbered(node)
        return found

    def _numbered(self, node: Any) -> Any:
        if isinstance(node, tree.Inlined):
            self._calls.append(node)
            parts = (node.function, *[self._of(a) for a in node.arguments])
        elif isinstance(node, tuple | list):
            parts = tuple([self._of(each) for each in node])
        else:
            held = _fields(type(node))
            parts = (type(node), *[self._of(getattr(node, name)) for name in held]) if held else None
        return ("shape", self._numbers.setdefault(parts, len(self._numbers)))


@lru_cache(maxsize=1000)
def _fields(kind: type) -> tuple[str, ...]:
    """Fields of a node of the tree, beside its place."""
    if not is_dataclass(kind) or kind is Span:
        return ()
    return tuple(
        f.name for f in fields(kind) if f.type not in (Span, "Span") and f.name not in ("span", "name_span")
    )
