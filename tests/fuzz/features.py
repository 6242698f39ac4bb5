"""Features of random models: each function adds declarations, equations and their meaning to a draft."""

from .expressions import expression
from .random_model import NO_UNIT, UNITS, Draft, DraftParameter, DraftVariable, RandomModel
from .tree import Node, num, ref


def in_si(text: str, unit: tuple[str, float, float]) -> str:
    return repr(float(text) * unit[1] + unit[2])


def parameters(d: Draft) -> None:
    """Numbers, with units too, arrays, and parameters that follow from others."""
    for _ in range(d.rng.randint(1, 3)):
        name, value = d.name("k"), d.number(0.3, 3.0)
        d.declare(f"param {name} = {value}")
        d.parameters.append(DraftParameter(name, repr(float(value))))
        d.parameter_leaves.append(ref(name))
    if d.rng.random() < 0.3:
        unit = d.rng.choice(UNITS)
        name, value, scale = d.name("q"), d.number(1, 30), d.name("one")
        d.declare(f"param {name} = {value} [{unit[0]}]")
        d.declare(f"param {scale} = {1 / (unit[1] + unit[2]):.3g}")
        d.parameters.append(DraftParameter(name, in_si(value, unit), unit))
        d.parameters.append(DraftParameter(scale, repr(float(f"{1 / (unit[1] + unit[2]):.3g}"))))
        d.parameter_leaves.append(("*", ref(name), ref(scale)))
    if d.rng.random() < 0.4:
        array_parameter(d)
    if d.rng.random() < 0.4:
        value = expression(d.material(time=False, functions=False), 2)
        value = ("+", num(1), ("^", value, num(2)))
        name = d.name("derived")
        d.declare(f"param {name} = {d.show(value)}")
        d.parameters.append(DraftParameter(name, d.source(value), own=False))
        d.parameter_leaves.append(ref(name))


def array_parameter(d: Draft) -> None:
    name, size = d.name("w"), d.rng.randint(2, 4)
    if d.rng.random() < 0.5:
        values = [d.number() for _ in range(size)]
        d.declare(f"param {name}[{size}] = {{{', '.join(values)}}}")
        sources = [repr(float(v)) for v in values]
    else:
        m = d.material(("index", "i"), time=False, functions=False)
        m.arrays = ()
        term = ("+", num("0.5"), ("^", expression(m, 2), num(2)))
        term = ("call", "min", term, num(3))
        d.declare(f"param {name}[{size}] = ({d.show(term)} for i in 1..{size})")
        sources = [d.source(term, i=k + 1) for k in range(size)]
    for k, value in enumerate(sources):
        d.parameters.append(DraftParameter(f"{name}[{k + 1}]", value, own=False))
    d.arrays.append((name, size))
    d.parameter_leaves.append(ref(name, d.rng.randint(1, size)))


def function(d: Draft) -> None:
    name, names = d.name("f"), ("a", "b")[: d.rng.randint(1, 2)]
    m = d.material(functions=True, time=False)
    m.leaves, m.parameters, m.arrays = [("arg", a) for a in names], (), ()
    body = expression(m, 2)
    if d.rng.random() < 0.3:
        body = ("call", "tanh", body)
    d.functions[name] = (names, body)
    d.files.append(f"function {name}({', '.join(names)}) = {d.show(body)}")


