"""Print a tree as text that parses to the same tree: `parse(show(module)) == module`.

`stiffdsl show --after syntax` prints it. Comments and layout are not in the tree; `syntax/format.py` lays out
a file with its comments.
"""

from collections.abc import Iterator

from stiffdsl.syntax import tree
from stiffdsl.syntax.tree import SIZES

# Precedence of operators, as in grammars/sml.lark; an `if` binds least, an atom most.
_IF, _OR, _AND, _NOT, _COMPARISON, _SUM, _TERM, _SIGN, _POWER, _ATOM = range(10)
_LEVEL = {
    "or": _OR, "and": _AND, "==": _COMPARISON, "!=": _COMPARISON, "<": _COMPARISON, "<=": _COMPARISON,
    ">": _COMPARISON, ">=": _COMPARISON, "+": _SUM, "-": _SUM, "*": _TERM, "/": _TERM, "^": _POWER,
}  # fmt: skip
_TIGHT = {"*", "/", "^"}


def show(module: tree.Module) -> str:
    """The text of a file, one empty line between its declarations."""
    blocks = ["\n".join(_import(i) for i in module.imports)] if module.imports else []
    constants: list[str] = []
    for declaration in module.declarations:
        if isinstance(declaration, tree.Variable | tree.TableDeclaration | tree.NetworkDeclaration):
            constants.append(_declared(declaration))
            continue
        if constants:
            blocks.append("\n".join(constants))
            constants = []
        blocks.append("\n".join(_declaration(declaration)))
    if constants:
        blocks.append("\n".join(constants))
    return "\n\n".join(blocks) + "\n"


def show_expression(expression: tree.Expr) -> str:
    """An expression as its author would write it, with no parentheses that it can do without."""
    return _at(expression, _IF)


def show_number(value: float) -> str:
    """The shortest text that reads back as `value`: `20`, `0.04`, `3e7`."""
    text = repr(float(value))
    mantissa, _, exponent = text.partition("e")
    mantissa = mantissa.removesuffix(".0")
    if exponent:
        return f"{mantissa}e{int(exponent)}"
    digits = mantissa.rstrip("0")
    zeros = len(mantissa) - len(digits)
    return f"{digits}e{zeros}" if zeros > 4 and digits.strip("-") and "." not in digits else mantissa


def show_variable(variable: tree.Variable) -> str:
    """One declaration: `param k = 0.04 [1/s] in 0..1 "rate"`."""
    words = [f"{variable.kind} {variable.name}{_indices(variable.dimensions)}"]
    if variable.type is not None:
        words.append(f": {variable.type}")
    if variable.unit is not None:
        words.append(f"[{variable.unit}]")
    if variable.value is not None:
        words.append(f"= {show_expression(variable.value)}")
    if variable.distribution is not None:
        words.append(f"~ {show_expression(variable.distribution)}")
    if variable.range is not None:
        words.append(f"in {show_expression(variable.range)}")
    if variable.start is not None:
        words.append(f"start {show_expression(variable.start)}")
    if variable.guess is not None:
        words.append(f"guess {show_expression(variable.guess)}")
    for word in SIZES:
        value = getattr(variable, word)
        if value is not None:
            words.append(f"{word} {show_expression(value)}")
    if variable.per is not None:
        # It stands behind the distribution.
        at = next((k for k, word in enumerate(words) if word.startswith("~ ")), len(words) - 1)
        words.insert(at + 1, f"per {variable.per}")
    return " ".join(words) + _doc(variable.doc)


def show_field(field: tree.Field) -> str:
    """One declaration: `field c(r) [mol/m^3] over 0..R cells 20 spherical start c0`."""
    words = [f"field {field.name}({field.coordinate})"]
    if field.unit is not None:
        words.append(f"[{field.unit}]")
    for word, value in (
        ("over", field.over),
        ("cells", field.cells),
        ("at", field.faces),
        ("grading", field.grading),
    ):
        if value is not None:
            words.append(f"{word} {show_expression(value)}")
    if field.geometry != tree.GEOMETRIES[0]:
        words.append(field.geometry)
    for word in ("start", "guess", *SIZES):
        value = getattr(field, word)
        if value is not None:
            words.append(f"{word} {show_expression(value)}")
    return " ".join(words) + _doc(field.doc)


