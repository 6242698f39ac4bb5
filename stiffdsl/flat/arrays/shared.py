"""Parts of an expression that stand in it several times, because functions were put in place where they are used.

    f(a) = a*a/(1 + a)                      written out    (x + x*x/(1 + x))*(x + x*x/(1 + x))/…
    der(x) = -f(x + f(x))                   shared         h1 = x + h2,  h2 = x*x/(1 + x)

Functions of functions multiply: written out, seven levels would not fit in memory. Trees share such parts, as the same
objects; in a statement that is long written out, each becomes a hidden variable. Short ones stay as they are.

So do results of long functions, and their arguments: calls of one function are one family then, whatever they are
called with, and SymPy sees it once.
"""

from dataclasses import dataclass, fields
from functools import lru_cache

from stiffdsl.diagnostics import Span
from stiffdsl.flat.instance import Fault
from stiffdsl.syntax import tree

# Statements of more nodes than this, written out, are divided; parts of fewer than this stay in place.
LONG, SHORT = 400, 6
# The most nodes of an expression that may not be divided (a value of a parameter, a start).
MOST = 100_000

NOTHING: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class Sharing:
    """`size`: nodes of the expression written out; `parts`: identities of the nodes to share."""

    size: int
    parts: frozenset[int]


SHORT_ONE = Sharing(0, NOTHING)


def sharing(*expressions: tree.Expr) -> Sharing:
    """Common subexpressions of one long statement, which become hidden variables."""
    if not _is_long(expressions):
        return SHORT_ONE
    sizes: dict[int, int] = {}
    uses: dict[int, int] = {}
    functions: set[int] = set()
    waiting = [(e, False) for e in expressions]
    while waiting:
        e, counted = waiting.pop()
        if counted:
            sizes[id(e)] = 1 + sum(sizes[id(c)] for c in children(e))
            continue
        uses[id(e)] = uses.get(id(e), 0) + 1
        if uses[id(e)] == 1:
            if isinstance(e, tree.Inlined):
                functions |= {id(e.value), *map(id, e.arguments)}
            waiting.append((e, True))
            waiting += [(c, False) for c in children(e)]
    total = sum(sizes[id(e)] for e in expressions)
    parts = {k for k, count in uses.items() if count > 1 and sizes[k] >= SHORT}
    return Sharing(total, frozenset(parts | functions))


def _is_long(expressions: tuple[tree.Expr, ...]) -> bool:
    """Whether there are more than `LONG` nodes, written out; not one more is looked at."""
    waiting, count = list(expressions), 0
    while waiting and count <= LONG:
        waiting += children(waiting.pop())
        count += 1
    return count > LONG


def check_size(found: Sharing, span: Span) -> None:
    """Raises a `Fault` where an expression that cannot be divided is too long."""
    if found.size > MOST:
        raise Fault(
            "E0236",
            f"this expression has {found.size:.3g} operations once functions are put in place",
            span,
            help="give intermediate results a `param` or `var` of their own",
        )


@lru_cache(maxsize=100)
def _holding(kind: type) -> tuple[str, ...]:
    """The fields of a kind of node that may hold expressions; a function in place holds its arguments in its value."""
    if kind is tree.Inlined:
        return ("value",)
    return tuple(
        f.name for f in fields(kind) if f.name not in ("span", "name", "name_span", "table", "network")
    )


def children(e: object) -> list[tree.Expr]:
    """The expressions that an expression is made of."""
    found: list[tree.Expr] = []
    for name in _holding(type(e)):
        value = getattr(e, name)
        if isinstance(value, tuple):
            found += [v for v in value if hasattr(v, "span")]
        elif hasattr(value, "span"):
            found.append(value)
    return found
