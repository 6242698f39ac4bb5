"""Parts of an expression that stand in it several times, because functions were put in place where they are used.

    f(a) = a*a/(1 + a)                      written out    (x + x*x/(1 + x))*(x + x*x/(1 + x))/…
    der(x) = -f(x + f(x))                   shared         h1 = x + h2,  h2 = x*x/(1 + x)

Functions of functions multiply: written out, seven levels would not fit in memory. Trees share such parts, as the same
objects; in a statement that is long written out, each becomes a hidden variable. Short ones stay as they are.

So do results of long functions, and their arguments: calls of one function are one family then, whatever they are
called with, and SymPy sees it once.
"""

from collections import Counter
from dataclasses import dataclass

from stiffdsl.diagnostics import Span
from stiffdsl.flat.arrays.expression_graph import children, nodes
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
    uses = Counter(map(id, expressions))
    functions: set[int] = set()
    for e in nodes(*expressions):
        parts = children(e)
        sizes[id(e)] = 1 + sum(sizes[id(part)] for part in parts)
        uses.update(map(id, parts))
        if isinstance(e, tree.Inlined):
            functions |= {id(e.value), *map(id, e.arguments)}
    total = sum(sizes[id(e)] for e in expressions)
    shared = {k for k, count in uses.items() if count > 1 and sizes[k] >= SHORT}
    return Sharing(total, frozenset(shared | functions))


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
