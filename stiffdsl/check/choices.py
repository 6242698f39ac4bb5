"""Blocks of equations whose condition changes in a run: one equation for those of all branches at one place.

if open then                                      v = if open then 0 else R*i
  v = 0                           becomes
else                                              (if open then i else v) = 0   where the left sides differ,
  v = R*i                                         each side of an equation as its difference
end
"""

from collections.abc import Sequence

from stiffdsl.diagnostics import Span
from stiffdsl.syntax import tree


class Unpaired(Exception):
    """Branches that do not hold equations one for one; `span` is the first that has no counterpart."""

    def __init__(self, span: Span, reason: str):
        super().__init__(reason)
        self.span, self.reason = span, reason


def chosen(
    conditions: Sequence[tree.Expr], bodies: Sequence[tuple[tree.Statement, ...]], span: Span
) -> tuple[tree.Statement, ...]:
    """One statement for each place of the branches, of which the first whose condition holds counts; the last body has
    no condition. Raises `Unpaired`."""
    counts = [len(body) for body in bodies]
    if len(set(counts)) > 1:
        longest = max(bodies, key=len)
        raise Unpaired(longest[min(counts)].span, "has no counterpart in the other branches")
    return tuple(_paired(conditions, each, span) for each in zip(*bodies, strict=True))


def _paired(conditions: Sequence[tree.Expr], each: tuple[tree.Statement, ...], span: Span) -> tree.Statement:
    first = each[0]
    equations = [s for s in each if isinstance(s, tree.Equation)]
    if len(equations) == len(each):
        return _equation(conditions, equations, span)
    loops = [s for s in each if isinstance(s, tree.For)]
    if len(loops) == len(each) and all(loop.iterators == loops[0].iterators for loop in loops):
        body = chosen(conditions, [loop.body for loop in loops], span)
        return tree.For(loops[0].iterators, body, loops[0].span)
    wrong = next((s for s in each if not isinstance(s, tree.Equation | tree.For)), first)
    raise Unpaired(wrong.span, "is no equation that the other branches have a counterpart of")


def _equation(conditions: Sequence[tree.Expr], each: list[tree.Equation], span: Span) -> tree.Equation:
    if all(e.left == each[0].left for e in each):
        return tree.Equation(each[0].left, _choice(conditions, [e.right for e in each]), span)
    zero = tree.Number(0.0, None, span)
    differences: list[tree.Expr] = [
        e.left if e.right == zero else tree.Binary("-", e.left, e.right, e.span) for e in each
    ]
    return tree.Equation(_choice(conditions, differences), zero, span)


def _choice(conditions: Sequence[tree.Expr], values: Sequence[tree.Expr]) -> tree.Expr:
    chosen_ = values[-1]
    for condition, value in zip(reversed(conditions), reversed(values[:-1]), strict=True):
        chosen_ = tree.If(condition, value, chosen_, value.span)
    return chosen_