def states(d: Draft) -> None:
    """Scalars with derivatives; some tied to one another by `der(x) + 0.3*der(y)`, some in a unit."""
    made = []
    for _ in range(d.rng.randint(1, 3)):
        name, start = d.name("x"), d.number(0.2, 1.5)
        unit = d.rng.choice(UNITS) if d.rng.random() < 0.15 else NO_UNIT
        if unit[0]:
            one = d.name("one")
            size = unit[1] + unit[2]
            d.declare(f"param {one} = {1 / size:.3g}")
            d.parameters.append(DraftParameter(one, repr(float(f"{1 / size:.3g}"))))
            d.leaves.append(("*", ref(name), ref(one)))
        else:
            d.leaves.append(ref(name))
        bracket = f" [{unit[0]}]" if unit[0] else ""
        d.declare(f"var {name}{bracket} start {start}")
        d.variables.append(DraftVariable(name, True, in_si(start, unit), unit))
        made.append((name, d.leaves[-1], unit))
    for name, leaf, unit in made:
        right = ("-", expression(d.material(), 3), ("*", num(2), leaf))
        left: Node = ("der", ref(name))
        if unit[0]:
            right = ("/", right, leaf[2])
        elif d.rng.random() < 0.2:
            left = ("*", ("+", num(1), ("^", leaf, num(2))), left)
        elif d.rng.random() < 0.15 and not made[0][2][0] and name != made[0][0]:
            left = ("+", left, ("*", num("0.3"), ("der", ref(made[0][0]))))
        d.equations.append(d.equation(left, right))


def array_state(d: Draft) -> None:
    """An array with neighbours in a `for`, or equations of whole arrays and slices."""
    name, size = d.name("a"), d.rng.randint(2, 5)
    length = str(size)
    if d.rng.random() < 0.4:
        length = d.name("N")
        d.declarations.append(f"const {length} = {size}")
    first = ("*", num(d.number(0.1, 0.4)), ("index", "i"))
    d.declare(f"var {name}[{length}] start ({d.show(first)} for i in 1..{length})")
    for k in range(1, size + 1):
        d.variables.append(DraftVariable(f"{name}[{k}]", True, d.source(first, i=k)))
    here, before, after = (ref(name, i) for i in (("index", "i"), minus(1), plus(1)))
    m = d.material(here, ("index", "i"))
    if d.rng.random() < 0.35:
        m.leaves = [*d.leaves, here]
        m.arrays = ()
        right = ("-", expression(m, 2), ("*", num(3), here))
        own = tuple({"i": k} for k in range(1, size + 1))
        text = d.equation(("der", here), right, own, whole=("i", 1, size))
        d.equations.append(text.replace(f"{name}[1..{size}]", name) if d.rng.random() < 0.7 else text)
    else:
        for low, high, neighbours in (
            (1, 1, (after,)),
            (2, size - 1, (before, after)),
            (size, size, (before,)),
        ):
            if low > high:
                continue
            right = ("-", expression(m.with_leaves(neighbours), 2), ("*", num(2), here))
            own = tuple({"i": k} for k in range(low, high + 1))
            text = d.equation(("der", here), right, own)
            d.equations.append(f"for i in {low}..{high}\n    {text}\n  end")
    d.arrays.append((name, size))
    d.leaves.append(ref(name, d.rng.randint(1, size)))


def minus(k: int) -> Node:
    return ("-", ("index", "i"), num(k))


def plus(k: int) -> Node:
    return ("+", ("index", "i"), num(k))


def explicit(d: Draft) -> None:
    """A variable that is computed, declared as `var` or as `output`, or an alias."""
    name = d.name("z")
    right = expression(d.material(), 3)
    if d.rng.random() < 0.3:
        right = d.rng.choice(d.leaves)
        right = ("neg", right) if d.rng.random() < 0.5 else right
    if d.rng.random() < 0.3:
        d.variables.append(DraftVariable(name, False))
        d.declare(f"output {name} = {d.show(right)}")
        d.residuals.append(f"{d.place(name)} - {d.source(right)}")
        return
    d.variables.append(DraftVariable(name, False))
    d.declare(f"var {name}")
    d.equations.append(d.equation(ref(name), right))
    d.leaves.append(ref(name))


def loop(d: Draft) -> None:
    """Variables that equations give together."""
    names = [d.name("s") for _ in range(d.rng.randint(1, 3))]
    rights = [("call", "tanh", expression(d.material(), 2)) for _ in names]
    for name in names:
        d.variables.append(DraftVariable(name, False))
        d.declare(f"var {name}" + (f" guess {d.number()}" if d.rng.random() < 0.5 else ""))
    for k, name in enumerate(names):
        other = ref(names[k - 1])
        shape = d.rng.choice(("tanh", "sin", "atan", "linear", "cubic"))
        if shape == "linear":
            bend: Node = other
        elif shape == "cubic":
            bend = ("^", ref(name), num(3))
        else:
            bend = ("call", shape, other)
        left = ("+", ("*", num(2), ref(name)), ("*", num("0.3"), bend))
        d.equations.append(d.equation(left, rights[k]))
    d.leaves += [ref(name) for name in names]


