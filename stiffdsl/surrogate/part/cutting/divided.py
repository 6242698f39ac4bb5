"""The names, loops and values of one class once an array that they lead to is divided: one element, and the others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from stiffdsl.check import Class
from stiffdsl.flat.context import Context
from stiffdsl.flat.domain import IterationDomain
from stiffdsl.flat.expand import StatementExpansion
from stiffdsl.flat.instance import Fault, Node
from stiffdsl.surrogate.part.cutting.elements import element, rank
from stiffdsl.syntax import tree
from stiffdsl.syntax.rebuild import mentions, rebuilt, substituted

_JOINED = {"sum": "+", "prod": "*"}
_NOTHING = {"sum": 0.0, "prod": 1.0}


@dataclass(frozen=True)
class Moved:
    """The new names: `array[number]` is `own` now, and the others are elements of `others`, in their order."""

    array: str
    number: int
    own: str
    others: str

    def __call__(self, name: str) -> str:
        if not name.startswith(self.array + "["):
            return name
        index, _, rest = name[len(self.array) + 1 :].partition("]")
        if not index.strip().isdigit():
            return name
        at = int(index)
        if at == self.number:
            return self.own + rest
        return f"{self.others}[{at - (at > self.number)}]{rest}"


@dataclass(frozen=True, eq=False)
class Division:
    """Element `number` of `count` of the array at `path` becomes `own`, the rest `others`."""

    context: Context
    path: tuple[str, ...]
    number: int
    count: int
    own: str
    others: str


@dataclass(frozen=True, eq=False)
class Divided:
    """The names of one class on the way: those that begin with `path` lead to the array."""

    made: Division
    node: Node
    path: tuple[str, ...]

    def leads(self, name: tree.Name) -> bool:
        return tuple(p.name for p in name.parts[: len(self.path)]) == self.path

    def value(self, expr: tree.Expr) -> int | None:
        """A whole number that is known; None where it depends on a loop that is around it."""
        try:
            found = StatementExpansion(self.made.context, self.node, IterationDomain()).structural(
                expr, "an index"
            )
        except (Fault, KeyError):
            return None
        return round(float(found.ravel()[0]))

    def side(self, name: tree.Name) -> int | None:
        """-1, 0 or 1: before the element, the element itself, behind it; None where that is not known."""
        index = name.parts[len(self.path) - 1].indices
        at = self.value(index[0]) if len(index) == 1 and not isinstance(index[0], tree.Range) else None
        return None if at is None else (at > self.made.number) - (at < self.made.number)

    # --- names ---

    def renamed(self, name: tree.Name, side: int) -> tree.Name:
        k = len(self.path) - 1
        (index,) = name.parts[k].indices
        if side == 0:
            part = tree.Part(self.made.own)
        else:
            one = tree.Number(1.0, None, name.span)
            shifted = index if side < 0 else tree.Binary("-", index, one, name.span)
            if isinstance(shifted, tree.Binary) and isinstance(index, tree.Number):
                shifted = tree.Number(index.value - 1, None, name.span)
            part = tree.Part(self.made.others, (shifted,))
        return replace(name, parts=(*name.parts[:k], part, *name.parts[k + 1 :]))

    def changed(self, node: Any) -> Any:
        """With all names that lead to the array as they are now."""
        return rebuilt(node, self._name)

    def _name(self, node: Any) -> Any:
        if isinstance(node, tree.Comprehension) and mentions(node.body, self.leads):
            return self._comprehension(node)
        if isinstance(node, tree.GroupedLines):
            below = ".".join(self.path)
            moved = Moved(
                below, self.made.number, *(self._beside(n) for n in (self.made.own, self.made.others))
            )
            return replace(node, names={k: tuple(map(moved, v)) for k, v in node.names.items()})
        if isinstance(node, tree.Call) and node.function == "der" and mentions(node.arguments, self._whole):
            raise self._refused("its derivatives are taken all at once")
        if not isinstance(node, tree.Name) or not self.leads(node):
            return None
        if self._whole(node):
            return self._every(node)
        side = self.side(node)
        if side is None:
            raise self._refused("it is indexed by what is not known when the model is compiled")
        return self.renamed(node, side)

    def _beside(self, name: str) -> str:
        return ".".join((*self.path[:-1], name))

    def _whole(self, name: tree.Name) -> bool:
        return self.leads(name) and not name.parts[len(self.path) - 1].indices

    def _every(self, name: tree.Name) -> tree.Expr:
        """A whole array as a list of its elements."""
        k = len(self.path) - 1
        items = []
        for at in range(1, self.made.count + 1):
            index = tree.Number(float(at), None, name.span)
            one = replace(
                name, parts=(*name.parts[:k], tree.Part(self.path[-1], (index,)), *name.parts[k + 1 :])
            )
            items.append(self.renamed(one, (at > self.made.number) - (at < self.made.number)))
        return tree.ArrayLiteral(tuple(items), name.span)

    def _refused(self, why: str) -> ValueError:
        array = ".".join(self.made.path)
        return ValueError(
            f"`{array}[{self.made.number}]` cannot be told apart from the other elements of `{array}`: {why}\n"
            "  declare the one that is to be replaced by itself, and connect it to the others"
        )

    # --- loops ---

    def _runs(self, iterator: tree.Iterator, body: Any) -> list[tuple[int, int, Any]]:
        """(first, last, body) for stretches of a loop: of one turn, with a number for the index; of more, with the
        names as they are now."""
        bounds = iterator.range
        first, last = (bounds.first, bounds.last) if isinstance(bounds, tree.Range) else (None, bounds)
        low, high = 1 if first is None else self.value(first), self.value(last)
        if low is None or high is None:
            raise self._refused(f"the range of `{iterator.name}` depends on another loop")
        names: list[tree.Name] = []
        mentions(body, lambda n: self.leads(n) and not names.append(n) and False)

        def sides(turn: int) -> tuple[Any, ...]:
            own = substituted(names, iterator.name, float(turn))
            found = tuple(self.side(n) for n in own)
            # What an inner loop decides, it decides anew in each turn.
            return found if None not in found else ("by itself", turn)

        runs = []
        for _, group in groupby(range(low, high + 1), sides):
            turns = list(group)
            runs.append((turns[0], turns[-1], substituted(body, iterator.name, float(turns[0]))))
            if len(turns) > 1:
                known = dict(zip(map(id, names), sides(turns[0]), strict=True))

                def there(node: Any, known: dict[int, Any] = known) -> Any:
                    return self.renamed(node, known[id(node)]) if id(node) in known else None

                runs[-1] = turns[0], turns[-1], rebuilt(body, there)
        return runs

    def _comprehension(self, node: tree.Comprehension) -> tree.Expr:
        iterator, *inner = node.iterators
        body: tree.Expr = replace(node, iterators=tuple(inner)) if inner else node.body
        span = node.span
        if node.function is None:
            runs = self._single(iterator, body)
            return tree.ArrayLiteral(tuple(self.changed(b) for b in runs), span)
        parts: list[tree.Expr] = []
        for first, last, own in self._runs(iterator, body):
            if first == last:
                parts.append(self.changed(own))
            else:
                parts.append(
                    tree.Comprehension(
                        node.function, self.changed(own), (_from(iterator, first, last),), span
                    )
                )
        if not parts:
            return tree.Number(_NOTHING.get(node.function, 0.0), None, span)
        found = parts[0]
        for part in parts[1:]:
            if node.function in _JOINED:
                found = tree.Binary(_JOINED[node.function], found, part, span)
            else:
                found = tree.Call(node.function, (found, part), (), span)
        return found

    def _single(self, iterator: tree.Iterator, body: Any) -> list[Any]:
        return [
            substituted(body, iterator.name, float(turn))
            for first, last, _ in self._runs(iterator, body)
            for turn in range(first, last + 1)
        ]

    def statements(self, given: Sequence[Any]) -> tuple[Any, ...]:
        """Equations with the names as they are now; loops through the array come in stretches."""
        found: list[Any] = []
        for s in given:
            if isinstance(s, tree.Connect) and mentions(s, self._whole):
                raise self._refused("it is connected as a whole")
            if isinstance(s, tree.IfEquation):
                branches = tuple((self.changed(c), self.statements(body)) for c, body in s.branches)
                found.append(replace(s, branches=branches))
            elif isinstance(s, tree.For) and mentions(s.body, self.leads):
                iterator, *inner = s.iterators
                body = (replace(s, iterators=tuple(inner)),) if inner else s.body
                for first, last, own in self._runs(iterator, body):
                    rows = self.statements(own)
                    if first == last:
                        found += rows
                    else:
                        found.append(replace(s, iterators=(_from(iterator, first, last),), body=rows))
            else:
                found.append(self.changed(s))
        return tuple(found)

    # --- values ---

    def divided(self, m: tree.Modifier, cls: Class, array: str, reach: str) -> list[tree.Modifier]:
        """A modifier of all elements, `array` + name: for the one, and for the others."""
        if m.parts:
            raise self._refused(f"`{m.name}` of some elements is set by their indices")
        name = m.name[len(array) :]
        wanted = rank(tree.Name(tuple(tree.Part(p) for p in m.name.split(".")), m.span), cls)
        others = [k for k in range(1, self.made.count + 1) if k != self.made.number]
        own, rest = m.value, m.value
        if rank(m.value, self.node.cls) == wanted:
            items: dict[int, tree.Expr] = {}
            for k in (self.made.number, *others):
                one = element(m.value, k, self.node.cls, self.value)
                if one is None:
                    raise self._refused(f"what is given for `{m.name}` cannot be divided")
                items[k] = one
            own, rest = items[self.made.number], tree.ArrayLiteral(tuple(items[k] for k in others), m.span)
        found = [replace(m, name=f"{reach}{self.made.own}.{name}", value=own)]
        if others:
            found.append(replace(m, name=f"{reach}{self.made.others}.{name}", value=rest))
        return found


def _from(iterator: tree.Iterator, first: int, last: int) -> tree.Iterator:
    low, high = (tree.Number(float(e), None, iterator.span) for e in (first, last))
    return replace(iterator, range=tree.Range(low, high, iterator.span))
