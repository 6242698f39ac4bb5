"""`flatten`: instances, values, equations, connections and reactions, then alias elimination."""

from collections.abc import Callable, Iterable

import numpy as np

from stiffdsl.check.model import CheckedModel
from stiffdsl.check.modifiers import BEGINNINGS
from stiffdsl.check.units import parse_unit
from stiffdsl.diagnostics import Diagnostic, ModelError, Span, did_you_mean
from stiffdsl.flat.connect import Connections, connection_sets
from stiffdsl.flat.connecting import ports_of
from stiffdsl.flat.domain import Domain, split_rows
from stiffdsl.flat.expand import ROUNDING, SLOT_KINDS, Expansion
from stiffdsl.flat.families import Collector, Rows
from stiffdsl.flat.finish import finished
from stiffdsl.flat.instance import MOST_MEMBERS, Bound, Fault, Node, child_modifiers, count_parts, fits
from stiffdsl.flat.model import Block, FlatModel
from stiffdsl.flat.reactions import Network
from stiffdsl.flat.shapes import lengths, shape_of
from stiffdsl.flat.shared import Sharing, check_size, sharing
from stiffdsl.flat.statements import add_statements
from stiffdsl.flat.template import MINUS_ONE
from stiffdsl.syntax import tree
from stiffdsl.syntax.large import large_trees
from stiffdsl.syntax.tree import SIZES


def flatten(checked: CheckedModel, constants: dict[str, float] | None = None) -> FlatModel:
    """The equations of `checked` in families, aliases eliminated. `constants` overrides `const` values by name.

    Raises `ModelError` with every mistake found (codes E03, E04).
    """
    with large_trees():
        return Builder(checked, constants or {}).flatten()


