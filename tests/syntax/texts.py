"""Trees of every form, for Hypothesis."""

from dataclasses import replace

from hypothesis import strategies as st

from stiffdsl.diagnostics import Source, Span
from stiffdsl.syntax import tree

HERE = Span(Source("made", ""), 1, 1, 1, 1)

names = st.sampled_from(["x", "y", "T", "k1", "größe", "start_value", "flow_rate", "a_b"])
texts = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")), max_size=12)
units = st.sampled_from(["m", "W/(m^2*K)", "degC", "1/s", "%"])
numbers = st.one_of(
    st.integers(0, 10**6).map(float), st.floats(0, 1e300, allow_nan=False), st.sampled_from([1e-300, 5e-324])
)


def _number(value, unit):
    return tree.Number(value, unit, HERE)


plain = st.builds(_number, numbers, st.none())
leaves = st.one_of(
    plain, st.builds(_number, numbers, units), names.map(lambda n: tree.Name((tree.Part(n),), HERE))
)


def _extend(inner):
    tuples = st.lists(inner, min_size=1, max_size=3).map(tuple)
    part = st.builds(tree.Part, names, st.one_of(st.just(()), tuples))
    range_ = st.builds(lambda a, b: tree.Range(a, b, HERE), inner, inner)
    iterator = st.builds(lambda n, r: tree.Iterator(n, r, HERE), names, st.one_of(range_, inner))
    iterators = st.lists(iterator, min_size=1, max_size=2).map(tuple)
    operators = st.sampled_from(
        ["+", "-", "*", "/", "^", "==", "!=", "<", "<=", ">", ">=", "and", "or"],
    )
    named = st.lists(st.tuples(names, inner), max_size=1).map(tuple)
    calls = st.sampled_from(["sin", "der", "smooth_step", "lib.f"])
    return st.one_of(
        st.builds(lambda o, a, b: tree.Binary(o, a, b, HERE), operators, inner, inner),
        st.builds(lambda o, a: tree.Unary(o, a, HERE), st.sampled_from(["-", "not"]), inner),
        st.builds(lambda c, a, b: tree.If(c, a, b, HERE), inner, inner, inner),
        st.builds(lambda f, a, n: tree.Call(f, a, n, HERE), calls, tuples, named),
        st.lists(part, min_size=1, max_size=3).map(lambda p: tree.Name(tuple(p), HERE)),
        tuples.map(lambda items: tree.ArrayLiteral(items, HERE)),
        st.builds(lambda array, indices: tree.Element(array, indices, HERE), inner, tuples),
        st.builds(
            lambda f, b, i: tree.Comprehension(f, b, i, HERE),
            st.sampled_from([None, "sum", "prod", "min", "max"]), inner, iterators,
        ),
    )  # fmt: skip


expressions = st.recursive(leaves, _extend, max_leaves=12)
_ranges = st.builds(lambda a, b: tree.Range(a, b, HERE), expressions, expressions)
_loops = st.builds(lambda n, r: tree.Iterator(n, r, HERE), names, _ranges)


def _value_without_own_unit(value):
    """`k = 0.04 [1/s]` declares a unit, so a declared value that is a number has none of its own."""
    if isinstance(value, tree.Number):
        return tree.Number(value.value, None, HERE)
    if isinstance(value, tree.Unary):
        return tree.Unary(value.operator, _value_without_own_unit(value.operand), HERE)
    return value