def reactions(d: Draft) -> None:
    """Mass action between species of their own."""
    names = [d.name("S") for _ in range(d.rng.randint(2, 4))]
    rate: dict[str, list[str]] = {name: [] for name in names}
    for name in names:
        start = d.number(0.1, 1.0)
        d.declare(f"var {name} start {start}")
        d.variables.append(DraftVariable(name, True, repr(float(start))))
    every = [[[name], [d.rng.choice(names)]] for name in names]
    for _ in range(d.rng.randint(1, 3)):
        every.append([[d.rng.choice(names) for _ in range(d.rng.randint(1, 2))] for _ in range(2)])
    for sides in every:
        constants = [d.rng.choice((*d.parameter_leaves, num(d.number()))) for _ in range(d.rng.randint(1, 2))]
        arrow = "->" if len(constants) == 1 else d.rng.choice(("<->", "<->"))
        written = [" + ".join(side) for side in sides]
        if d.rng.random() < 0.2 and len(set(sides[0])) == 1 and len(sides[0]) == 2:
            written[0] = f"2 {sides[0][0]}"
        d.reactions.append(f"{written[0]} {arrow} {written[1]} @ {', '.join(d.show(c) for c in constants)}")
        for k, constant in enumerate(constants):
            took, gave = sides[k], sides[1 - k]
            product = " * ".join([d.source(constant), *(d.place(s) for s in took)])
            for name in names:
                change = gave.count(name) - took.count(name)
                if change:
                    rate[name].append(f"{float(change)} * {product}")
    for name in names:
        d.residuals.append(f"{d.place(f'der({name})')} - ({' + '.join(rate[name]) or '0.0'})")
    d.leaves += [ref(name) for name in names]