class Builder:
    """The state of one flattening: numbers given out, rows and diagnostics gathered."""

    def __init__(self, checked: CheckedModel, constants: dict[str, float]):
        self.checked = checked
        self.diagnostics: list[Diagnostic] = []
        self.variables: list[Block] = []
        self.parameters: list[Block] = []
        self.inputs: list[Block] = []
        self.next = {"var": 0, "param": 0, "input": 0}
        self.equations = Collector()
        self.initial = Collector()
        self.parameter_values: list[tuple[np.ndarray, Rows]] = []
        self.input_values: list[tuple[np.ndarray, Rows]] = []
        self.starts: list[tuple[np.ndarray, Rows]] = []
        self.default_starts: list[Block] = []
        self.guesses: list[tuple[np.ndarray, Rows]] = []
        # -1, 0 and 1 come first: signs refer to them by number.
        self._constants: list[np.ndarray] = [np.array([-1.0, 0.0, 1.0])]
        self._constant_count = 3
        self._known_constants: dict[float, int] = {-1.0: 0, 0.0: 1, 1.0: 2}
        self._evaluating: list[tuple[Node, str]] = []
        self.network = Network()
        self.hidden_count: dict[str, int] = {}
        # Parts of long statements that stand in them several times (`shared.py`), and their shapes.
        self.shared: set[int] = set()
        self.shapes: dict[tuple[int, int], tuple[Domain, tuple[int, ...]]] = {}
        span = checked.root.span
        modifiers: dict[tuple[str, str], Bound] = {}
        self.root = Node(checked.root, (), None, None, modifiers)
        for name, value in constants.items():
            modifiers[name, "value"] = Bound(tree.Number(float(value), None, span), self.root, span)
        self._overrides = tuple(constants)

    # --- numbers ---

    @property
    def constants(self) -> np.ndarray:
        """The values of all constants, by their number."""
        return np.concatenate(self._constants)

    def constant(self, value: float) -> int:
        if value not in self._known_constants:
            self._known_constants[value] = self._constant_count
            self._constants.append(np.array([value]))
            self._constant_count += 1
        return self._known_constants[value]

    def constant_ids(self, values: np.ndarray) -> np.ndarray:
        """Numbers of the constants `values`; equal ones in one call share a number."""
        unique, inverse = np.unique(values.astype(float), return_inverse=True)
        first = self._constant_count
        self._constants.append(unique)
        self._constant_count += len(unique)
        return first + inverse.reshape(values.shape)

    def constant_of(self, node: Node, name: str) -> np.ndarray:
        """The value of `const name` of `node`, evaluated when first asked for."""
        if name in node.constants:
            return node.constants[name]  # type: ignore[return-value]
        variable = node.declared[name]
        if (node, name) in self._evaluating:
            raise Fault("E0320", f"`{name}` is defined by itself", variable.span)
        self._evaluating.append((node, name))
        try:
            bound = node.modifiers.get((name, "value"))
            expr, scope = (bound.value, bound.scope) if bound else (variable.value, node)
            if expr is None:
                raise Fault(
                    "E0228",
                    f"`const {name}` has no value",
                    variable.name_span,
                    help=f"write `const {name} = …`",
                )
            dims = self.dimensions(node, variable.dimensions, name)
            fits(float(np.prod(dims, dtype=float)), f"`const {name}` comes to", variable.span)
            domain = Domain.grid((1,) * len(scope.prefix), dims)
            expansion = Expansion(self, scope, domain, auxiliary=False)
            shape = shape_of(expansion, expr)
            if shape and shape != dims:
                raise Fault("E0305", f"`{name}` is {lengths(dims)}, its value is {lengths(shape)}", expr.span)
            value = np.asarray(expansion.structural(expr, f"`const {name}`"), dtype=float)
            node.constants[name] = np.broadcast_to(value, (domain.size,)).reshape(dims)
        finally:
            self._evaluating.pop()
        return node.constants[name]  # type: ignore[return-value]

    def dimensions(self, node: Node, exprs: tuple[tree.Expr, ...], name: str) -> tuple[int, ...]:
        """Array dimensions as numbers."""
        dims = []
        for expr in exprs:
            expansion = Expansion(self, node, Domain.grid((1,) * len(node.prefix)), auxiliary=False)
            value = float(np.ravel(expansion.structural(expr, f"the size of `{name}`"))[0])
            if abs(value - round(value)) > ROUNDING or value < 0:
                raise Fault("E0304", f"`{name}` cannot have {value:g} elements", expr.span)
            dims.append(round(value))
        return tuple(dims)

    def hidden(self, size: int, label: str, span: Span) -> int:
        """New variables the user did not declare (rates, intermediate values): the number of the first."""
        self.hidden_count[label] = self.hidden_count.get(label, 0) + 1
        path = ((f"_{label}_{self.hidden_count[label]}", (size,)),)
        return self._block(path, "hidden", None, None, span).offset

    def _block(
        self, path, kind: str, unit: str | None, doc: str | None, span: Span, low=None, high=None
    ) -> Block:
        group = SLOT_KINDS[kind]
        scale, shift = 1.0, 0.0
        if unit is not None:
            parsed = parse_unit(unit)
            scale, shift = parsed.scale, parsed.shift
        block = Block(path, kind, self.next[group], unit, scale, shift, doc, span, low, high)
        self.next[group] += block.size
        if self.next[group] > MOST_MEMBERS:
            raise Fault("E0304", f"the model has more than {MOST_MEMBERS:,} unknowns", span)
        {"var": self.variables, "param": self.parameters, "input": self.inputs}[group].append(block)
        return block

    def divide(self, *expressions: tree.Expr) -> Sharing:
        """Notes what a statement shares, before it is expanded."""
        found = sharing(*expressions)
        self.shared |= found.parts
        return found

    # --- the whole ---

    def flatten(self) -> FlatModel:
        return finished(self, self.gathered())

    def gathered(self) -> Connections:
        """Reads the whole model: `equations`, values and starts are filled, and what connections say is returned."""
        self.attempt(self.instances)
        self.stop_on_errors()
        nodes = list(self.root.walk())
        for node in nodes:
            self._values(node)
        ports = ports_of(nodes)
        for node in nodes:
            add_statements(self, node, ports)
        rates = [n.blocks["rate"] for n in nodes if n.cls.kind == "reaction" and "rate" in n.blocks]
        for rows in (*self.network.still(rates), *self.network.balances(self.constant_ids)):
            self.equations.add(rows)
        self.stop_on_errors()
        connections = connection_sets(list(ports.values()))
        for rows in connections.balances:
            self.equations.add(rows)
        return connections

    def experiment(self) -> dict[str, object]:
        """The options of the root's `experiment`, evaluated."""
        experiment: dict[str, object] = {}
        if self.checked.root.experiment is None:
            return experiment
        for name, expr in self.checked.root.experiment.options:
            look = Expansion(self, self.root, Domain(), auxiliary=False)
            if expr is None:
                experiment[name] = True
            elif isinstance(expr, tree.Range):
                first = look.structural(expr.first, f"`{name}`")
                last = look.structural(expr.last, f"`{name}`")
                experiment[name] = (float(np.ravel(first)[0]), float(np.ravel(last)[0]))
            elif isinstance(expr, tree.Text):
                experiment[name] = expr.value
            elif name in ("method", "include") and isinstance(expr, tree.Name):
                experiment[name] = expr.parts[0].name
            else:
                experiment[name] = float(np.ravel(look.structural(expr, f"`{name}`"))[0])
        return experiment

    # --- diagnostics ---

    def attempt(self, action: Callable[[], object]) -> object:
        """Run `action`; a mistake in the model is kept, so that others are found as well."""
        try:
            return action()
        except Fault as fault:
            if fault.diagnostic not in self.diagnostics:
                self.diagnostics.append(fault.diagnostic)
            return None

    def stop_on_errors(self) -> None:
        """Raises `ModelError` where mistakes have been found."""
        if self.diagnostics:
            raise ModelError(self.diagnostics)

    # --- instances ---

    def instances(self) -> None:
        count_parts(self.checked.root)
        stack = [self.root]
        while stack:
            node = stack.pop()
            node.declared = {v.name: v for v in node.cls.variables}
            children = []
            for use in node.cls.components:
                dims = self.attempt(
                    lambda node=node, use=use: self.dimensions(node, use.dimensions, use.name)
                )
                if dims is None:
                    continue
                child = Node(use.cls, (*node.path, (use.name, dims)), node, use, child_modifiers(node, use))  # type: ignore[arg-type]
                node.children[use.name] = child
                children.append(child)
            stack.extend(reversed(children))
        for node in self.root.walk():
            self._find_bound_inputs(node)
        for node in self.root.walk():
            for variable in node.cls.variables:
                if variable.kind != "const":
                    self.attempt(lambda node=node, variable=variable: self._declare(node, variable))
        for name in self._overrides:
            self.attempt(lambda name=name: self._check_override(name))

    def _check_override(self, name: str) -> None:
        node: Node | None = self.root
        *parts, last = name.split(".")
        for part in parts:
            node = node.children.get(part) if node else None
        if node is None or last not in node.declared or node.declared[last].kind != "const":
            known = [v.name for v in self.root.cls.variables if v.kind == "const"]
            raise Fault(
                "E0302",
                f"there is no constant `{name}` in `{self.root.cls.name}`",
                self.root.cls.span,
                help=did_you_mean(name, known),
            )

    def _find_bound_inputs(self, node: Node) -> None:
        """An input of a part that its surroundings determine is a variable: bound by a modifier with variables
        in it, or alone on one side of an equation of the enclosing model."""
        for (name, attribute), bound in node.modifiers.items():
            variable = node.declared.get(name)
            literal = isinstance(bound.value, tree.Number | tree.Unary | tree.ArrayLiteral)
            if attribute == "value" and variable and variable.kind == "input" and not literal:
                node.bound_inputs.add(name)
        for statement in _all_equations(node.cls.equations):
            for side in (statement.left, statement.right):
                if isinstance(side, tree.Name) and len(side.parts) > 1:
                    target: Node | None = node
                    for part in side.parts[:-1]:
                        target = target.children.get(part.name) if target else None
                    name = side.parts[-1].name
                    if target and name in target.declared and target.declared[name].kind == "input":
                        target.bound_inputs.add(name)

    def _declare(self, node: Node, variable: tree.Variable) -> None:
        own = self.dimensions(node, variable.dimensions, variable.name)
        path = (*node.path, (variable.name, own))
        kind = "var" if variable.name in node.bound_inputs else variable.kind
        low = high = None
        if variable.range is not None:
            look = Expansion(self, node, Domain.grid((1,) * len(node.prefix)), auxiliary=False)
            low = float(np.ravel(look.structural(variable.range.first, "a range"))[0])
            high = float(np.ravel(look.structural(variable.range.last, "a range"))[0])
            if low > high:
                raise Fault("E0308", f"the range of `{variable.name}` is empty", variable.range.span)
        block = self._block(path, kind, variable.unit, variable.doc, variable.name_span, low, high)
        node.blocks[variable.name] = block
        own_sizes = (variable.nominal, variable.min, variable.max)
        for name in SIZES if node.modifiers or own_sizes != (None, None, None) else ():
            bound = self._bound(node, variable, name, getattr(variable, name))
            if bound is not None:
                block.sizes[name] = self._size(block, name, bound)

    def _size(self, block: Block, name: str, bound: Bound) -> np.ndarray:
        """What is declared of the size of every scalar of `block`."""
        values = np.empty(block.size)
        if isinstance(bound.value, tree.Number):
            values = np.broadcast_to(bound.value.value, (block.size,))
        else:
            for expansion, rows in self._expansions(block, bound, auxiliary=False):
                values[rows] = expansion.structural(bound.value, f"the {name} of `{block.name}`")
        if name == "nominal" and not np.all(values > 0):
            raise Fault("E0308", f"the nominal of `{block.name}` is not positive", bound.span)
        least = block.sizes.get("min")
        if name == "max" and least is not None and np.any(values < least):
            raise Fault("E0308", f"the range of `{block.name}` is empty", bound.span)
        return values

    # --- values ---

    def _values(self, node: Node) -> None:
        for variable in node.cls.variables:
            if variable.kind != "const" and variable.name in node.blocks:
                self.attempt(lambda variable=variable: self._values_of(node, variable))
        for name, _ in node.modifiers:
            if "." not in name and name in node.declared and node.declared[name].kind == "const":
                self.attempt(lambda name=name: self.constant_of(node, name))

    def _values_of(self, node: Node, variable: tree.Variable) -> None:
        block = node.blocks[variable.name]
        value = self._bound(node, variable, "value", variable.value)
        if block.kind == "param":
            if value is None:
                raise Fault(
                    "E0228",
                    f"`{block.name}` has no value",
                    variable.name_span,
                    "this parameter needs one",
                    help=f"write `param {variable.name} = …`, or set it where the part is declared",
                )
            self.parameter_values += self._define(block, value, f"the parameter `{block.name}`")
        elif block.kind == "input":
            if value is not None:
                self.input_values += self._define(block, value, f"the default of the input `{block.name}`")
        elif value is not None and not (variable.name in node.bound_inputs and value.scope is node):
            self._bind(block, value)
        start = self._bound(node, variable, "start", variable.start)
        if start is not None:
            self.starts += self._define(block, start, f"the start value of `{block.name}`")
            if start.scope is node and node is not self.root:
                self.default_starts.append(block)
        guess = self._bound(node, variable, "guess", variable.guess)
        if guess is not None:
            self.guesses += self._define(block, guess, f"the guess of `{block.name}`")

    def _bound(
        self, node: Node, variable: tree.Variable, attribute: str, own: tree.Expr | None
    ) -> Bound | None:
        bound = node.modifiers.get((variable.name, attribute))
        if bound is not None or own is None:
            return bound
        if attribute in BEGINNINGS and any((variable.name, a) in node.modifiers for a in BEGINNINGS):
            return None  # a modifier says where it begins
        return Bound(own, node, own.span)

    def _expansions(
        self, block: Block, bound: Bound, auxiliary: bool
    ) -> Iterable[tuple[Expansion, np.ndarray]]:
        """The domains in which a value is expanded for every scalar of `block`, split where it must be."""
        prefix = bound.scope.prefix
        extra = block.shape[len(prefix) :]
        domain = Domain.grid(prefix, extra)
        shape = shape_of(Expansion(self, bound.scope, domain), bound.value)
        if shape and shape != extra:
            if shape == extra[: len(shape)]:
                domain = domain.with_axes(domain.axes[: len(shape)])
            elif shape != extra[len(extra) - len(shape) :]:
                wanted, given = lengths(extra), lengths(shape)
                raise Fault("E0305", f"`{block.name}` is {wanted}, its value is {given}", bound.span)
        for rows in split_rows(domain.size, lambda rows: self._try(bound, domain.take(rows), auxiliary)):
            yield Expansion(self, bound.scope, domain.take(rows), auxiliary), rows

    def _try(self, bound: Bound, domain: Domain, auxiliary: bool) -> None:
        del auxiliary
        look = Expansion(self, bound.scope, domain, auxiliary=False)
        look.lift(look.expand(bound.value))

    def _define(self, block: Block, bound: Bound, what: str) -> list[tuple[np.ndarray, Rows]]:
        check_size(self.divide(bound.value), bound.span)
        if isinstance(bound.value, tree.Number):
            number = Rows(("num", bound.value.value), (), (), (), block.size, bound.span)
            return [(block.offset + np.arange(block.size), number)]
        found = []
        for expansion, rows in self._expansions(block, bound, auxiliary=False):
            skeleton = expansion.lift(expansion.expand(bound.value))
            wrong = [k for k in expansion.kinds if k in ("var", "der")] or (
                ["time"] if _mentions_time(skeleton) else []
            )
            if block.kind == "param" and "input" in expansion.kinds:
                wrong.append("input")
            if wrong:
                thing = {"time": "`time`", "input": "an input"}.get(wrong[0], "a variable")
                raise Fault(
                    "E0224",
                    f"{what} cannot depend on {thing}",
                    bound.span,
                    help="make it a `var` with an equation" if block.kind == "param" else None,
                )
            found.append((block.offset + rows, expansion.rows(skeleton, bound.span)))
        return found

    def _bind(self, block: Block, bound: Bound) -> None:
        """`var y = value` is the equation y = value."""
        self.divide(bound.value)
        for expansion, rows in self._expansions(block, bound, auxiliary=True):
            value = expansion.lift(expansion.expand(bound.value))
            target = expansion.slot("var", block.offset + rows)
            self.equations.add(expansion.rows(("add", target, ("mul", MINUS_ONE, value)), bound.span))


def _all_equations(statements: tuple[tree.Statement, ...]):
    for statement in statements:
        match statement:
            case tree.Equation():
                yield statement
            case tree.For():
                yield from _all_equations(statement.body)
            case tree.Alike(pattern=tree.Equation() as pattern):
                yield pattern
            case tree.IfEquation():
                for _, body in statement.branches:
                    yield from _all_equations(body)


def _mentions_time(skeleton) -> bool:
    return skeleton == ("time",) or any(isinstance(s, tuple) and _mentions_time(s) for s in skeleton)
