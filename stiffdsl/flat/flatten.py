"""`flatten`: instances, values, equations, connections and reactions, then alias elimination."""

from collections.abc import Callable, Iterable

import numpy as np

from stiffdsl.check.model import CheckedModel
from stiffdsl.check.units import parse_unit
from stiffdsl.diagnostics import Diagnostic, ModelError, Span, did_you_mean
from stiffdsl.flat import aliases as alias_pass
from stiffdsl.flat.alike import of_lines
from stiffdsl.flat.connect import Ports, connection_sets
from stiffdsl.flat.domain import Domain
from stiffdsl.flat.expand import MINUS_ONE, ROUNDING, SLOT_KINDS, Expansion, Split, lengths, text
from stiffdsl.flat.families import Collector, Rows
from stiffdsl.flat.instance import Bound, Fault, Node, child_modifiers, positions
from stiffdsl.flat.model import Block, Definition, Family, FlatModel
from stiffdsl.flat.reactions import Network
from stiffdsl.flat.values import definitions
from stiffdsl.syntax import tree
from stiffdsl.syntax.large import large_trees

# More scalars than this are a slip (`const N = 1e9`), not a model for this machine.
MOST_SCALARS = 20_000_000


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
        span = checked.root.span
        modifiers: dict[tuple[str, str], Bound] = {}
        self.root = Node(checked.root, (), None, None, modifiers)
        for name, value in constants.items():
            modifiers[name, "value"] = Bound(tree.Number(float(value), None, span), self.root, span)
        self._overrides = tuple(constants)

    # --- numbers ---

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
            domain = Domain.grid((1,) * len(scope.prefix), dims)
            expansion = Expansion(self, scope, domain, auxiliary=False)
            shape = expansion.shape(expr)
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
        if self.next[group] > MOST_SCALARS:
            raise Fault("E0304", f"the model has more than {MOST_SCALARS:,} unknowns", span)
        {"var": self.variables, "param": self.parameters, "input": self.inputs}[group].append(block)
        return block

    # --- the whole ---

    def flatten(self) -> FlatModel:
        self._attempt(self._instances)
        self._stop_on_errors()
        nodes = list(self.root.walk())
        for node in nodes:
            self._values(node)
        ports = self._ports(nodes)
        for node in nodes:
            self._equations(node, ports)
        for rows in self.network.balances(self.constant_ids):
            self.equations.add(rows)
        self._stop_on_errors()
        connections = connection_sets(list(ports.values()))
        for rows in connections.balances:
            self.equations.add(rows)
        return self._finish(connections)

    def _finish(self, connections) -> FlatModel:
        size = self.next["var"]
        families = self.equations.build(self.constant)
        balances = sum(rows.size for rows in connections.balances)
        before = sum(f.size for f in families) - balances + connections.equations
        is_state = np.zeros(size, dtype=bool)
        for family in families:
            for k, kind in enumerate(family.kinds):
                if kind == "der":
                    is_state[family.table[:, k]] = True
            for terms in family.sums:
                for k, kind in enumerate(terms.kinds):
                    if kind == "der":
                        is_state[terms.table[:, k]] = True
        rank = self._rank(is_state)
        equal = [(a, b, np.full(len(a), sign)) for a, b, sign in connections.equal]
        found = alias_pass.union(size, equal, connections.zero, rank)
        reduced, found = alias_pass.eliminate(families, found, rank)
        kept = tuple(f for f in reduced if not self._vanished(f))
        self._stop_on_errors()
        states = np.zeros(size, dtype=bool)
        states[found.of[is_state & (found.sign != 0)]] = True
        initial = self._rewritten(self.initial.build(self.constant), found)
        default = np.zeros(size, dtype=bool)
        for block in self.default_starts:
            default[block.offset : block.offset + block.size] = True
        starts, checks = self._unique_starts(definitions(self.starts, self.constant), found, rank, default)
        guesses, _ = self._unique_starts(definitions(self.guesses, self.constant), found, rank, default)
        started = np.concatenate([np.zeros(0, dtype=np.int64), *(targets for targets, _ in self.starts)])
        yielding = np.zeros(size, dtype=bool)
        yielding[found.of[started[default[started]]]] = True
        yielding[found.of[started[~default[started]]]] = False
        parameter_values = definitions(self.parameter_values, self.constant, self.parameters)
        input_values = definitions(self.input_values, self.constant)
        return FlatModel(
            name=self.checked.root.name,
            doc=self.checked.root.doc,
            variables=tuple(self.variables),
            parameters=tuple(self.parameters),
            inputs=tuple(self.inputs),
            constants=np.concatenate(self._constants),
            equations=kept,
            initial=initial + checks,
            parameter_values=parameter_values,
            input_values=input_values,
            starts=starts,
            default_start=yielding,
            guesses=guesses,
            is_state=states,
            alias=found.of,
            sign=found.sign,
            experiment=self._experiment(),
            warnings=self.checked.warnings,
            counts={
                "equations_before": before,
                "unknowns_before": size,
                "aliases": int(np.sum((found.of != np.arange(size)) | (found.sign == 0))),
                "equations": sum(f.size for f in kept),
            },
        )

    def _vanished(self, family: Family) -> bool:
        return bool(self._attempt(lambda: alias_pass.vanished(family)))

    def _rewritten(self, families: tuple[Family, ...], found) -> tuple[Family, ...]:
        parts = [part for family in families for part in alias_pass.rewrite(family, found)]
        return tuple(f for f in parts if not self._vanished(f))

    def _rank(self, is_state: np.ndarray) -> np.ndarray:
        """Who represents a class of aliases: states, then what the user declared, nearest to the root."""
        key = np.zeros(len(is_state), dtype=np.int64)
        order = {"output": 0, "var": 0, "potential": 1, "flow": 1, "hidden": 2}
        for block in self.variables:
            key[block.offset : block.offset + block.size] = order[block.kind] * 1000 + len(block.path)
        key[~is_state] += 10_000_000
        rank = np.empty(len(key), dtype=np.int64)
        rank[np.lexsort((np.arange(len(key)), key))] = np.arange(len(key))
        return rank

    def _unique_starts(
        self, values: tuple[Definition, ...], found, rank: np.ndarray, default: np.ndarray
    ) -> tuple[tuple[Definition, ...], tuple[Family, ...]]:
        """Start values of representatives; where a class has several, the others become conditions to check.

        `default`: variables whose value is only the default of a part's class; it gives way to any other.
        """
        targets = np.concatenate([np.zeros(0, dtype=np.int64), *(d.targets for d in values)])
        leader = found.of[targets]
        order = np.lexsort((rank[targets], default[targets], leader))
        first = np.r_[True, np.diff(leader[order]) != 0] if len(order) else np.zeros(0, dtype=bool)
        chosen = np.zeros(len(targets), dtype=bool)
        chosen[order[first]] = True
        chosen &= found.sign[targets] != 0
        kept, checks, at = [], [], 0
        for definition in values:
            mine = slice(at, at + len(definition.targets))
            at += len(definition.targets)
            for sign in (1, -1):
                rows = np.flatnonzero(chosen[mine] & (found.sign[definition.targets] == sign))
                if len(rows):
                    family = _select(definition.value, rows, sign)
                    kept.append(Definition(found.of[definition.targets[rows]], family))
            rest = np.flatnonzero(~chosen[mine] & ~default[definition.targets])
            if len(rest):
                checks += self._conditions(definition, rest, found)
        return tuple(kept), tuple(checks)

    def _conditions(self, definition: Definition, rows: np.ndarray, found) -> list[Family]:
        """`target - value = 0` for the members `rows` of a definition."""
        value = _select(definition.value, rows, 1)
        width = len(value.kinds)
        template = alias_pass.condition(value.template, width)
        table = np.column_stack([value.table, definition.targets[rows]])
        family = Family(template, (*value.kinds, "var"), table, value.origins, value.which)
        return list(self._rewritten((family,), found))

    def _experiment(self) -> dict[str, object]:
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
            elif name == "method" and isinstance(expr, tree.Name):
                experiment[name] = expr.parts[0].name
            else:
                experiment[name] = float(np.ravel(look.structural(expr, f"`{name}`"))[0])
        return experiment

    # --- diagnostics ---

    def _attempt(self, action: Callable[[], object]) -> object:
        try:
            return action()
        except Fault as fault:
            if fault.diagnostic not in self.diagnostics:
                self.diagnostics.append(fault.diagnostic)
            return None

    def _stop_on_errors(self) -> None:
        if self.diagnostics:
            raise ModelError(self.diagnostics)

    # --- instances ---

    def _instances(self) -> None:
        stack = [self.root]
        while stack:
            node = stack.pop()
            node.declared = {v.name: v for v in node.cls.variables}
            children = []
            for use in node.cls.components:
                dims = self._attempt(
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
                    self._attempt(lambda node=node, variable=variable: self._declare(node, variable))
        for name in self._overrides:
            self._attempt(lambda name=name: self._check_override(name))

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

    # --- values ---

    def _values(self, node: Node) -> None:
        for variable in node.cls.variables:
            if variable.kind != "const" and variable.name in node.blocks:
                self._attempt(lambda variable=variable: self._values_of(node, variable))
        for name, _ in node.modifiers:
            if "." not in name and name in node.declared and node.declared[name].kind == "const":
                self._attempt(lambda name=name: self.constant_of(node, name))

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
        if bound is None and own is not None:
            bound = Bound(own, node, own.span)
        return bound

    def _expansions(
        self, block: Block, bound: Bound, auxiliary: bool
    ) -> Iterable[tuple[Expansion, np.ndarray]]:
        """The domains in which a value is expanded for every scalar of `block`, split where it must be."""
        prefix = bound.scope.prefix
        extra = block.shape[len(prefix) :]
        domain = Domain.grid(prefix, extra)
        shape = Expansion(self, bound.scope, domain).shape(bound.value)
        if shape and shape != extra:
            if shape == extra[: len(shape)]:
                domain = domain.with_axes(domain.axes[: len(shape)])
            elif shape != extra[len(extra) - len(shape) :]:
                wanted, given = lengths(extra), lengths(shape)
                raise Fault("E0305", f"`{block.name}` is {wanted}, its value is {given}", bound.span)
        for rows in _split(domain.size, lambda rows: self._try(bound, domain.take(rows), auxiliary)):
            yield Expansion(self, bound.scope, domain.take(rows), auxiliary), rows

    def _try(self, bound: Bound, domain: Domain, auxiliary: bool) -> None:
        del auxiliary
        look = Expansion(self, bound.scope, domain, auxiliary=False)
        look.lift(look.expand(bound.value))

    def _define(self, block: Block, bound: Bound, what: str) -> list[tuple[np.ndarray, Rows]]:
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
        for expansion, rows in self._expansions(block, bound, auxiliary=True):
            value = expansion.lift(expansion.expand(bound.value))
            target = expansion.slot("var", block.offset + rows)
            self.equations.add(expansion.rows(("add", target, ("mul", MINUS_ONE, value)), bound.span))

    # --- equations ---

    def _equations(self, node: Node, ports: dict[int, Ports]) -> None:
        domain = Domain.grid(node.prefix)
        if not domain.size:
            return
        for statement in node.cls.equations:
            self._attempt(lambda s=statement: self._statement(node, s, domain, self.equations, ports))
        for statement in node.cls.initial:
            self._attempt(lambda s=statement: self._statement(node, s, domain, self.initial, ports))
        for reaction in node.cls.reactions:
            self._attempt(lambda r=reaction: self._reaction(node, r, domain))

    def _statement(
        self, node: Node, statement: tree.Statement, domain: Domain, into: Collector, ports: dict[int, Ports]
    ) -> None:
        match statement:
            case tree.Equation():
                self._equation(node, statement, domain, into)
            case tree.Connect():
                self._connect(node, statement, domain, ports)
            case tree.For():
                inner = self._loop(node, statement.iterators, domain)
                for each in statement.body:
                    self._attempt(lambda e=each: self._statement(node, e, inner, into, ports))
            case tree.IfEquation():
                self._branches(node, statement, domain, into, ports)
            case tree.Alike(pattern=tree.Equation() as pattern):
                for inner in of_lines(statement, node, domain):
                    self._equation(node, pattern, inner, into)
            case _:
                raise AssertionError(f"check lets no {type(statement).__name__} pass")

    def _loop(self, node: Node, iterators: tuple[tree.Iterator, ...], domain: Domain) -> Domain:
        inner, _ = Expansion(self, node, domain)._terms(iterators)
        return inner

    def _branches(self, node: Node, statement: tree.IfEquation, domain: Domain, into, ports) -> None:
        left = np.arange(domain.size)
        for condition, body in statement.branches:
            here = left
            if condition is not None:
                look = Expansion(self, node, domain.take(left))
                value = look.structural(condition, "the condition around equations")
                truth = np.broadcast_to(value if value.dtype == bool else value != 0, (len(left),))
                here, left = left[truth], left[~truth]
            else:
                left = left[:0]
            if len(here):
                chosen = domain.take(here)
                for each in body:
                    self._attempt(lambda e=each, d=chosen: self._statement(node, e, d, into, ports))

    def _equation(self, node: Node, statement: tree.Equation, domain: Domain, into: Collector) -> None:
        if not domain.size:
            return
        look = Expansion(self, node, domain)
        both = tree.Binary("+", statement.left, statement.right, statement.span)
        shape = look.shape(both)
        if shape:
            self._check_left(look, statement, shape)
            domain = domain.product(shape)

        def add(rows: np.ndarray) -> None:
            expansion = Expansion(self, node, domain.take(rows))
            skeleton = expansion.lift(expansion.expand(both_sides))
            into.add(expansion.rows(skeleton, statement.span))

        both_sides = tree.Binary("-", statement.left, statement.right, statement.span)
        list(_split(domain.size, add))

    def _check_left(self, look: Expansion, statement: tree.Equation, shape: tuple[int, ...]) -> None:
        """`y = x` of a number and an array is a slip: it would say that all elements are equal."""
        left = statement.left
        if isinstance(left, tree.Name) and not look.shape(left):
            raise Fault(
                "E0305",
                f"`{text(left)}` is a single number, the other side is {lengths(shape)}",
                statement.span,
                help="give the array an index, or write the array on the left to set all its elements",
            )

    def _reaction(self, node: Node, reaction: tree.Reaction | tree.For | tree.Alike, domain: Domain) -> None:
        if isinstance(reaction, tree.For):
            inner = self._loop(node, reaction.iterators, domain)
            for each in reaction.body:
                assert isinstance(each, tree.Reaction | tree.For)
                self._attempt(lambda e=each: self._reaction(node, e, inner))
        elif isinstance(reaction, tree.Alike):
            assert isinstance(reaction.pattern, tree.Reaction)
            for inner in of_lines(reaction, node, domain):
                self._reaction(node, reaction.pattern, inner)
        elif domain.size:
            list(
                _split(
                    domain.size,
                    lambda rows: self.network.add(Expansion(self, node, domain.take(rows)), reaction),
                )
            )

    # --- connections ---

    def _ports(self, nodes: list[Node]) -> dict[int, Ports]:
        groups: dict[int, Ports] = {}
        for node in nodes:
            if node.use is not None and node.use.kind == "port":
                groups.setdefault(id(node.cls), Ports(node.cls)).add(node)
        return groups

    def _connect(self, node: Node, statement: tree.Connect, domain: Domain, ports: dict[int, Ports]) -> None:
        shapes = [self._port_shape(node, point, domain) for point in statement.points]
        shape = next((s for s in shapes if s), ())
        for point, other in zip(statement.points, shapes, strict=True):
            if other and other != shape:
                raise Fault(
                    "E0305",
                    f"`{text(point)}` is {lengths(other)}, what it is connected to is {lengths(shape)}",
                    point.span,
                    help="connect single ports in a `for`",
                )
        if shape:
            domain = domain.product(shape)
        faces, group = [], None
        for point in statement.points:
            target, index = self._port(node, point, domain)
            mine = ports[id(target.cls)]
            if group is not None and mine is not group:
                raise Fault(
                    "E0252",
                    f"a `{group.cls.name}` cannot be connected to a `{mine.cls.name}`",
                    point.span,
                )
            group = mine
            instance = mine.first[id(target)] + positions(target.prefix, index, domain.size)
            faces.append(2 * instance + (1 if len(point.parts) == 1 else 0))
        assert group is not None
        group.spans.setdefault(0, statement.span)
        group.edges += [(faces[0], face) for face in faces[1:]]

    def _port_shape(self, node: Node, point: tree.Name, domain: Domain) -> tuple[int, ...]:
        target, shape = node, []
        for part in point.parts:
            child = target.children.get(part.name)
            if child is None:
                raise Fault("E0221", f"there is no port `{part.name}`", point.span)
            if not part.indices:
                shape += child.dims
            target = child
        if target.use is None or target.use.kind != "port":
            raise Fault("E0251", f"`{'.'.join(p.name for p in point.parts)}` is not a port", point.span)
        return tuple(shape)

    def _port(self, node: Node, point: tree.Name, domain: Domain) -> tuple[Node, list[np.ndarray]]:
        expansion = Expansion(self, node, domain)
        target, index = node, list(domain.prefix)
        axes = iter(domain.axes)
        for part in point.parts:
            target = target.children[part.name]
            for i in expansion._indices(part, target.dims, point):
                index.append(next(axes) if i is None else i)
        return target, index


def _split(size: int, action: Callable[[np.ndarray], object]):
    """Runs `action` on all rows, or on the parts into which structural conditions split them; yields the parts."""
    pending = [np.arange(size)] if size else []
    while pending:
        rows = pending.pop()
        try:
            action(rows)
        except Split as split:
            pending += [rows[~split.mask], rows[split.mask]]
            continue
        yield rows


def _select(family: Family, rows: np.ndarray, sign: int) -> Family:
    template = family.template if sign == 1 else -family.template
    return Family(template, family.kinds, family.table[rows], family.origins, family.which[rows])


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