variables = st.builds(
    lambda *fields: tree.Variable(*fields, HERE, HERE),
    st.sampled_from(["const", "param", "input", "var", "output", "discrete"]),
    names,
    st.lists(expressions, max_size=2).map(tuple),
    st.one_of(st.none(), units),
    st.one_of(st.none(), expressions.map(_value_without_own_unit)),
    st.one_of(st.none(), _ranges),
    st.one_of(st.none(), expressions),
    st.one_of(st.none(), expressions),
    st.one_of(st.none(), texts),
)
enums = st.builds(
    lambda labels, doc: tree.Enum("Mode", tuple(labels), doc, HERE, HERE),
    st.lists(names, min_size=1, max_size=3, unique=True),
    st.one_of(st.none(), texts),
)
typed = st.builds(
    lambda kind, name, value: tree.Variable(
        kind, name, (), None, value, None, None, None, None, HERE, HERE, type="lib.Mode"
    ),
    st.sampled_from(["const", "param", "discrete"]),
    names,
    st.one_of(st.none(), expressions.map(_value_without_own_unit)),
)
_distributions = st.builds(
    lambda f, a: tree.Call(f, a, (), HERE),
    st.sampled_from(["normal", "lognormal", "lib.f"]),
    st.lists(expressions, max_size=2).map(tuple),
)
uncertain = st.builds(
    lambda kind, v, d, per: replace(v, kind=kind, distribution=d, per=per),
    st.sampled_from(["param", "random", "observe"]), variables, _distributions, st.sampled_from([None, "occasion"]),
)  # fmt: skip
modifiers = st.lists(
    st.builds(
        lambda n, a, v: tree.Modifier(n, a, v, HERE),
        st.sampled_from(["R", "a.b.c"]), st.sampled_from(["value", "start", "guess"]), expressions,
    )
    | st.builds(
        lambda part, v: tree.Modifier(f"{part.name}.C", "value", v, HERE, (part, tree.Part("C"))),
        st.builds(tree.Part, names, st.lists(expressions, min_size=1, max_size=2).map(tuple)), expressions,
    )
    | st.builds(
        lambda name, type_: tree.Modifier("pump", "class", type_, HERE, (), (name,)),
        st.builds(lambda v: tree.Modifier("n", "value", v, HERE), expressions),
        st.just(tree.Name((tree.Part("lib"), tree.Part("Gear")), HERE)),
    ),
    max_size=2,
).map(tuple)  # fmt: skip
components = st.builds(
    lambda *fields: tree.Component(*fields[:-1], HERE, HERE, HERE, fields[-1]),
    st.sampled_from(["part", "port"]),
    names,
    st.lists(expressions, max_size=2).map(tuple),
    st.sampled_from(["Resistor", "lib.Pin"]),
    modifiers,
    st.one_of(st.none(), texts),
    st.one_of(st.none(), expressions),
)
connectors = st.builds(
    lambda kind, unit, port: tree.Connector(
        "Phase",
        None,
        (tree.Variable(kind, "v", (), unit, None, None, None, None, None, HERE, HERE),),
        HERE,
        HERE,
        (tree.Component("port", "pin", (), "Pin", (), port, HERE, HERE, HERE),),
    ),
    st.sampled_from(["potential", "flow"]),
    st.one_of(st.none(), units),
    st.one_of(st.none(), texts),
)
places = st.lists(
    st.builds(tree.Part, names, st.lists(expressions, max_size=1).map(tuple)), min_size=1, max_size=3
)
references = places.map(lambda parts: tree.Name(tuple(parts), HERE))
doses = st.lists(references, min_size=1, max_size=2).map(lambda t: tree.Dose(tuple(t), HERE))
equations = st.builds(lambda a, b: tree.Equation(a, b, HERE), expressions, expressions)
connects = st.lists(references, min_size=2, max_size=3).map(lambda p: tree.Connect(tuple(p), HERE))


def _blocks(inner):
    bodies = st.lists(inner, max_size=2).map(tuple)
    loops = st.lists(_loops, min_size=1, max_size=2).map(tuple)
    return st.one_of(
        st.builds(lambda i, b: tree.For(i, b, HERE), loops, bodies),
        st.builds(lambda c, b, e: tree.IfEquation(((c, b), (None, e)), HERE), expressions, bodies, bodies),
    )


