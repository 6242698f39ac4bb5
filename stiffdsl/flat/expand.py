"""Expands expressions over a domain: structural values become arrays, everything else a skeleton with slots.

An expression yields either a NumPy array (known at compile time; one value, or one per member) or a skeleton
(`flat/template.py`). The slots of a statement are collected on the way.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from stiffdsl.diagnostics import Span, did_you_mean
from stiffdsl.flat.domain import Domain
from stiffdsl.flat.families import Rows
from stiffdsl.flat.instance import Fault, Node, positions
from stiffdsl.flat.model import Block
from stiffdsl.flat.template import Skeleton
from stiffdsl.syntax import tree

if TYPE_CHECKING:
    from stiffdsl.flat.flatten import Builder

# A sum of at most this many terms is written out in its template, where it can be solved and simplified.
WRITTEN_OUT = 8
# What a computed size or bound may be off a whole number.
ROUNDING = 1e-9
# NumPy takes no more than 32 or 64; nobody needs more than a few.
MOST_DIMENSIONS = 16

Value = np.ndarray | Skeleton

MINUS_ONE: Skeleton = ("num", -1.0)

_NUMERIC: dict[str, Callable] = {
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "exp": np.exp,
    "log": np.log,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "mod": lambda a, b: a - b * np.floor(a / b),
    "smooth_step": lambda x, width: (1 + np.tanh(x / width)) / 2,
    "min": lambda *args: np.minimum.reduce(np.broadcast_arrays(*args)),
    "max": lambda *args: np.maximum.reduce(np.broadcast_arrays(*args)),
}

_ARITHMETIC: dict[str, tuple[str, Callable]] = {
    "*": ("mul", np.multiply),
    "/": ("div", np.divide),
    "^": ("pow", np.power),
    "<": ("<", np.less),
    "<=": ("<=", np.less_equal),
    ">": (">", np.greater),
    ">=": (">=", np.greater_equal),
    "==": ("==", np.equal),
    "!=": ("!=", np.not_equal),
    "and": ("and", np.logical_and),
    "or": ("or", np.logical_or),
}

_REDUCE = {"sum": "add", "prod": "mul", "min": "min", "max": "max"}


class Split(Exception):
    """A structural condition differs between members: expand the two halves on their own."""

    def __init__(self, mask: np.ndarray):
        self.mask = mask
        super().__init__("split")


@dataclass(frozen=True, eq=False)
class Reference:
    """Where a name leads: `index[k]` is the position along dimension k, or None where the whole axis is meant."""

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


@dataclass(eq=False)
class Expansion:
    """One statement in one domain. `auxiliary`: hidden variables may be made (equations), or not (values)."""

    builder: "Builder"
    node: Node
    domain: Domain
    auxiliary: bool = True
    inside_sum: bool = False
    kinds: list[str] = field(default_factory=list)
    columns: list[np.ndarray] = field(default_factory=list)
    sums: list[tuple[Rows, np.ndarray]] = field(default_factory=list)
    _known: dict[tuple[str, bytes], int] = field(default_factory=dict)

    def rows(self, skeleton: Skeleton, span: Span) -> Rows:
        """What was expanded, ready for a family."""
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
        return self.slot("const", self.builder.constant_ids(value))

    def expand(self, expr: tree.Expr) -> Value:
        """The value of `expr` in this domain."""
        value = self._expand(expr)
        return value if isinstance(value, tuple) else np.asarray(value)

    def _expand(self, expr: tree.Expr) -> Value:
        match expr:
            case tree.Number():
                return np.array(expr.value)
            case tree.Name():
                return self._name(expr)
            case tree.Unary():
                inner = self.expand(expr.operand)
                if expr.operator == "not":
                    return ~_truth(inner) if isinstance(inner, np.ndarray) else ("not", inner)
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
                return self._comprehension(expr)
            case tree.Range():
                return self._bound(expr.first) + self.domain.axes[0]
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

    def _complete(self, reference: Reference, expr: tree.Name) -> list[np.ndarray]:
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

    def refer(self, expr: tree.Name) -> Reference:
        """Follows a dotted name through the parts of this node."""
        node, shape = self.node, list(self.node.prefix)
        index: list[np.ndarray | tuple[int, int] | None] = list(self.domain.prefix)
        for part in expr.parts[:-1]:
            child = node.children.get(part.name)
            if child is None:
                raise unknown_name(part.name, node, expr)
            shape += child.dims
            index += self._indices(part, child.dims, expr)
            node = child
        last = expr.parts[-1]
        if last.name in node.declared and node.declared[last.name].kind == "const":
            constant = np.asarray(self.builder.constant_of(node, last.name))
            own = self._indices(last, constant.shape, expr)
            return Reference(None, constant, constant.shape, tuple(own))
        block = node.blocks.get(last.name)
        if block is None:
            raise unknown_name(last.name, node, expr)
        own = block.shape[len(node.prefix) :]
        return Reference(block, None, block.shape, tuple(index + self._indices(last, own, expr)))

    def _indices(self, part: tree.Part, dims: tuple[int, ...], expr: tree.Name):
        if not part.indices:
            return [None] * len(dims)
        if len(part.indices) != len(dims):
            count = f"{len(dims)} " + ("index" if len(dims) == 1 else "indices")
            raise Fault("E0305", f"`{part.name}` takes {count}, not {len(part.indices)}", expr.span)
        found = []
        for i, length in zip(part.indices, dims, strict=True):
            if isinstance(i, tree.Range):
                first, last = self._bound(i.first), self._bound(i.last)
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

    def _bound(self, expr: tree.Expr) -> int:
        value = np.ravel(self._whole(expr))
        if np.any(value != value[0]):
            raise Split(value == value[0])
        return int(value[0])

    def _whole(self, expr: tree.Expr) -> np.ndarray:
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
        return np.round(value)

    def shape(self, expr: tree.Expr) -> tuple[int, ...]:
        """The shape of a whole-array expression; `()` for a number."""
        match expr:
            case tree.Number() | tree.Text():
                return ()
            case tree.Name():
                first = expr.parts[0]
                if len(expr.parts) == 1 and (
                    first.name in self.domain.iterators
                    or first.name in self.domain.scalars
                    or first.name in ("time", "pi", "true", "false")
                ):
                    return ()
                return self._free(expr)
            case tree.Unary():
                return self.shape(expr.operand)
            case tree.Binary():
                shape: tuple[int, ...] = ()
                node: tree.Expr = expr
                while isinstance(node, tree.Binary):
                    shape = self._joined(shape, self.shape(node.right), expr)
                    node = node.left
                return self._joined(shape, self.shape(node), expr)
            case tree.If():
                if isinstance(expr.condition, tree.Name | tree.Binary | tree.Unary | tree.Call):
                    joined = self._joined(self.shape(expr.yes), self.shape(expr.no), expr)
                    return self._joined(joined, self.shape(expr.condition), expr)
                return self._joined(self.shape(expr.yes), self.shape(expr.no), expr)
            case tree.Call():
                if expr.function in _REDUCE and len(expr.arguments) == 1:
                    return ()
                joined = ()
                for argument in expr.arguments:
                    joined = self._joined(joined, self.shape(argument), expr)
                return joined
            case tree.ArrayLiteral():
                inner = self.shape(expr.items[0]) if expr.items else ()
                if len(inner) >= MOST_DIMENSIONS:
                    raise Fault("E0305", f"an array has at most {MOST_DIMENSIONS} indices", expr.span)
                return (len(expr.items), *inner)
            case tree.Range():
                return (max(0, self._bound(expr.last) - self._bound(expr.first) + 1),)
            case tree.Comprehension():
                if expr.function is not None:
                    return ()
                lengths, inner = [], self
                for iterator in expr.iterators:
                    first, count = inner._range(iterator.range)
                    lengths.append(count)
                    inner = self._with(
                        inner.domain.bind(iterator.name, np.full(self.domain.size, first, dtype=np.int64))
                    )
                return tuple(lengths) + (inner.shape(expr.body) if all(lengths) else ())
        raise AssertionError(expr)

    def _free(self, expr: tree.Name) -> tuple[int, ...]:
        """The shape of a name. Its indices are not evaluated: a branch that is not taken may be out of range."""
        node, shape = self.node, []
        for part in expr.parts[:-1]:
            child = node.children.get(part.name)
            if child is None:
                raise unknown_name(part.name, node, expr)
            shape += self._open(part, child.dims)
            node = child
        last = expr.parts[-1]
        if last.name in node.declared and node.declared[last.name].kind == "const":
            return (*shape, *self._open(last, np.shape(self.builder.constant_of(node, last.name))))
        block = node.blocks.get(last.name)
        if block is None:
            raise unknown_name(last.name, node, expr)
        return (*shape, *self._open(last, block.shape[len(node.prefix) :]))

    def _open(self, part: tree.Part, dims: tuple[int, ...]) -> tuple[int, ...]:
        """The lengths of the axes that the indices of `part` leave: all, or one for each range."""
        if not part.indices:
            return dims
        ranges = (i for i in part.indices if isinstance(i, tree.Range))
        return tuple(max(0, self._bound(r.last) - self._bound(r.first) + 1) for r in ranges)

    def _joined(self, a: tuple[int, ...], b: tuple[int, ...], expr: tree.Expr) -> tuple[int, ...]:
        if a and b and a != b:
            raise Fault(
                "E0305",
                f"{lengths(a)} and {lengths(b)} do not fit together",
                expr.span,
            )
        return a or b

    def _with(self, domain: Domain) -> "Expansion":
        """Another expansion for looking only: its slots are thrown away."""
        return Expansion(self.builder, self.node, domain, self.auxiliary, self.inside_sum)

    def _range(self, expr: tree.Expr) -> tuple[int, int]:
        if not isinstance(expr, tree.Range):
            return 1, self._bound(expr)
        first = self._bound(expr.first)
        return first, max(0, self._bound(expr.last) - first + 1)

    # --- operators ---

    def _binary(self, expr: tree.Binary) -> Value:
        if expr.operator in ("+", "-"):
            return self._chain(expr, ("+", "-"), np.add, "add", lambda v: self._negative(v))
        if expr.operator == "*":
            return self._chain(expr, ("*",), np.multiply, "mul", None)
        head, numeric = _ARITHMETIC[expr.operator]
        left, right = self.expand(expr.left), self.expand(expr.right)
        if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
            if expr.operator in ("and", "or"):
                left, right = _truth(left), _truth(right)
            with np.errstate(all="ignore"):
                value = np.asarray(numeric(left, right))
            if value.dtype != bool and not np.all(np.isfinite(value)):
                raise Fault("E0308", "this value is not a finite number", expr.span)
            return value
        return (head, self.lift(left), self.lift(right))

    def _negative(self, value: Value) -> Value:
        return -value if isinstance(value, np.ndarray) else ("mul", MINUS_ONE, value)

    def _chain(self, expr: tree.Binary, operators, numeric, head: str, negate) -> Value:
        """`a + b - c + …` in one go: a sum of 20,000 terms must not recurse."""
        terms: list[tuple[str, tree.Expr]] = []
        node: tree.Expr = expr
        while isinstance(node, tree.Binary) and node.operator in operators:
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
            truth = np.broadcast_to(_truth(condition), (self.domain.size,))
            if truth.size and not np.all(truth == truth[0]):
                raise Split(np.asarray(truth))
            return self.expand(expr.yes if truth.size and truth[0] else expr.no)
        return ("if", condition, self.lift(self.expand(expr.yes)), self.lift(self.expand(expr.no)))

    def _call(self, expr: tree.Call) -> Value:
        if expr.function == "der":
            return self._der(expr)
        if expr.function in _REDUCE and len(expr.arguments) == 1:
            return self._reduce_array(expr)
        values = [self.expand(a) for a in expr.arguments]
        if all(isinstance(v, np.ndarray) for v in values):
            with np.errstate(all="ignore"):
                value = np.asarray(_NUMERIC[expr.function](*values))
            if not np.all(np.isfinite(value)):
                raise Fault("E0308", "this value is not a finite number", expr.span)
            return value
        return ("call", expr.function, *(self.lift(v) for v in values))

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
        depth = len(self.shape(expr))
        axes = self.domain.axes
        if depth > len(axes):
            raise Fault("E0305", "an array stands where one number is needed", expr.span)
        here = axes[len(axes) - depth]
        inner = self._with(self.domain.with_axes(axes[len(axes) - depth + 1 :]))
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

    def _comprehension(self, expr: tree.Comprehension) -> Value:
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
            return self._comprehension(merged)
        inner, owner = self._terms(expr.iterators)
        return self._reduce(expr.function, expr.body, inner, owner, expr.span)

    def _array(self, expr: tree.Comprehension) -> Value:
        """`(body for i in 1..N)`: the iterators follow the open axes."""
        axes = self.domain.axes
        count = len(expr.iterators)
        depth = len(self.shape(expr))
        here = axes[len(axes) - depth : len(axes) - depth + count]
        domain = self.domain.with_axes(axes[len(axes) - depth + count :])
        for iterator, axis in zip(expr.iterators, here, strict=True):
            first, _ = self._with(domain)._range(iterator.range)
            domain = domain.bind(iterator.name, first + axis)
        outer, self.domain = self.domain, domain
        try:
            return self.expand(expr.body)
        finally:
            self.domain = outer

    def _terms(self, iterators: tuple[tree.Iterator, ...]) -> tuple[Domain, np.ndarray]:
        """The domain of all terms of a reduction, and the member that owns each."""
        domain, owner = self.domain, np.arange(self.domain.size)
        for iterator in iterators:
            look = self._with(domain)
            span = iterator.range
            first = look._whole(span.first) if isinstance(span, tree.Range) else np.ones(domain.size)
            last = look._whole(span.last if isinstance(span, tree.Range) else span)
            first, last = np.broadcast_to(first, domain.size), np.broadcast_to(last, domain.size)
            counts = np.maximum(0, last - first + 1).astype(np.int64)
            rows = np.repeat(np.arange(domain.size), counts)
            within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
            domain = domain.take(rows).bind(iterator.name, first[rows].astype(np.int64) + within)
            owner = owner[rows]
        return domain, owner

    def _reduce_array(self, expr: tree.Call) -> Value:
        """`sum(x)`, `max(x)` of a whole array."""
        argument = expr.arguments[0]
        if isinstance(argument, tree.Comprehension) and argument.function is None:
            return self._comprehension(
                tree.Comprehension(expr.function, argument.body, argument.iterators, expr.span)
            )
        shape = self.shape(argument)
        if not shape:
            return self.expand(argument)
        count = int(np.prod(shape))
        owner = np.repeat(np.arange(self.domain.size), count)
        return self._reduce(expr.function, argument, self.domain.product(shape), owner, expr.span)

    def _reduce(self, function: str, body: tree.Expr, terms: Domain, owner: np.ndarray, span: Span) -> Value:
        members = self.domain.size
        counts = np.bincount(owner, minlength=members)
        numeric = self._numeric_terms(body, terms)
        if numeric is not None:
            return _reduce_numeric(function, numeric, owner, counts, span)
        uniform = members > 0 and bool(np.all(counts == counts[0]))
        if uniform and (counts[0] <= WRITTEN_OUT or not self.auxiliary):
            return self._written_out(function, body, terms, int(counts[0]), span)
        if function == "sum" and not self.inside_sum and self.auxiliary:
            inner = Expansion(self.builder, self.node, terms, inside_sum=True)
            skeleton = inner.lift(inner.expand(body))
            self.sums.append((inner.rows(skeleton, span), owner))
            return ("total", len(self.sums) - 1)
        if not uniform and (function != "sum" or not self.auxiliary):
            raise Split(counts == counts[0])
        return self._through_variables(function, body, terms, owner, span)

    def _numeric_terms(self, body: tree.Expr, terms: Domain) -> np.ndarray | None:
        look = Expansion(self.builder, self.node, terms.take(np.arange(min(1, terms.size))), False)
        if not terms.size:
            return np.zeros(0)
        if isinstance(look.expand(body), tuple):
            return None
        value = Expansion(self.builder, self.node, terms, False).expand(body)
        return np.broadcast_to(value, (terms.size,)) if isinstance(value, np.ndarray) else None

    def _written_out(self, function: str, body: tree.Expr, terms: Domain, count: int, span: Span) -> Value:
        outer = self.domain
        values: list[Skeleton] = []
        for k in range(count):
            self.domain = terms.take(np.arange(outer.size) * count + k)
            try:
                values.append(self.lift(self.expand(body)))
            finally:
                self.domain = outer
        if not values:
            return _reduce_numeric(function, np.zeros(0), np.zeros(0, int), np.zeros(1, int), span)
        if len(values) == 1:
            return values[0]
        head = _REDUCE[function]
        return ("call", head, *values) if head in ("min", "max") else (head, *values)

    def _through_variables(
        self, function: str, body: tree.Expr, terms: Domain, owner: np.ndarray, span: Span
    ) -> Value:
        """A long `prod`, `min`, `max`, or a sum inside a sum: hidden variables hold the intermediate values.

        `prod`, `min` and `max` are taken pairwise, so that N terms need log2(N) families, not N.
        """
        builder = self.builder
        members = self.domain.size
        if function == "sum":
            inner = Expansion(builder, self.node, terms, inside_sum=True)
            skeleton = inner.lift(inner.expand(body))
            hidden = builder.hidden(members, "sum", span)
            columns = (hidden + np.arange(members),)
            difference = ("add", ("slot", 0), ("mul", MINUS_ONE, ("total", 0)))
            rows = Rows(difference, ("var",), columns, ((inner.rows(skeleton, span), owner),), members, span)
            builder.equations.add(rows)
            return self.slot("var", columns[0])
        inner = Expansion(builder, self.node, terms)
        value = inner.lift(inner.expand(body))
        level = builder.hidden(terms.size, function, span) + np.arange(terms.size)
        slot = inner.slot("var", level)
        builder.equations.add(inner.rows(("add", slot, ("mul", MINUS_ONE, value)), span))
        level = level.reshape(members, -1)
        while level.shape[1] > 1:
            pairs = level.shape[1] // 2
            made = builder.hidden(members * pairs, function, span) + np.arange(members * pairs)
            a, b = level[:, : 2 * pairs : 2].ravel(), level[:, 1 : 2 * pairs : 2].ravel()
            s0, s1, s2 = ("slot", 0), ("slot", 1), ("slot", 2)
            joined = ("mul", s1, s2) if function == "prod" else ("call", function, s1, s2)
            builder.equations.add(
                Rows(("add", s0, ("mul", MINUS_ONE, joined)), ("var",) * 3, (made, a, b), (), len(a), span)
            )
            level = np.concatenate([made.reshape(members, pairs), level[:, 2 * pairs :]], axis=1)
        return self.slot("var", level[:, 0])


SLOT_KINDS = {
    "var": "var",
    "output": "var",
    "potential": "var",
    "flow": "var",
    "hidden": "var",
    "param": "param",
    "input": "input",
}


def _truth(value: np.ndarray) -> np.ndarray:
    return value if value.dtype == bool else value != 0


def _reduce_numeric(function: str, values: np.ndarray, owner: np.ndarray, counts: np.ndarray, span: Span):
    start = {"sum": 0.0, "prod": 1.0, "min": np.inf, "max": -np.inf}[function]
    if function in ("min", "max") and np.any(counts == 0):
        raise Fault("E0308", f"`{function}` of nothing has no value", span)
    result = np.full(len(counts), start)
    {"sum": np.add, "prod": np.multiply, "min": np.minimum, "max": np.maximum}[function].at(
        result, owner, values
    )
    return result


def lengths(shape: tuple[int, ...]) -> str:
    """A shape in words."""
    return f"an array of {' x '.join(map(str, shape))}" if shape else "a single number"


def text(expr: tree.Name) -> str:
    """A name as the user wrote it, indices left open."""
    return ".".join(p.name + ("[…]" if p.indices else "") for p in expr.parts)


def unknown_name(name: str, node: Node, expr: tree.Name) -> Fault:
    known = [*node.declared, *node.children]
    return Fault(
        "E0221", f"there is no `{name}` in `{node.cls.name}`", expr.span, help=did_you_mean(name, known)
    )