def _declared(node: tree.Variable | tree.TableDeclaration | tree.NetworkDeclaration) -> str:
    if isinstance(node, tree.NetworkDeclaration):
        return show_network(node)
    return show_table(node) if isinstance(node, tree.TableDeclaration) else show_variable(node)


def show_network(network: tree.NetworkDeclaration) -> str:
    """One declaration: `network g(T, soc) -> rate hidden 16, 16 activation tanh`."""

    def value(node: tree.NetworkValue) -> str:
        unit = f" [{node.unit}]" if node.unit is not None else ""
        return f"{node.name}{_indices(node.dimensions)}{unit}"

    text = f"network {network.name}({', '.join(map(value, network.arguments))}) -> {value(network.result)}"
    if network.hidden:
        text += f" hidden {', '.join(map(show_expression, network.hidden))}"
    if network.activation is not None:
        text += f" activation {network.activation}"
    if network.seed is not None:
        text += f" seed {show_expression(network.seed)}"
    if network.scale:
        text += f" scale {', '.join(f'{name} by {show_expression(by)}' for name, by in network.scale)}"
    return text + _doc(network.doc)


def show_table(table: tree.TableDeclaration) -> str:
    """One declaration: `table ocv(soc [1]) [V] = csv("ocv.csv", x = "soc", y = "v")`."""
    words = [f"{name} [{unit}]" if unit is not None else name for name, unit in table.arguments]
    text = f"table {table.name}" + (f"({', '.join(words)})" if words else "")
    text += f" [{table.unit}]" if table.unit is not None else ""
    text += f" = {show_expression(table.value)}" if table.value is not None else ""
    return text + _doc(table.doc)


def _import(node: tree.Import) -> str:
    if node.names is None:
        return f"import {node.module}"
    return f"from {node.module} import {', '.join(node.names)}"


def _declaration(
    node: tree.Model | tree.Connector | tree.FunctionDeclaration | tree.Enum | tree.Test,
) -> Iterator[str]:
    if isinstance(node, tree.Test):
        yield from _test(node)
    elif isinstance(node, tree.Enum):
        yield f"enum {node.name} {{{', '.join(node.labels)}}}{_doc(node.doc)}"
    elif isinstance(node, tree.FunctionDeclaration):
        yield from _function(node)
    elif isinstance(node, tree.Connector):
        yield f"connector {node.name}{_doc(node.doc)}"
        for member in node.members:
            yield f"  {show_variable(member)}"
        for port in node.ports:
            yield _component(port)
        yield "end"
    else:
        yield from _model(node)


def _component(node: tree.Component) -> str:
    head = f"{node.kind} {node.name}{_indices(node.dimensions)} : {node.type}"
    chosen = "" if node.condition is None else f" if {show_expression(node.condition)}"
    return f"  {head}{_modifiers(node.modifiers)}{chosen}{_doc(node.doc)}"


def _function(node: tree.FunctionDeclaration) -> Iterator[str]:
    formals = ", ".join(
        f.name if f.default is None else f"{f.name} = {show_expression(f.default)}" for f in node.formals
    )
    if not node.locals and node.doc is None:
        yield f"function {node.name}({formals}) = {show_expression(node.body)}"
        return
    yield f"function {node.name}({formals}){_doc(node.doc)}"
    for local in node.locals:
        yield f"  {local.name} = {show_expression(local.value)}"
    yield f"  return {show_expression(node.body)}"
    yield "end"


def _model(model: tree.Model) -> Iterator[str]:
    bases = ", ".join(e.type + _modifiers(e.modifiers) for e in model.extends)
    head = f"{'partial ' * model.partial}model {model.name}"
    yield head + (f" extends {bases}" if bases else "") + _doc(model.doc)
    for declaration in model.declarations:
        if isinstance(declaration, tree.Variable | tree.TableDeclaration | tree.NetworkDeclaration):
            yield f"  {_declared(declaration)}"
        elif isinstance(declaration, tree.Component):
            yield _component(declaration)
        elif isinstance(declaration, tree.Field):
            yield f"  {show_field(declaration)}"
        else:
            yield f"  dose {', '.join(show_expression(t) for t in declaration.targets)}"
    for title, statements in (("equations", model.equations), ("initial", model.initial)):
        if statements:
            yield title
            yield from _statements(statements, "  ")
    if model.reactions:
        yield "reactions"
        yield from _statements(model.reactions, "  ")
    if model.experiment is not None:
        yield "experiment"
        if model.experiment.options:
            yield "  " + ", ".join(_option(name, value) for name, value in model.experiment.options)
    yield "end"