statements = st.recursive(st.one_of(equations, connects), _blocks, max_leaves=4)
_sides = st.lists(st.tuples(st.integers(1, 3), references), max_size=2).map(tuple)
reactions = st.builds(
    lambda left, right, k, back, label: tree.Reaction(left, right, k, back, HERE, *label),
    _sides,
    _sides,
    expressions,
    st.one_of(st.none(), expressions),
    st.sampled_from([(), ("bind",), ("r", False, False, None, None, ("i", "j"))]),
)
experiments = st.lists(
    st.tuples(st.sampled_from(["time", "log", "rtol"]), st.one_of(st.none(), _ranges, plain)), max_size=3
).map(lambda options: tree.Experiment(tuple(options), HERE))
models = st.builds(
    lambda *fields: tree.Model(*fields, HERE, HERE),
    names,
    st.booleans(),
    st.one_of(st.none(), texts),
    st.lists(
        st.builds(lambda t, m: tree.Extends(t, m, HERE), st.just("lib.Base"), modifiers), max_size=2
    ).map(tuple),
    st.lists(st.one_of(variables, typed, components, uncertain, doses), max_size=3).map(tuple),
    st.lists(statements, max_size=3).map(tuple),
    st.lists(equations, max_size=1).map(tuple),
    st.lists(reactions, max_size=2).map(tuple),
    st.one_of(st.none(), experiments),
)
_measured = st.one_of(
    st.builds(lambda v, p: tree.At(v, p, HERE), expressions, st.one_of(plain, references, expressions)),
    st.builds(
        lambda f, v, r: tree.Call(f, (tree.Over(v, r, HERE),), (), HERE),
        st.sampled_from(["max", "mean", "integral"]), expressions, st.one_of(expressions, _ranges),
    ),
    expressions,
)  # fmt: skip
_sides_of = st.one_of(
    _measured,
    st.builds(lambda o, a, b: tree.Binary(o, a, b, HERE), st.sampled_from("+-*/^"), _measured, _measured),
)
tests = st.builds(
    lambda *fields: tree.Test(*fields, HERE, HERE),
    texts,
    st.one_of(st.none(), st.sampled_from(["M", "battery.cell.SPM"])),
    st.lists(
        st.builds(
            lambda t, a, v: tree.TestSetting(t, a, v, HERE),
            references, st.sampled_from(["value", "start", "guess"]), expressions,
        ),
        max_size=2,
    ).map(tuple),
    st.one_of(st.none(), experiments),
    st.lists(
        st.builds(
            lambda a, c, b, w: tree.Expectation(a, c, b, w, HERE),
            _sides_of, st.sampled_from(["=", "<", ">="]), _sides_of, st.one_of(st.none(), expressions),
        ),
        max_size=2,
    ).map(tuple),
)  # fmt: skip
_formals = st.lists(
    st.builds(lambda n, d: tree.Formal(n, d, HERE), names, st.one_of(st.none(), expressions)), max_size=2
).map(tuple)
functions = st.builds(
    lambda formals, body, lines, doc: tree.FunctionDeclaration("f", formals, body, HERE, HERE, lines, doc),
    _formals,
    expressions,
    st.lists(st.builds(lambda n, v: tree.Local(n, v, HERE, HERE), names, expressions), max_size=2).map(tuple),
    st.one_of(st.none(), texts),
)
modules = st.builds(
    lambda imports, declarations: tree.Module(tuple(imports), tuple(declarations), HERE),
    st.lists(
        st.sampled_from([tree.Import("a.b", None, HERE), tree.Import("a", ("X", "Y"), HERE)]), max_size=2
    ),
    st.lists(
        st.one_of(
            models,
            tests,
            functions,
            enums,
            connectors,
            variables.map(
                lambda v: tree.Variable("const", *(getattr(v, f) for f in tree.Variable.__slots__[1:]))
            ),
        ),
        max_size=2,
    ),
)
