"""Functions of whole arrays: `matmul`, `transpose`, `dot`, `join`; their ranks and dimensions."""

from collections.abc import Callable
from dataclasses import replace

from stiffdsl.check.names import count_of, is_wrong
from stiffdsl.check.quantities import dimensions
from stiffdsl.check.report import Report
from stiffdsl.check.typed import Typed
from stiffdsl.syntax import tree

# By name: the least and the greatest number of arguments.
ARRAY_FUNCTIONS: dict[str, tuple[int, int | None]] = {
    "matmul": (2, 2),
    "transpose": (1, 1),
    "dot": (2, 2),
    "join": (1, None),
}

Mismatch = Callable[[tree.Expr, tree.Expr, Typed, Typed], None]


def array_function(call: tree.Call, arguments: list[Typed], report: Report, mismatch: Mismatch) -> Typed:
    """The value of a call of one of `ARRAY_FUNCTIONS` with as many arguments as it takes.

    `mismatch` tells of two arguments whose dimensions differ.
    """
    expr = call
    if any(a.expr is not b for a, b in zip(arguments, call.arguments, strict=True)):
        expr = replace(call, arguments=tuple([a.expr for a in arguments]))
    level, bare = max(a.level for a in arguments), all(a.bare for a in arguments)
    first = arguments[0]
    dimension = first.dimension
    if call.function in ("matmul", "dot"):
        dimension = dimensions.product(first.dimension, arguments[1].dimension)
    elif call.function == "join":
        for argument, value in zip(call.arguments, arguments, strict=True):
            if not dimensions.agree(dimension, value.dimension):
                mismatch(call.arguments[0], argument, first, value)
            dimension = value.dimension if dimension is None else dimension
    rank = _RANKS[call.function](call, arguments, report)
    kept = first.offsets if all(a.offsets == first.offsets for a in arguments) else None
    kept = kept if call.function in ("transpose", "join") else None
    if call.function == "dot":
        product = tree.Binary("*", arguments[0].expr, arguments[1].expr, call.span)
        return Typed(tree.Call("sum", (product,), (), call.span), dimension, rank, level, bare)
    return Typed(expr, dimension, rank, level, bare, None, False, kept)


def _wrong_rank(
    call: tree.Call, k: int, value: Typed, wants: str, report: Report, help: str | None = None
) -> None:
    if is_wrong(value):
        return
    has = f"has {count_of(value.rank, 'index', 'indices')}" if value.rank else "is a single number"
    report.say(
        "E0226", f"`{call.function}` takes {wants}", (call.arguments[k].span, f"this {has}"), help=help
    )


def _matmul(call: tree.Call, arguments: list[Typed], report: Report) -> int:
    ranks = [a.rank for a in arguments]
    if ranks == [1, 1]:
        _wrong_rank(call, 1, arguments[1], "a matrix and a matrix or vector", report, "write `dot(x, y)`")
        return 0
    for k, rank in enumerate(ranks):
        if rank not in (1, 2):
            help = "write `*` for the product with a number" if rank == 0 else None
            _wrong_rank(call, k, arguments[k], "matrices and vectors", report, help)
            return 1
    return sum(ranks) - 2


def _transpose(call: tree.Call, arguments: list[Typed], report: Report) -> int:
    if arguments[0].rank != 2:
        _wrong_rank(call, 0, arguments[0], "a matrix", report)
    return 2


def _dot(call: tree.Call, arguments: list[Typed], report: Report) -> int:
    for k, value in enumerate(arguments):
        if value.rank != 1:
            help = "a matrix times a vector is `matmul(A, x)`" if value.rank == 2 else None
            _wrong_rank(call, k, value, "two vectors", report, help)
            break
    return 0


def _join(call: tree.Call, arguments: list[Typed], report: Report) -> int:
    rank = max(1, *(a.rank for a in arguments))
    for k, value in enumerate(arguments):
        if value.rank != rank and not (rank == 1 and value.rank == 0):
            _wrong_rank(call, k, value, "arrays of equally many indices", report)
            break
    return rank


_RANKS: dict[str, Callable[[tree.Call, list[Typed], Report], int]] = {
    "matmul": _matmul,
    "transpose": _transpose,
    "dot": _dot,
    "join": _join,
}