def _test(test: tree.Test) -> Iterator[str]:
    yield f"test {_quoted(test.name)}" + (f" of {test.model}" if test.model else "")
    for s in test.settings:
        word = "=" if s.attribute == "value" else s.attribute
        yield f"  set {show_expression(s.target)} {word} {show_expression(s.value)}"
    if test.run is not None:
        options = ", ".join(_option(name, value) for name, value in test.run.options)
        yield f"  simulate {options}".rstrip()
    for e in test.expectations:
        yield "  " + show_expectation(e)
    yield "end"


def show_expectation(e: tree.Expectation | tree.ExpectedStop) -> str:
    """`expect A at 10 = 0.3 within 1e-4`."""
    within = "" if e.within is None else f" within {_at(e.within, _SUM)}"
    if isinstance(e, tree.ExpectedStop):
        text = "" if e.text is None else f" {_quoted(e.text)}"
        time = "" if e.time is None else f" at {_place(e.time)}"
        return f"expect stop{text}{time}{within}"
    return f"expect {_at(e.left, _SUM)} {e.comparison} {_at(e.right, _SUM)}{within}"


def _option(name: str, value: tree.Expr | None) -> str:
    return name if value is None else f"{name} {show_expression(value)}"


def _statements(statements, indent: str) -> Iterator[str]:
    for node in statements:
        if isinstance(node, tree.Equation):
            # An `if` that begins a line is an `if` around equations.
            yield f"{indent}{_at(node.left, _OR)} = {show_expression(node.right)}"
        elif isinstance(node, tree.Connect):
            yield f"{indent}connect {', '.join(show_expression(p) for p in node.points)}"
        elif isinstance(node, tree.Reaction):
            yield indent + _reaction(node)
        elif isinstance(node, tree.For):
            yield f"{indent}for {_iterators(node.iterators)}"
            yield from _statements(node.body, indent + "  ")
            yield f"{indent}end"
        elif isinstance(node, tree.IfEquation):
            for k, (condition, body) in enumerate(node.branches):
                word = "if" if k == 0 else "elseif"
                yield indent + ("else" if condition is None else f"{word} {show_expression(condition)} then")
                yield from _statements(body, indent + "  ")
            yield f"{indent}end"
        elif isinstance(node, tree.When):
            for k, branch in enumerate(node.branches):
                yield f"{indent}{'when' if k == 0 else 'elsewhen'} {_trigger(branch)}"
                yield from (f"{indent}  {_action(action)}" for action in branch.actions)
            yield f"{indent}end"
        else:
            yield f"{indent}assert {show_expression(node.condition)}, {_quoted(node.text)}"


def _trigger(branch: tree.WhenBranch) -> str:
    after = "" if branch.after is None else f" after {show_expression(branch.after)}"
    words = " holding" * branch.holding + " while" * branch.dropped
    priority = "" if branch.priority is None else f" priority {show_expression(branch.priority)}"
    return _waited_for(branch) + after + words + priority


def _waited_for(branch: tree.WhenBranch) -> str:
    if branch.period is not None:
        first = "" if branch.first is None else f" from {show_expression(branch.first)}"
        return f"every {show_expression(branch.period)}{first}"
    if branch.condition is None:
        return "start"
    return _at(branch.condition, _OR) + (" or start" if branch.at_start else "")


def _action(action: tree.Assign | tree.Stop) -> str:
    if isinstance(action, tree.Stop):
        return f"stop {_quoted(action.text)}"
    return f"{show_expression(action.target)} := {show_expression(action.value)}"


def _reaction(node: tree.Reaction) -> str:
    arrow = "<->" if node.net or node.reverse is not None else "->"
    rates = show_expression(node.forward)
    if node.reverse is not None:
        rates += f", {show_expression(node.reverse)}"
    indices = f"[{', '.join(node.label_indices)}]" if node.label_indices else ""
    label = "" if node.label is None else f"{node.label}{indices}: "
    sign = "rate" if node.whole else "@"
    return f"{label}{_side(node.reactants)} {arrow} {_side(node.products)} {sign} {rates}"


def _side(species: tuple[tuple[int, tree.Name], ...]) -> str:
    words = (show_expression(n) if count == 1 else f"{count}*{show_expression(n)}" for count, n in species)
    return " + ".join(words) or "0"


