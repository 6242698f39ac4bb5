"""Functions that stay functions: those that many unlike statements call are one family over all their calls.

    der(x) = -k*fit(x)           a family of hidden variables    _fit_1 = 0.9 + 0.11*x - …
    der(y) = fit(x + y)/(1 + y)                                  _fit_2 = 0.9 + 0.11*h - …,  h = x + y

Put in place, forty calls of a fit of degree six are forty times its text in the program and in its derivatives. What
they save is what is written less: the length of the function for each call but one. Calls in statements that are alike
but for their names are one call, since such statements are a family already.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stiffdsl.check.model import Class
from stiffdsl.flat.arrays.expression_graph import ShapeNumbers, children, nodes
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
    _shapes: ShapeNumbers = field(default_factory=lambda: ShapeNumbers(names=False))
    _written: ShapeNumbers = field(default_factory=lambda: ShapeNumbers(names=True))

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
        inner = self.of_bodies[call.function] = Counter()
        length, given = 1, set(map(id, call.arguments))
        self.lengths[call.function] = 0

        def below(e: tree.Expr) -> list[tree.Expr]:
            if id(e) in given:
                return []
            return list(e.arguments) if isinstance(e, tree.Inlined) else children(e)

        for e in nodes(call.value, below=below):
            length += len(below(e))
            if isinstance(e, tree.Inlined) and id(e) not in given:
                inner[e.function] += 1
                self._read(e)
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


def _is_total(expression: tree.Expr) -> bool:
    """Whether an expression is made of operations that are finite, with finite slopes, for all numbers."""
    return all(map(_is_finite, nodes(expression)))


def _is_finite(e: tree.Expr) -> bool:
    """Whether an operation is finite, with finite slopes, for all operands."""
    match e:
        case tree.Number() | tree.Name() | tree.Inlined() | tree.Unary(operator="-"):
            return True
        case tree.Binary(operator="+" | "-" | "*"):
            return True
        case tree.Binary(operator="^", right=tree.Number(value)):
            return value >= 1 and value == int(value)
        case tree.Binary(operator="/", right=tree.Number(value)):
            return value != 0
        case tree.Call(function):
            return function in _TOTAL
    return False
