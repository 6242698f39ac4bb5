"""Expands expressions over a domain: structural values become arrays, everything else a skeleton with slots.

An expression yields either a NumPy array (known at compile time; one value, or one per member) or a skeleton
(`flat/template.py`). The slots of a statement are collected on the way.
"""

from dataclasses import dataclass, field

import numpy as np

from stiffdsl.check.array_functions import ARRAY_FUNCTIONS
from stiffdsl.check.tables import Tabulated
from stiffdsl.diagnostics import Span
from stiffdsl.flat.arrays.array_functions import array_element
from stiffdsl.flat.arrays.reductions import reduce, reduce_array, terms_of
from stiffdsl.flat.arrays.shapes import lengths, shape_of, text, unknown_name
from stiffdsl.flat.context import Context
from stiffdsl.flat.delays import add_delay
from stiffdsl.flat.domain import IterationDomain, Split
from stiffdsl.flat.families import Rows
from stiffdsl.flat.instance import Fault, Node, positions
from stiffdsl.flat.model import SLOT_KINDS, Block
from stiffdsl.flat.network_calls import network_call
from stiffdsl.flat.numeric import FUNCTIONS, OPERATORS, REDUCTIONS, Value, truth
from stiffdsl.flat.tables import table_of
from stiffdsl.flat.template import MINUS_ONE, Skeleton
from stiffdsl.syntax import tree

# Tolerance by which a computed size or bound may miss a whole number.
ROUNDING = 1e-9
# Bounds of ranges are counted in whole numbers of the machine.
MOST_INDEX = 2.0**53


@dataclass(frozen=True, eq=False)
class NameTarget:
    """The target of a name: `index[k]` is the position along dimension k, or None for the whole axis."""

    block: Block | None
    constant: np.ndarray | None
    shape: tuple[int, ...]
    index: tuple[np.ndarray | tuple[int, int] | None, ...]

    @property
    def free(self) -> tuple[int, ...]:
        """The shape that is left without an index."""
        return tuple(
            (i[1] if isinstance(i, tuple) else n)
            for n, i in zip(self.shape, self.index, strict=True)
            if i is None or isinstance(i, tuple)
        )


# Functions that divide by their second argument.
_DIVIDES = ("smooth_step", "mod")


def _is_zero(value: "Value") -> bool:
    """Whether a value is known, and zero in all members."""
    return isinstance(value, np.ndarray) and value.size > 0 and not np.any(value)