def _modifiers(modifiers: tuple[tree.Modifier, ...]) -> str:
    if not modifiers:
        return ""
    return f"({', '.join(_modifier(m) for m in modifiers)})"


def _modifier(modifier: tree.Modifier) -> str:
    if modifier.attribute == "class":
        return f"{modifier.name} : {show_expression(modifier.value)}{_modifiers(modifier.modifiers)}"
    word = "=" if modifier.attribute == "value" else modifier.attribute
    name = ".".join(p.name + _indices(p.indices) for p in modifier.parts) or modifier.name
    return f"{name} {word} {show_expression(modifier.value)}"


def _iterators(iterators: tuple[tree.Iterator, ...]) -> str:
    return ", ".join(f"{i.name} in {show_expression(i.range)}" for i in iterators)


def _indices(indices: tuple[tree.Expr, ...]) -> str:
    return f"[{', '.join(show_expression(i) for i in indices)}]" if indices else ""


def _doc(text: str | None) -> str:
    return "" if text is None else f" {_quoted(text)}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _at(node: tree.Expr, level: int) -> str:
    """`node` where an expression of at least `level` must stand."""
    text, own = _text(node)
    return text if own >= level else f"({text})"


def _text(node: tree.Expr) -> tuple[str, int]:
    match node:
        case tree.Number(value, unit):
            sign = _ATOM if value >= 0 else _SIGN
            return show_number(value) + (f" [{unit}]" if unit is not None else ""), sign
        case tree.Name(parts):
            return ".".join(p.name + _indices(p.indices) for p in parts), _ATOM
        case tree.Binary():
            return _binary(node)
        case tree.Unary("not", operand):
            return f"not {_at(operand, _NOT)}", _NOT
        case tree.Unary(operator, operand):
            return f"{operator}{_at(operand, _SIGN)}", _SIGN
        case tree.Call(function, arguments, named):
            words = [show_expression(a) for a in arguments]
            words += [f"{name} = {show_expression(value)}" for name, value in named]
            return f"{function}({', '.join(words)})", _ATOM
        case tree.If(condition, yes, no):
            words = (show_expression(condition), show_expression(yes), show_expression(no))
            return "if {} then {} else {}".format(*words), _IF
        case tree.Comprehension(function, body, iterators):
            return f"{function or ''}({show_expression(body)} for {_iterators(iterators)})", _ATOM
        case tree.ArrayLiteral(items):
            return f"{{{', '.join(show_expression(i) for i in items)}}}", _ATOM
        case tree.Range(first, last):
            return f"{show_expression(first)}..{show_expression(last)}", _IF
        case tree.Inlined(value):
            return _text(value)
        case tree.Element(array, indices):
            plain = isinstance(array, tree.Name | tree.Number | tree.Element)
            text = f"({show_expression(array)})" if plain else _at(array, _ATOM)
            return f"{text}{_indices(indices)}", _ATOM
        case tree.Pair(items):
            return f"({', '.join(show_expression(i) for i in items)})", _ATOM
        case tree.Text(value, _, unit):
            return _quoted(value) + (f" [{unit}]" if unit is not None else ""), _ATOM
        case tree.At(value, place):
            return f"{_at(value, _ATOM)} at {_place(place)}", _POWER
        case tree.Over(value, range_):
            return f"{show_expression(value)} over {show_expression(range_)}", _IF
    raise AssertionError(f"no text for {node!r}")


def _place(place: tree.Expr) -> str:
    """A time behind `at`."""
    bare = place.operand if isinstance(place, tree.Unary) and place.operator == "-" else place
    plain = isinstance(bare, tree.Name | tree.Number)
    return show_expression(place) if plain else f"({show_expression(place)})"


def _binary(node: tree.Binary) -> tuple[str, int]:
    """A chain of operators of one level; in a loop, since a sum nests as deep as it is long."""
    level = _LEVEL[node.operator]
    if level == _POWER:
        return f"{_at(node.left, _ATOM)}^{_at(node.right, _SIGN)}", level
    left: tree.Expr = node
    words: list[str] = []
    while isinstance(left, tree.Binary) and _LEVEL[left.operator] == level:
        space = "" if left.operator in _TIGHT else " "
        words.append(f"{space}{left.operator}{space}{_at(left.right, level + 1)}")
        left = left.left
        if level == _COMPARISON:  # comparisons do not chain
            break
    operand = level + 1 if level == _COMPARISON else level
    return _at(left, operand) + "".join(reversed(words)), level
