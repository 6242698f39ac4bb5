"""The shapes of expressions over whole arrays, found without evaluating them."""

import numpy as np

from stiffdsl.check.array_functions import ARRAY_FUNCTIONS
from stiffdsl.diagnostics import did_you_mean
from stiffdsl.flat.expander import Expander
from stiffdsl.flat.instance import Fault, Node
from stiffdsl.flat.numeric import REDUCTIONS
from stiffdsl.syntax import tree

# NumPy takes no more than 32 or 64; nobody needs more than a few.
MOST_DIMENSIONS = 16


def shape_of(look: Expander, expr: tree.Expr) -> tuple[int, ...]:
    """The shape of a whole-array expression; `()` for a number. That of a shared part is found once."""
    if id(expr) not in look.context.shared:
        return _shape_of(look, expr)
    key = id(expr), id(look.domain)
    if key not in look.context.shapes:
        look.context.shapes[key] = look.domain, _shape_of(look, expr)
    return look.context.shapes[key][1]


def _shape_of(look: Expander, expr: tree.Expr) -> tuple[int, ...]:
    match expr:
        case tree.Number() | tree.Text():
            return ()
        case tree.Name():
            first = expr.parts[0]
            if len(expr.parts) == 1 and (
                first.name in look.domain.iterators
                or first.name in look.domain.scalars
                or first.name in ("time", "pi", "true", "false")
            ):
                return ()
            return _free(look, expr)
        case tree.Unary():
            return shape_of(look, expr.operand)
        case tree.Binary():
            shape: tuple[int, ...] = ()
            node: tree.Expr = expr
            while isinstance(node, tree.Binary) and (node is expr or id(node) not in look.context.shared):
                shape = _joined(shape, shape_of(look, node.right), expr)
                node = node.left
            return _joined(shape, shape_of(look, node), expr)
        case tree.If():
            if isinstance(expr.condition, tree.Name | tree.Binary | tree.Unary | tree.Call):
                joined = _joined(shape_of(look, expr.yes), shape_of(look, expr.no), expr)
                return _joined(joined, shape_of(look, expr.condition), expr)
            return _joined(shape_of(look, expr.yes), shape_of(look, expr.no), expr)
        case tree.Call():
            if expr.function in REDUCTIONS and len(expr.arguments) == 1:
                return ()
            if expr.function in ARRAY_FUNCTIONS:
                return _array_shape(look, expr)
            if isinstance(expr, tree.NetworkCall):
                _, network = look.context.network(look.node, expr)
                if network.whole:
                    return network.result
            joined = ()
            for argument in expr.arguments:
                joined = _joined(joined, shape_of(look, argument), expr)
            return joined
        case tree.ArrayLiteral():
            inner = shape_of(look, expr.items[0]) if expr.items else ()
            if len(inner) >= MOST_DIMENSIONS:
                raise Fault("E0305", f"an array has at most {MOST_DIMENSIONS} indices", expr.span)
            return (len(expr.items), *inner)
        case tree.Range():
            return (max(0, look.bound(expr.last) - look.bound(expr.first) + 1),)
        case tree.Inlined():
            return shape_of(look, expr.value)
        case tree.Element():
            return open_axes(look, expr.indices)
        case tree.Comprehension():
            if expr.function is not None:
                return ()
            lengths, inner = [], look
            for iterator in expr.iterators:
                first, count = inner.bounds(iterator.range)
                lengths.append(count)
                inner = look.within(
                    inner.domain.bind(iterator.name, np.full(look.domain.size, first, dtype=np.int64))
                )
            return tuple(lengths) + (shape_of(inner, expr.body) if all(lengths) else ())
    raise AssertionError(expr)


def _free(look: Expander, expr: tree.Name) -> tuple[int, ...]:
    """The shape of a name. Its indices are not evaluated: a branch that is not taken may be out of range."""
    node, shape = look.node, []
    for part in expr.parts[:-1]:
        child = node.children.get(part.name)
        if child is None:
            raise unknown_name(part.name, node, expr)
        shape += _open(look, part, child.dims)
        node = child
    last = expr.parts[-1]
    if last.name in node.declared and node.declared[last.name].kind == "const":
        return (*shape, *_open(look, last, np.shape(look.context.constant_of(node, last.name))))
    block = node.blocks.get(last.name)
    if block is None:
        raise unknown_name(last.name, node, expr)
    return (*shape, *_open(look, last, block.shape[len(node.prefix) :]))


def _open(look: Expander, part: tree.Part, dims: tuple[int, ...]) -> tuple[int, ...]:
    """The lengths of the axes that the indices of `part` leave: all, or one for each range."""
    return open_axes(look, part.indices) if part.indices else dims


def open_axes(look: Expander, indices: tuple[tree.Expr, ...]) -> tuple[int, ...]:
    """The lengths of the ranges among `indices`."""
    ranges = (i for i in indices if isinstance(i, tree.Range))
    return tuple(max(0, look.bound(r.last) - look.bound(r.first) + 1) for r in ranges)


def _joined(a: tuple[int, ...], b: tuple[int, ...], expr: tree.Expr) -> tuple[int, ...]:
    if a and b and a != b:
        raise _unfit(a, b, expr)
    return a or b


def _unfit(a: tuple[int, ...], b: tuple[int, ...], expr: tree.Expr) -> Fault:
    return Fault("E0305", f"{lengths(a)} and {lengths(b)} do not fit together", expr.span)


def _array_shape(look: Expander, call: tree.Call) -> tuple[int, ...]:
    """The shape of `call`; raises `Fault` where its arguments do not fit together."""
    shapes = [shape_of(look, a) for a in call.arguments]
    if call.function == "transpose":
        return shapes[0][::-1]
    if call.function == "join":
        for argument, shape in zip(call.arguments, shapes, strict=True):
            if shape[1:] != shapes[0][1:]:
                raise _unfit(shapes[0], shape, argument)
        return (sum(shape[0] if shape else 1 for shape in shapes), *shapes[0][1:])
    left, right = shapes
    if not left or not right or left[-1] != right[0]:
        raise _unfit(left, right, call)
    return (*left[:-1], *right[1:])


def lengths(shape: tuple[int, ...]) -> str:
    """A shape in words."""
    return f"an array of {' x '.join(map(str, shape))}" if shape else "a single number"


def text(expr: tree.Name) -> str:
    """A name as the user wrote it, indices left open."""
    return ".".join(p.name + ("[…]" if p.indices else "") for p in expr.parts)


def unknown_name(name: str, node: Node, expr: tree.Name) -> Fault:
    if name in node.absent:
        return Fault(
            "E0309",
            f"there is no `{name}`: the condition of its declaration does not hold",
            expr.span,
            "mentions it",
            help="put the equation into an `if … then … end` with that condition",
        )
    known = [*node.declared, *node.children]
    return Fault(
        "E0221", f"there is no `{name}` in `{node.cls.name}`", expr.span, help=did_you_mean(name, known)
    )