def chain(d: Draft) -> None:
    """Parts joined by connectors: stores, with links between neighbours."""
    node, store, link = d.name("Node"), d.name("Store"), d.name("Link")
    stores, links, count = d.name("c"), d.name("l"), d.rng.randint(2, 4)
    d.files.append(f"connector {node}\n  potential e\n  flow f\nend")
    m = d.material(time=True, functions=True)
    m.leaves, m.parameters, m.arrays = [ref("e")], [ref("C")], ()
    leak = ("+", ("*", num("0.2"), ref("e")), ("*", num("0.1"), ("call", "tanh", expression(m, 2))))
    m.leaves = [("-", ref(("a",), ("e",)), ref(("b",), ("e",)))]
    m.parameters = [ref("R")]
    bend = ("*", num("0.1"), ("call", "tanh", expression(m, 2)))
    balance = d.show(("-", ref(("p",), ("f",)), leak))
    law = d.show(("+", ("-", ref(("a",), ("e",)), ref(("b",), ("e",))), bend))
    base = d.rng.random() < 0.4
    if base:
        d.files.append(
            f"partial model {store}Base\n  port p : {node}\n  var e start 0.5\nequations\n  e = p.e\nend"
        )
        extends = f" extends {store}Base"
        d.files.append(f"model {store}{extends}\n  param C = 1.5\nequations\n  C*der(e) = {balance}\nend")
    else:
        d.files.append(
            f"model {store}\n  port p : {node}\n  param C = 1.5\n  var e start 0.5\nequations\n"
            f"  p.e = e\n  {balance} = C*der(e)\nend"
        )
    d.files.append(
        f"model {link}\n  port a : {node}\n  port b : {node}\n  param R = 0.8\nequations\n"
        f"  {law} = R*a.f\n  a.f + b.f = 0\nend"
    )
    sizes = [d.number(0.8, 2.5) for _ in range(count)]
    d.declare(f"part {stores}[{count}] : {store}(C = {{{', '.join(sizes)}}})")
    resistances = ("+", num("0.5"), ("*", num("0.2"), ("index", "k")))
    d.declare(f"part {links}[{count - 1}] : {link}(R = ({d.show(resistances)} for k in 1..{count - 1}))")
    for k in range(1, count + 1):
        own = f"{stores}[{k}]"
        d.parameters.append(DraftParameter(f"{own}.C", repr(float(sizes[k - 1]))))
        d.variables.append(DraftVariable(f"{own}.e", True, "0.5"))
        d.variables += [DraftVariable(f"{own}.p.e", False), DraftVariable(f"{own}.p.f", False)]
    for k in range(1, count):
        own = f"{links}[{k}]"
        d.parameters.append(DraftParameter(f"{own}.R", d.source(resistances, k=k), own=False))
        d.variables += [DraftVariable(f"{own}.{port}.{of}", False) for port in "ab" for of in "ef"]
    inside(d, [f"{stores}[{k}]" for k in range(1, count + 1)], [(("C*der(e)"), leak)])
    for k in range(1, count + 1):
        own = f"{stores}[{k}]"
        d.residuals.append(f"{d.place(own + '.p.e')} - {d.place(own + '.e')}")
        flows = [d.place(f"{own}.p.f")]
        if k < count:
            flows.append(d.place(f"{links}[{k}].a.f"))
            d.residuals.append(f"{d.place(f'{links}[{k}].a.e')} - {d.place(own + '.p.e')}")
        if k > 1:
            flows.append(d.place(f"{links}[{k - 1}].b.f"))
            d.residuals.append(f"{d.place(f'{links}[{k - 1}].b.e')} - {d.place(own + '.p.e')}")
        d.residuals.append(" + ".join(flows))
    for k in range(1, count):
        own = f"{links}[{k}]"
        drop = ("-", ref((own, *()), ("a",), ("e",)), ref((own,), ("b",), ("e",)))
        value = d.source(prefixed(bend, own))
        d.residuals.append(f"{d.source(drop)} + {value} - {d.place(own + '.R')} * {d.place(own + '.a.f')}")
        d.residuals.append(f"{d.place(own + '.a.f')} + {d.place(own + '.b.f')}")
    d.equations.append(
        f"for i in 1..{count - 1}\n    connect {stores}[i].p, {links}[i].a\n"
        f"    connect {links}[i].b, {stores}[i+1].p\n  end"
    )
    d.leaves.append(ref((stores, d.rng.randint(1, count)), ("e",)))


def inside(d: Draft, parts: list[str], laws) -> None:
    """The balances of stores: `C*der(e) = p.f - leak`."""
    for own in parts:
        for _, leak in laws:
            value = d.source(prefixed(leak, own))
            left = f"{d.place(own + '.C')} * {d.place(f'der({own}.e)')}"
            d.residuals.append(f"{left} - ({d.place(own + '.p.f')} - {value})")


def prefixed(e: Node, own: str) -> Node:
    """The expression with its names looked up inside of a part."""
    if e[0] == "ref":
        return ("ref", ((own, ()), *e[1]))
    return (
        e[0],
        *(prefixed(a, own) if isinstance(a, tuple) and a and isinstance(a[0], str) else a for a in e[1:]),
    )


def matrix(d: Draft) -> None:
    """An array of two axes; at its edge an `if` on indices keeps from a neighbour that is not there."""
    name, rows, columns = d.name("m"), d.rng.randint(2, 3), d.rng.randint(2, 3)
    start = d.number(0.2, 0.9)
    d.declare(f"var {name}[{rows}, {columns}] start {start}")
    every = [(i, j) for i in range(1, rows + 1) for j in range(1, columns + 1)]
    for i, j in every:
        d.variables.append(DraftVariable(f"{name}[{i},{j}]", True, repr(float(start))))
    i, j = ("index", "i"), ("index", "j")
    here = ref(name, i, j)
    m = d.material(here, i, j)
    m.arrays = ()
    above: Node = ("if", ("cmp", "==", i, num(1)), num(0), ref(name, minus(1), j))
    weight = d.rng.choice((("/", i, ("+", i, j)), num("0.3"), expression(m, 1)))
    right = ("-", ("+", ("*", num("0.2"), above), ("call", "tanh", weight)), ("*", num(2), here))
    text = d.equation(("der", here), right, tuple({"i": a, "j": b} for a, b in every))
    d.equations.append(f"for i in 1..{rows}, j in 1..{columns}\n    {text}\n  end")
    d.leaves.append(ref(name, d.rng.randint(1, rows), d.rng.randint(1, columns)))