@dataclass(eq=False)
class StatementExpansion:
    """One statement in one domain. `auxiliary`: hidden variables may be made (equations), or not (values);
    `reducing`: for long reductions alone (conditions and actions of events)."""

    context: Context
    node: Node
    domain: IterationDomain
    auxiliary: bool = True
    inside_sum: bool = False
    reducing: bool = False
    kinds: list[str] = field(default_factory=list)
    columns: list[np.ndarray] = field(default_factory=list)
    sums: list[tuple[Rows, np.ndarray]] = field(default_factory=list)
    _known: dict[tuple[str, bytes], int] = field(default_factory=dict)
    # Shared parts in a domain: what they are here, and the hidden variables that hold them for the whole statement.
    _parts: dict[tuple[int, int], tuple[IterationDomain, Value]] = field(default_factory=dict)
    _divided: dict[tuple[int, int], tuple[IterationDomain, np.ndarray | None]] = field(default_factory=dict)

    # Hidden variables of factors of `matmul`, by expression and domain (`array_functions.py`).
    held: dict[tuple[int, int, bytes], np.ndarray] = field(default_factory=dict)

    def rows(self, skeleton: Skeleton, span: Span) -> Rows:
        """Rows for a family, of `skeleton` over the slots collected so far."""
        kinds, columns, sums = tuple(self.kinds), tuple(self.columns), tuple(self.sums)
        return Rows(skeleton, kinds, columns, sums, self.domain.size, span, self.domain.lines)

    # --- leaves ---

    def slot(self, kind: str, column: np.ndarray) -> Skeleton:
        """The slot that holds `column`; equal columns share one."""
        if column.shape != (self.domain.size,):
            column = np.broadcast_to(column, (self.domain.size,))
        column = np.ascontiguousarray(column, dtype=np.int64)
        key = (kind, column.tobytes())
        if key not in self._known:
            self._known[key] = len(self.kinds)
            self.kinds.append(kind)
            self.columns.append(column)
        return ("slot", self._known[key])

    def lift(self, value: Value) -> Skeleton:
        """A structural value as a leaf: a literal where all members agree, else a table entry for each."""
        if isinstance(value, tuple):
            return value
        uniform = value.ndim == 0 or value.size == 1 or bool(np.all(value == value.flat[0]))
        if value.dtype == bool:
            if not uniform:
                raise Split(value)
            return ("bool", bool(value.flat[0]))
        if uniform:
            return ("num", float(value.flat[0]))
        return self.slot("const", self.context.constant_ids(value))

    def expand(self, expr: tree.Expr) -> Value:
        """The value of `expr` in this domain."""
        value = self._part(expr) if id(expr) in self.context.shared else self._expand(expr)
        return value if isinstance(value, tuple) else np.asarray(value)

    def _part(self, expr: tree.Expr) -> Value:
        """A part that stands in the statement several times: expanded once, in a hidden variable where there may be."""
        key = id(expr), id(self.domain)
        if key not in self._parts:
            column = self._hidden(expr, key) if self.auxiliary else None
            value = self._expand(expr) if column is None else self.slot("var", column)
            self._parts[key] = self.domain, value
        return self._parts[key][1]

    def _hidden(self, expr: tree.Expr, key: tuple[int, int]) -> np.ndarray | None:
        """The hidden variables that hold `expr`; None for numbers, leaves and conditions."""
        if key not in self._divided:
            inner = self.beside(self.domain, inside_sum=self.inside_sum)
            value = inner._expand(expr)
            self._divided[key] = self.domain, None
            if isinstance(value, tuple) and value[0] in (
                "add",
                "mul",
                "div",
                "pow",
                "if",
                "call",
                "lookup",
                "network",
                "total",
            ):
                self._divided[key] = self.domain, inner._held_by_hidden(value, expr)
        return self._divided[key][1]

    def _held_by_hidden(self, value: Skeleton, expr: tree.Expr) -> np.ndarray:
        """Hidden variables that equal `value`, which this expansion has made of `expr`; equal values share them."""
        context, size = self.context, self.domain.size
        key = (value, tuple(self.kinds), *(c.tobytes() for c in self.columns))
        if self.sums or key not in context.held_values:
            label = context.shared[id(expr)]
            column = context.hidden(size, label, expr.span, label != "part") + np.arange(size)
            difference = ("add", self.slot("var", column), ("mul", MINUS_ONE, value))
            context.equations.add(self.rows(difference, expr.span))
            if self.sums:
                return column
            context.held_values[key] = column
        return context.held_values[key]

    def _expand(self, expr: tree.Expr) -> Value:
        match expr:
            case tree.Number():
                return np.array(expr.value)
            case tree.Name():
                return self._name(expr)
            case tree.Unary():
                inner = self.expand(expr.operand)
                if expr.operator == "not":
                    return ~truth(inner) if isinstance(inner, np.ndarray) else ("not", inner)
                return -inner if isinstance(inner, np.ndarray) else ("mul", MINUS_ONE, inner)
            case tree.Binary():
                return self._binary(expr)
            case tree.If():
                return self._if(expr)
            case tree.Call():
                return self._call(expr)
            case tree.ArrayLiteral():
                return self._literal(expr)
            case tree.Comprehension():
                return self.comprehension(expr)
            case tree.Inlined():
                return self.expand(expr.value)
            case tree.Element():
                return self._element(expr)
            case tree.Range():
                return self.bound(expr.first) + self.domain.axes[0]
            case tree.Text():
                raise Fault("E0257", "a text has no value in an equation", expr.span)
        raise AssertionError(expr)

    # --- names ---

    def _name(self, expr: tree.Name) -> Value:
        first = expr.parts[0]
        if len(expr.parts) == 1 and not first.indices:
            if first.name in self.domain.iterators:
                return self.domain.iterators[first.name].astype(float)
            if first.name in self.domain.scalars:
                return self.slot(*self.domain.scalars[first.name])
            if first.name == "time":
                return ("time",)
            if first.name == "pi":
                return np.array(np.pi)
            if first.name in ("true", "false"):
                return np.array(first.name == "true")
            block = self.node.blocks.get(first.name)
            if block is not None and len(block.shape) == len(self.node.prefix):
                return self._scalar(block)
        reference = self.refer(expr)
        index = self._complete(reference, expr)
        if reference.constant is not None:
            return reference.constant[tuple(index)] if index else np.asarray(reference.constant, dtype=float)
        assert reference.block is not None
        column = reference.block.offset + positions(reference.shape, index, self.domain.size)
        return self.slot(SLOT_KINDS[reference.block.kind], column)

    def _scalar(self, block: Block) -> Skeleton:
        """A quantity of this node that is no array: the commonest name, so by the shortest way."""
        if not block.shape:
            column = np.full(self.domain.size, block.offset)
        else:
            column = block.offset + positions(block.shape, list(self.domain.prefix), self.domain.size)
        return self.slot(SLOT_KINDS[block.kind], column)

    def _complete(self, reference: NameTarget, expr: tree.Name) -> list[np.ndarray]:
        """The index of `reference` with its whole axes taken from the domain's."""
        shape = reference.free
        open_axes = len(self.domain.axes)
        if len(shape) > open_axes:
            raise Fault(
                "E0305",
                f"`{text(expr)}` is {lengths(shape)} where one number is needed",
                expr.span,
                help="give it an index, as in `x[1]`",
            )
        axes = iter(self.domain.axes[open_axes - len(shape) :])
        index = []
        for i in reference.index:
            if i is None:
                index.append(next(axes))
            elif isinstance(i, tuple):
                index.append(i[0] + next(axes))
            else:
                index.append(i)
        return index

    def refer(self, expr: tree.Name) -> NameTarget:
        """Follows a dotted name through the parts of this node."""
        node, shape = self.node, list(self.node.prefix)
        index: list[np.ndarray | tuple[int, int] | None] = list(self.domain.prefix)
        for part in expr.parts[:-1]:
            child = node.children.get(part.name)
            if child is None:
                raise unknown_name(part.name, node, expr)
            shape += child.dims
            index += self.indices(part, child.dims, expr)
            node = child
        last = expr.parts[-1]
        if last.name in node.declared and node.declared[last.name].kind == "const":
            constant = np.asarray(self.context.constant_of(node, last.name))
            own = self.indices(last, constant.shape, expr)
            return NameTarget(None, constant, constant.shape, tuple(own))
        block = node.blocks.get(last.name)
        if block is None:
            raise unknown_name(last.name, node, expr)
        own = block.shape[len(node.prefix) :]
        return NameTarget(block, None, block.shape, tuple(index + self.indices(last, own, expr)))

    def indices(self, part: tree.Part, dims: tuple[int, ...], expr: tree.Name):
        """Per dimension of `part`, counted from 0: positions, (first, count) of a range, or None for a whole axis."""
        if not part.indices:
            return [None] * len(dims)
        if len(part.indices) != len(dims):
            count = f"{len(dims)} " + ("index" if len(dims) == 1 else "indices")
            raise Fault("E0305", f"`{part.name}` takes {count}, not {len(part.indices)}", expr.span)
        found = []
        for i, length in zip(part.indices, dims, strict=True):
            if isinstance(i, tree.Range):
                first, last = self.bound(i.first), self.bound(i.last)
                self._inside(first, length, part, expr)
                self._inside(last, length, part, expr)
                found.append((int(first) - 1, int(last) - int(first) + 1))
                continue
            value = self.structural(i, f"the index of `{part.name}`")
            if np.any(value != np.round(value)):
                bad = float(np.ravel(value)[np.ravel(value != np.round(value))][0])
                raise Fault("E0304", f"the index {bad:g} of `{part.name}` is not a whole number", i.span)
            self._inside(value, length, part, expr)
            found.append(np.broadcast_to(value, (self.domain.size,)).astype(np.int64) - 1)
        return found

    def _inside(self, value, length: int, part: tree.Part, expr: tree.Name) -> None:
        wrong = np.ravel((np.asarray(value) < 1) | (np.asarray(value) > length))
        if np.any(wrong):
            bad = int(np.ravel(value)[np.argmax(wrong)])
            raise Fault(
                "E0303",
                f"the index {bad} of `{part.name}` is outside 1..{length}",
                expr.span,
                help="arrays count from 1; check the range of the loop" if length else None,
            )

    # --- structure ---

    def structural(self, expr: tree.Expr, what: str) -> np.ndarray:
        """A value that must be known at compile time."""
        value = self.expand(expr)
        if isinstance(value, tuple):
            raise Fault(
                "E0224",
                f"{what} must be known at compile time",
                expr.span,
                "this depends on a parameter or a variable",
                help="only `const` values, literals and loop indices are structural",
            )
        return value

    def bound(self, expr: tree.Expr) -> int:
        """The bound of a range, the same in all members."""
        value = np.ravel(self.whole(expr))
        if np.any(value != value[0]):
            raise Split(value == value[0])
        return int(value[0])

    def whole(self, expr: tree.Expr) -> np.ndarray:
        """The bound of a range, in every member."""
        value = self.structural(expr, "the bound of a range")
        # `1/h` of a step that is no binary fraction is a whole number but for rounding.
        wrong = np.ravel(np.abs(value - np.round(value)) > ROUNDING)
        if np.any(wrong):
            bad = float(np.ravel(value)[np.argmax(wrong)])
            raise Fault(
                "E0304",
                f"the bound {bad:g} of a range is not a whole number",
                expr.span,
                help="round it with `floor` or `ceil`",
            )
        beyond = np.ravel(~(np.abs(value) <= MOST_INDEX))
        if np.any(beyond):
            bad = float(np.ravel(value)[np.argmax(beyond)])
            raise Fault("E0304", f"the bound {bad:g} of a range is beyond all indices", expr.span)
        return np.round(value)

    def within(self, domain: IterationDomain) -> "StatementExpansion":
        """Another expansion for looking only: its slots are thrown away."""
        return self._like(
            StatementExpansion(
                self.context, self.node, domain, self.auxiliary, self.inside_sum, self.reducing
            )
        )

    def beside(
        self, terms: IterationDomain, auxiliary: bool = True, inside_sum: bool = False
    ) -> "StatementExpansion":
        """The expansion of the terms of a sum: a statement of its own."""
        return self._like(StatementExpansion(self.context, self.node, terms, auxiliary, inside_sum))

    def _like(self, other: "StatementExpansion") -> "StatementExpansion":
        other._divided, other.held = self._divided, self.held
        return other

    def bounds(self, expr: tree.Expr) -> tuple[int, int]:
        """The first value of an iterator, and how many there are."""
        if not isinstance(expr, tree.Range):
            return 1, self.bound(expr)
        first = self.bound(expr.first)
        return first, max(0, self.bound(expr.last) - first + 1)

    # --- operators ---

    def _binary(self, expr: tree.Binary) -> Value:
        if expr.operator in ("+", "-"):
            return self._chain(expr, ("+", "-"), np.add, "add", lambda v: self._negative(v))
        if expr.operator == "*":
            return self._chain(expr, ("*",), np.multiply, "mul", None)
        if expr.operator in ("and", "or"):
            return self._logical(expr)
        head, numeric = OPERATORS[expr.operator]
        left, right = self.expand(expr.left), self.expand(expr.right)
        if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
            with np.errstate(all="ignore"):
                value = np.asarray(numeric(left, right))
            if value.dtype != bool and not np.all(np.isfinite(value)):
                raise Fault("E0308", "this value is not a finite number", expr.span)
            return value
        if expr.operator == "/" and _is_zero(right):
            raise Fault("E0308", "this divides by zero", expr.right.span)
        return (head, self.lift(left), self.lift(right))

    def _logical(self, expr: tree.Binary) -> Value:
        """`and`, `or`: what the left side decides is not looked at on the right, where an index may be outside."""
        left = self.expand(expr.left)
        if isinstance(left, tuple):
            return (expr.operator, left, self.lift(self.expand(expr.right)))
        holds = np.broadcast_to(truth(left), (self.domain.size,))
        open_ = np.flatnonzero(holds == (expr.operator == "and"))
        if not len(open_):
            return holds
        if len(open_) == self.domain.size:
            right = self.expand(expr.right)
            return right if isinstance(right, tuple) else truth(right)
        right = self.within(self.domain.take(open_)).expand(expr.right)
        if isinstance(right, tuple):
            raise Split(holds)
        decided = holds.copy()
        decided[open_] = truth(right)
        return decided

    def _negative(self, value: Value) -> Value:
        return -value if isinstance(value, np.ndarray) else ("mul", MINUS_ONE, value)

    def _chain(self, expr: tree.Binary, operators, numeric, head: str, negate) -> Value:
        """`a + b - c + …` in one go: a sum of 20,000 terms must not recurse."""
        terms: list[tuple[str, tree.Expr]] = []
        node: tree.Expr = expr
        while (
            isinstance(node, tree.Binary)
            and node.operator in operators
            and (node is expr or id(node) not in self.context.shared)
        ):
            terms.append((node.operator, node.right))
            node = node.left
        terms.append((operators[0], node))
        known: np.ndarray | None = None
        parts: list[Skeleton] = []
        for operator, term in reversed(terms):
            value = self.expand(term)
            if operator == "-":
                value = negate(value)
            if not isinstance(value, tuple):
                known = np.asarray(value if known is None else numeric(known, value))
            else:
                parts.append(value)
        if not parts:
            assert known is not None
            return known
        if known is not None and not np.all(known == (0.0 if head == "add" else 1.0)):
            parts.insert(0, self.lift(known))
        return parts[0] if len(parts) == 1 else (head, *parts)

    def _if(self, expr: tree.If) -> Value:
        condition = self.expand(expr.condition)
        if isinstance(condition, np.ndarray):
            holds = np.broadcast_to(truth(condition), (self.domain.size,))
            if holds.size and not np.all(holds == holds[0]):
                raise Split(np.asarray(holds))
            return self.expand(expr.yes if holds.size and holds[0] else expr.no)
        return ("if", condition, self.lift(self.expand(expr.yes)), self.lift(self.expand(expr.no)))

    def _call(self, expr: tree.Call) -> Value:
        if isinstance(expr, tree.TableCall):
            return self._lookup(expr)
        if isinstance(expr, tree.NetworkCall):
            return network_call(self, expr)
        if expr.function == "der":
            return self._der(expr)
        if expr.function == "delay":
            return add_delay(self, expr)
        if expr.function in REDUCTIONS and len(expr.arguments) == 1:
            return reduce_array(self, expr)
        if expr.function in ARRAY_FUNCTIONS:
            return array_element(self, expr)
        values = [self.expand(a) for a in expr.arguments]
        if all(isinstance(v, np.ndarray) for v in values):
            with np.errstate(all="ignore"):
                value = np.asarray(FUNCTIONS[expr.function](*values))
            if not np.all(np.isfinite(value)):
                raise Fault("E0308", "this value is not a finite number", expr.span)
            return value
        if expr.function in _DIVIDES and _is_zero(values[1]):
            raise Fault("E0308", f"`{expr.function}` divides by zero here", expr.arguments[1].span)
        return ("call", expr.function, *(self.lift(v) for v in values))

    def _lookup(self, expr: tree.TableCall) -> Value:
        """A table at its arguments: `("lookup", (number, degree), x, …)`."""
        if isinstance(expr.table, Tabulated):
            data, name = expr.table.data, expr.function
        else:
            data, name = table_of(self.node, expr.function, expr)
        arguments = [self.lift(self.expand(a)) for a in expr.arguments]
        return ("lookup", self.context.tables.number(data, name), *arguments)

    def _der(self, expr: tree.Call) -> Value:
        argument = expr.arguments[0]
        if isinstance(argument, tree.Name) and argument.parts[0].name in self.domain.scalars:
            kind, column = self.domain.scalars[argument.parts[0].name]
            if kind == "var":
                return self.slot("der", column)
        elif isinstance(argument, tree.Name):
            reference = self.refer(argument)
            block = reference.block
            if block is not None and SLOT_KINDS[block.kind] == "var":
                index = self._complete(reference, argument)
                return self.slot("der", block.offset + positions(reference.shape, index, self.domain.size))
        raise Fault(
            "E0234",
            "`der` takes a variable",
            expr.span,
            help="declare a variable for this expression, then differentiate that",
        )

    # --- arrays and reductions ---

    def _literal(self, expr: tree.ArrayLiteral) -> Value:
        """Items by the position along the first open axis."""
        depth = len(shape_of(self, expr))
        axes = self.domain.axes
        if depth > len(axes):
            raise Fault("E0305", "an array stands where one number is needed", expr.span)
        here = axes[len(axes) - depth]
        inner = self.within(self.domain.with_axes(axes[len(axes) - depth + 1 :]))
        values = [inner.expand(item) for item in expr.items]
        if all(isinstance(v, np.ndarray) for v in values):
            stacked = np.stack([np.broadcast_to(v, (self.domain.size,)) for v in values])
            return stacked[here, np.arange(self.domain.size)]
        if np.any(here != here[0]):
            raise Split(here == here[0])
        outer, self.domain = self.domain, inner.domain
        try:
            return self.expand(expr.items[int(here[0])])
        finally:
            self.domain = outer

    def _element(self, expr: tree.Element) -> Value:
        """The array at the positions that the indices choose; a range takes its positions from the open axes."""
        shape = shape_of(self, expr.array)
        part = tree.Part("array", expr.indices)
        chosen = self.indices(part, shape, tree.Name((part,), expr.span))
        axes = self.domain.axes
        open_ = iter(axes[len(axes) - sum(isinstance(i, tuple) for i in chosen) :])
        found = [i[0] + next(open_) if isinstance(i, tuple) else np.asarray(i) for i in chosen]
        return self.at(expr.array, tuple(found))

    def at(self, expr: tree.Expr, axes: tuple[np.ndarray, ...]) -> Value:
        """The array `expr` at the positions `axes`, counted from 0."""
        outer, self.domain = self.domain, self.domain.with_axes(axes)
        try:
            return self.expand(expr)
        finally:
            self.domain = outer

    def comprehension(self, expr: tree.Comprehension) -> Value:
        """`(body for i in range)` as an array, or reduced by a function."""
        if expr.function is None:
            return self._array(expr)
        if (
            expr.function == "sum"
            and isinstance(expr.body, tree.Comprehension)
            and expr.body.function == "sum"
        ):
            merged = tree.Comprehension(
                "sum", expr.body.body, expr.iterators + expr.body.iterators, expr.span
            )
            return self.comprehension(merged)
        inner, owner = terms_of(self, expr.iterators)
        return reduce(self, expr.function, expr.body, inner, owner, expr.span)

    def _array(self, expr: tree.Comprehension) -> Value:
        """`(body for i in 1..N)`: the iterators follow the open axes."""
        axes = self.domain.axes
        count = len(expr.iterators)
        depth = len(shape_of(self, expr))
        here = axes[len(axes) - depth : len(axes) - depth + count]
        domain = self.domain.with_axes(axes[len(axes) - depth + count :])
        for iterator, axis in zip(expr.iterators, here, strict=True):
            first, _ = self.within(domain).bounds(iterator.range)
            domain = domain.bind(iterator.name, first + axis)
        outer, self.domain = self.domain, domain
        try:
            return self.expand(expr.body)
        finally:
            self.domain = outer
