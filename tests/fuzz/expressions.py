"""Random expressions over given leaves: finite for values around one, unless edges are asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from .tree import Node, num

NUMBERS = ("0.5", "2", "3", "0.1", "1.5", "1e-1", "0.25", "1", "0.7", "2.5e0", "0.333")
BOUNDED = ("sin", "cos", "tanh", "atan")


@dataclass
class Material:
    """Material of random expressions. `functions`: the number of arguments of each function of the model.

    `smooth`: no jumps by unknowns; `edges`: laws whose derivatives are finite only if they are written with care.
    """

    rng: Random
    leaves: Sequence[Node]
    parameters: Sequence[Node] = ()
    functions: Mapping[str, int] = field(default_factory=dict)
    arrays: Sequence[tuple[str, int]] = ()
    smooth: bool = False
    edges: bool = False
    time: bool = True

    def leaf(self) -> Node:
        roll = self.rng.random()
        if roll < 0.6 and self.leaves:
            return self.rng.choice(self.leaves)
        if roll < 0.75 and self.parameters:
            return self.rng.choice(self.parameters)
        if roll < 0.8 and self.time:
            return ("time",)
        return num(self.rng.choice(NUMBERS))

    def with_leaves(self, leaves: Sequence[Node]) -> "Material":
        """The same with further leaves."""
        fields = {**self.__dict__, "leaves": [*self.leaves, *leaves]}
        return Material(**fields)


def expression(m: Material, depth: int = 2) -> Node:
    """A random expression of about 2^depth leaves."""
    rng = m.rng
    if depth <= 0 or rng.random() < 0.1:
        return m.leaf()
    if m.edges and rng.random() < 0.2:
        return edge(m)

    def sub() -> Node:
        return expression(m, depth - 1)

    kind = rng.randrange(18)
    match kind:
        case 0 | 1 | 2:
            return ("+", sub(), sub())
        case 3 | 4:
            return ("-", sub(), sub())
        case 5 | 6 | 7:
            return ("*", sub(), sub())
        case 8:
            return ("/", sub(), ("+", num(rng.choice(("1.5", "2"))), ("^", sub(), num(2))))
        case 9:
            return ("neg", sub())
        case 10:
            return ("^", m.leaf(), num(rng.choice((2, 3))))
        case 11:
            return ("call", rng.choice(BOUNDED), sub())
        case 12:
            inner = ("+", num(1), ("^", sub(), num(2)))
            return ("call", rng.choice(("sqrt", "log", "log10")), inner)
        case 13:
            return ("call", "exp", ("neg", ("^", sub(), num(2))))
        case 14:
            return ("call", rng.choice(("min", "max")), sub(), sub())
        case 15:
            return rng.choice((("call", "abs", sub()), ("call", "smooth_step", sub(), num("0.5"))))
        case 16:
            return choice(m, depth)
        case _:
            return rng.choice((called, summed, powered, rare))(m, depth)


def choice(m: Material, depth: int) -> Node:
    """`if … then … else …`; on time alone, or on parameters, where jumps by unknowns are not wanted."""
    a, b = expression(m, depth - 1), expression(m, depth - 1)
    return ("if", condition(m, 1), a, b)


def condition(m: Material, depth: int) -> Node:
    rng = m.rng
    if depth > 0 and rng.random() < 0.3:
        a, b = condition(m, depth - 1), condition(m, depth - 1)
        return rng.choice((("and", a, b), ("or", a, b), ("not", a)))
    operator = rng.choice(("<", "<=", ">", ">="))
    roll = rng.random()
    if roll < 0.4 and m.time:
        return ("cmp", operator, ("time",), num(rng.choice(("0.3", "0.55", "2"))))
    if m.smooth:
        sides = [rng.choice(m.parameters), num(rng.choice(NUMBERS))] if m.parameters else [num(1), num(2)]
        return ("cmp", operator, *sides)
    return ("cmp", operator, m.leaf(), expression(m, 1))


def called(m: Material, depth: int) -> Node:
    if not m.functions:
        return ("call", "cosh", ("call", "tanh", expression(m, depth - 1)))
    name = m.rng.choice(sorted(m.functions))
    return ("user", name, *(expression(m, depth - 1) for _ in range(m.functions[name])))


def summed(m: Material, depth: int) -> Node:
    """A sum, product, least or greatest over an array, terms of which may look at the index."""
    if not m.arrays:
        return ("call", "sinh", ("call", "sin", expression(m, depth - 1)))
    rng = m.rng
    name, size = rng.choice(list(m.arrays))
    taken = [leaf[1] for leaf in m.leaves if leaf[0] == "index"]
    j = next(name for name in ("j", "jj", "jjj", "j4", "j5", "j6", "j7", "j8") if name not in taken)
    term = ("ref", ((name, (("index", j),)),))
    roll = rng.random()
    if roll < 0.3:
        term = ("*", term, expression(m.with_leaves([("index", j)]), 1))
    elif roll < 0.5:
        term = ("*", ("index", j), term)
    elif roll < 0.7:
        other = next((leaf for leaf in m.leaves if leaf[0] == "index"), num(rng.randint(1, size)))
        term = ("if", ("cmp", rng.choice(("==", "<", "!=")), ("index", j), other), num("0.5"), term)
    kind = rng.choice(("sum", "sum", "sum", "min", "max", "prod"))
    return ("reduce", kind, term, j, num(1), num(size))


def powered(m: Material, depth: int) -> Node:
    """A power with a parameter in the exponent, of a base that stays positive."""
    exponent = m.rng.choice(m.parameters) if m.parameters else num("1.5")
    return ("^", ("+", num(1), ("^", expression(m, depth - 1), num(2))), exponent)


def rare(m: Material, depth: int) -> Node:
    a, b = expression(m, depth - 1), expression(m, depth - 1)
    options = [
        ("call", "atan2", a, ("+", num(1), ("^", b, num(2)))),
        ("call", "asin", ("*", num("0.5"), ("call", "tanh", a))),
        ("call", "acos", ("*", num("0.5"), ("call", "tanh", a))),
        ("call", "tan", ("call", "tanh", a)),
        ("call", "exp", ("call", "sin", a)),
    ]
    if not m.smooth:
        options += [
            ("call", "sign", a),
            ("call", "floor", a),
            ("call", "ceil", a),
            ("call", "mod", a, num("0.7")),
        ]
    return m.rng.choice(options)


def edge(m: Material) -> Node:
    """A law that is smooth, or has a finite slope, at points where naive derivatives are 0/0."""
    rng = m.rng
    a, b = m.leaf(), m.leaf()
    scale = rng.choice(m.parameters) if m.parameters else num("0.5")
    n = rng.choice((*m.parameters, num(2), num("1.5"), num(3))) if m.parameters else num(2)
    share = ("^", ("/", a, scale), n)
    size = ("call", "sqrt", ("+", ("^", a, num(2)), ("^", b, num(2))))
    guarded = ("if", ("cmp", "<=", ("time",), num(0)), num(1), ("/", ("call", "sin", ("time",)), ("time",)))
    return rng.choice(
        (
            *((guarded,) if m.time else ()),
            share,
            ("/", share, ("+", num(1), share)),
            ("*", size, a),
            ("*", ("call", "sign", a), ("^", ("call", "abs", a), num("1.5"))),
            ("^", ("call", "max", a, num(0)), num("1.5")),
            ("*", a, ("call", "abs", a)),
            ("^", a, n),
            ("*", a, ("call", "sqrt", ("call", "abs", a))),
        )
    )