def nested(d: Draft) -> None:
    """Parts inside of a part, with modifiers from two levels up, of parameters and starts."""
    inner, outer, part = d.name("Inner"), d.name("Outer"), d.name("n")
    m = d.material()
    m.leaves, m.parameters, m.arrays = [ref("y")], [ref("g")], ()
    right = ("-", ("call", "tanh", expression(m, 2)), ("*", ref("g"), ref("y")))
    share = expression(m, 2)
    d.files.append(
        f"model {inner}\n  param g = 1.2\n  var y start 0.4\n  var s\nequations\n"
        f"  der(y) = {d.show(right)}\n  s = {d.show(share)}\nend"
    )
    values, begun, gains = d.number(), d.number(), [d.number() for _ in range(2)]
    d.files.append(
        f"model {outer}\n  part one : {inner}(g = 2, y start {begun})\n"
        f"  part two[2] : {inner}(g = {{{', '.join(gains)}}})\n"
        "  output all = one.s + sum(two[i].s for i in 1..2)\nend"
    )
    changed = d.rng.random() < 0.6
    d.declare(f"part {part} : {outer}" + (f"(one.g = {values})" if changed else ""))
    own = [(f"{part}.one", values if changed else "2", begun)]
    own += [(f"{part}.two[{k + 1}]", gains[k], "0.4") for k in range(2)]
    for name, gain, start in own:
        d.parameters.append(DraftParameter(f"{name}.g", repr(float(gain)), own=False))
        d.variables += [
            DraftVariable(f"{name}.y", True, repr(float(start))),
            DraftVariable(f"{name}.s", False),
        ]
        d.residuals.append(f"{d.place(f'der({name}.y)')} - {d.source(prefixed(right, name))}")
        d.residuals.append(f"{d.place(f'{name}.s')} - {d.source(prefixed(share, name))}")
    d.variables.append(DraftVariable(f"{part}.all", False))
    d.residuals.append(
        f"{d.place(f'{part}.all')} - ({' + '.join(d.place(f'{name}.s') for name, _, _ in own)})"
    )
    d.leaves.append(ref((part,), ("all",)))


def driven(d: Draft) -> None:
    """An input with a default."""
    name, value = d.name("u"), d.number()
    text, of = value, repr(float(value))
    if d.rng.random() < 0.4 and d.parameter_leaves:
        e = ("*", num(value), d.rng.choice(d.parameter_leaves))
        text, of = d.show(e), d.source(e)
    d.declare(f"input {name} = {text}")
    d.inputs.append(DraftParameter(name, of, own=False))
    d.leaves.append(ref(name))


FEATURES = (array_state, array_state, matrix, explicit, explicit, loop, reactions, chain, nested, driven)


def finish(d: Draft) -> RandomModel:
    """The text: declarations and statements in any order, as order never matters."""
    left = [k for k, v in enumerate(d.variables) if v.state]
    assert len(d.residuals) == len(d.variables), (len(d.residuals), len(left))
    constants = [x for x in d.declarations if x.startswith("const")]
    others = [x for x in d.declarations if not x.startswith("const")]
    d.rng.shuffle(others)
    d.rng.shuffle(d.equations)
    d.rng.shuffle(d.files)
    lines = ["model Main", *(f"  {x}" for x in constants + others)]
    if d.equations:
        lines += ["equations", *(f"  {x}" for x in d.equations)]
    if d.reactions:
        lines += ["reactions", *(f"  {x}" for x in d.reactions)]
    lines += ["experiment", "  time 0..1", "end"]
    text = "\n".join([*d.files, *lines]) + "\n"
    return RandomModel(text, d.parameters, d.variables, d.inputs, d.residuals, d.features)
