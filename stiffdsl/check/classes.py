"""Classes: their members are declared first (who extends whom, what is of which type), then their content is
elaborated.

    partial model TwoPin … end
    model Resistor extends TwoPin …        one `Class` holding both, inherited content first

Each class is elaborated once, whatever the number of its instances. Of a base that is reached along two
ways one copy is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from stiffdsl.check import bundles, labels
from stiffdsl.check.constants import literal_dimensions
from stiffdsl.check.distributions import as_declared, distributed, doses, observation
from stiffdsl.check.enums import declared_enum
from stiffdsl.check.expressions import Walker
from stiffdsl.check.fields.declarations import FieldContent, array_of, content_of, layout_of
from stiffdsl.check.fields.grid import Place
from stiffdsl.check.model import Class, ComponentUse, FieldUse, TableUse
from stiffdsl.check.modifiers import BEGINNINGS, an, elaborate_modifiers, given_to_bundle, merged
from stiffdsl.check.names import VisibleNames, dotted, names_in
from stiffdsl.check.networks import declared_network
from stiffdsl.check.outputs import OutputUnits
from stiffdsl.check.quantities.units import UnitError, parse_unit
from stiffdsl.check.replaced import can_stand_for, member_at, missing_in, with_class
from stiffdsl.check.report import Report
from stiffdsl.check.scope import RESERVED, LocatedDeclaration, Scope, say_duplicate, say_reserved
from stiffdsl.check.statements import Statements
from stiffdsl.check.symbols import (
    Entity,
    FieldMember,
    FunctionMember,
    Instance,
    Member,
    NetworkMember,
    Progress,
    Quantity,
    TableMember,
)
from stiffdsl.check.tables import TableElaboration, Tabulated, is_reader
from stiffdsl.check.typed import Level
from stiffdsl.diagnostics import Span, did_you_mean
from stiffdsl.syntax import tree
from stiffdsl.syntax.show import show_expression
from stiffdsl.syntax.tree import SIZES

# Kinds of declarations that a range says something of: what varies, and between what.
RANGED = ("param", "input")


@dataclass(frozen=True)
class Layer:
    """The content of one class of an inheritance chain, elaborated, with modifiers of `extends` applied."""

    variables: tuple[tree.Variable, ...] = ()
    components: tuple[ComponentUse, ...] = ()
    equations: tuple[tree.Statement, ...] = ()
    initial: tuple[tree.Statement, ...] = ()
    reactions: tuple[tree.Reaction | tree.For | tree.GroupedLines, ...] = ()
    experiment: tree.Experiment | None = None
    observations: tuple[tree.Variable, ...] = ()
    doses: tuple[tree.Name, ...] = ()
    tables: tuple[TableUse, ...] = ()
    networks: tuple[tree.NetworkDeclaration, ...] = ()
    fields: tuple[FieldUse, ...] = ()
    field_ends: tuple[tuple[str, int, tuple[tree.Expr, ...]], ...] = ()
    spreads: tuple[tuple[str, bool], ...] = ()
    speeds: tuple[tuple[str, int, tree.Expr], ...] = ()
    calls_functions: bool = False


@dataclass
class _Finished:
    cls: Class
    layers: dict[int, Layer]
    missing: dict[str, Span] = field(default_factory=dict)


@dataclass
class _Declarations:
    """The declarations of a model as they were checked, in their order."""

    variables: list[tree.Variable] = field(default_factory=list)
    components: list[ComponentUse] = field(default_factory=list)
    tables: list[TableUse] = field(default_factory=list)
    networks: list[tree.NetworkDeclaration] = field(default_factory=list)
    observations: dict[str, tree.Variable] = field(default_factory=dict)
    dosed: list[tree.Name] = field(default_factory=list)
    fields: list[FieldContent] = field(default_factory=list)


class Classes:
    """Every class that was asked for, by its declaration."""

    def __init__(self, report: Report, tables: TableElaboration):
        self.report = report
        self.tables = tables
        self._entities: dict[int, Entity] = {}
        self._finished: dict[int, _Finished] = {}
        self._finishing: list[Entity] = []
        self._missing_of: dict[int, dict[str, Span]] = {}
        self._array_names: dict[int, str] = {}
        self._replaced: dict[tuple[int, str, int], Entity] = {}
        self._output_units = OutputUnits(self._declared)

    # --- declaration -----------------------------------------------------------------------------

    def entity(self, scope: Scope, declaration: tree.Model | tree.Connector) -> Entity:
        """The class with its members declared."""
        key = id(declaration)
        if key not in self._entities:
            self._entities[key] = Entity(scope, declaration, complete=scope.complete)
        entity = self._entities[key]
        if entity.progress is Progress.NEW:
            entity.progress = Progress.OPEN
            self._declare(entity)
            entity.progress = Progress.DONE
        return entity

    def _declared(self, entity: Entity) -> Entity:
        """The class itself, with its members declared; one with replaced classes has them."""
        done = entity.progress is Progress.DONE
        return entity if done else self.entity(entity.scope, entity.declaration)

    def _declare(self, entity: Entity) -> None:
        declaration = entity.declaration
        if isinstance(declaration, tree.Connector):
            for variable in declaration.members:
                self._member(entity, variable.name, self._quantity(variable, entity.scope))
            bundles.refuse_mixed(declaration, self.report)
            for port in declaration.ports:
                entity.own[port.name] = self._instance(entity, port)
                self._member(entity, port.name, entity.own[port.name])
            return
        for extends in declaration.extends:
            base = self._base(entity, extends)
            if base is None:
                entity.complete = False
                continue
            entity.bases.append((extends, base))
            entity.complete = entity.complete and base.complete
            for name, member in base.members.items():
                self._member(entity, name, member)
        for item in declaration.declarations:
            if isinstance(item, tree.Dose) or (isinstance(item, tree.Variable) and item.kind == "observe"):
                continue
            if isinstance(item, tree.Variable) and (bundle := self._bundle(entity, item)) is not None:
                entity.own[item.name] = bundle
                self._member(entity, item.name, bundle)
            elif isinstance(item, tree.Variable):
                item = as_declared(item)
                entity.own[item.name] = self._quantity(item, entity.scope)
                self._member(entity, item.name, entity.own[item.name])
            elif isinstance(item, tree.Component):
                instance = self._instance(entity, item)
                entity.own[item.name] = instance
                self._member(entity, item.name, instance)
            elif isinstance(item, tree.TableDeclaration):
                entity.own[item.name] = TableMember(item)
                self._member(entity, item.name, entity.own[item.name])
            elif isinstance(item, tree.Field):
                array = self._quantity(array_of(item), entity.scope)
                entity.own[item.name] = FieldMember(array.variable, 1, array.unit, None, item)
                self._member(entity, item.name, entity.own[item.name])
            else:
                entity.own[item.name] = NetworkMember(item)
                self._member(entity, item.name, entity.own[item.name])
        for reaction, around in labels.labelled(declaration.reactions):
            instance = labels.declared(reaction, around, entity)
            entity.own[instance.component.name] = instance
            self._member(entity, instance.component.name, instance)

    def _declare_below(self, entity: Entity, seen: set[int]) -> None:
        """Declares the members of all parts, which modifiers of parts that are written before them may name."""
        for member in entity.members.values():
            if isinstance(member, Instance) and member.entity is not None and id(member.entity) not in seen:
                seen.add(id(member.entity))
                self._declare_below(self._declared(member.entity), seen)

    def _member(self, entity: Entity, name: str, member: Member) -> None:
        if name in RESERVED:
            say_reserved(self.report, name, member.span)
        earlier = entity.members.get(name)
        if earlier is None:
            entity.members[name] = member
        elif earlier is not member:
            say_duplicate(self.report, name, member.span, earlier.span)

    def _quantity(self, variable: tree.Variable, scope: Scope) -> Quantity:
        try:
            unit = parse_unit(variable.unit) if variable.unit is not None else None
        except UnitError:
            unit = None  # reported where the class is elaborated
        dims = variable.dimensions or (literal_dimensions(variable.value) if variable.value else ())
        return Quantity(variable, len(dims), unit, declared_enum(variable, scope, self.report))

    def _bundle(self, entity: Entity, item: tree.Variable) -> Instance | None:
        """The instance of a bundle of inputs, where a declaration is of one."""
        assert isinstance(entity.declaration, tree.Model)
        found = bundles.bundle_of(item, entity.declaration, entity.scope)
        if found is None:
            return None
        component, located = found
        assert isinstance(located.declaration, tree.Connector)
        if bundles.refused(item, located.declaration, self.report):
            return Instance(component, 0, None)
        return Instance(component, 0, self.entity(located.scope, located.declaration))

    def _instance(self, entity: Entity, component: tree.Component) -> Instance:
        found = entity.scope.find(component.type)
        if found is None:
            if entity.scope.complete:
                wanted = tree.Connector if component.kind == "port" else tree.Model
                self._unknown_type(entity.scope, component.type, component.type_span, wanted)
            entity.complete = False
            return Instance(component, len(component.dimensions), None)
        declaration = found.declaration
        wanted = tree.Connector if component.kind == "port" else tree.Model
        if not isinstance(declaration, wanted):
            self._wrong_type(component, declaration)
            return Instance(component, len(component.dimensions), None)
        if bundles.is_port_of_inputs(component, declaration, self.report):
            return Instance(component, len(component.dimensions), None)
        if isinstance(declaration, tree.Model) and declaration.partial:
            self.report.say(
                "E0212",
                f"`{component.type}` is partial: it is there to be extended",
                (component.type_span, "cannot be a part"),
                help="use a model that extends it",
            )
        target = self._entities.setdefault(
            id(declaration), Entity(found.scope, declaration, complete=found.scope.complete)
        )
        target = self._with_replaced_classes(entity.scope, target, component.modifiers)
        return Instance(component, len(component.dimensions), target)

    def _with_replaced_classes(
        self, scope: Scope, target: Entity, modifiers: tuple[tree.Modifier, ...]
    ) -> Entity:
        """`target` with the parts that `modifiers`, written in `scope`, give another class."""
        for modifier in modifiers:
            if target.progress is Progress.OPEN:
                continue
            if modifier.attribute == "value" and isinstance(modifier.value, tree.Name):
                target = self._with_function(scope, target, modifier)
            if modifier.attribute != "class":
                continue
            target = self._declared(target)
            assert isinstance(modifier.value, tree.Name)
            found = scope.find(dotted(modifier.value))
            path = modifier.name.split(".")
            member = member_at(target, path, self._declared)
            if not isinstance(member, Instance):
                continue  # reported with the modifiers
            wanted = tree.Connector if member.component.kind == "port" else tree.Model
            if found is None or not isinstance(found.declaration, wanted):
                self._wrong_replacement(scope, modifier, found, member, wanted)
                continue
            new = self.entity(found.scope, found.declaration)
            new = self._with_replaced_classes(scope, new, modifier.modifiers)
            if member.entity is None or missing_in(new, self._declared(member.entity), modifier, self.report):
                continue
            key = (id(target), modifier.name, id(new))
            if key not in self._replaced:
                self._replaced[key] = with_class(target, path, new)
            target = self._replaced[key]
        return target

    def _with_function(self, scope: Scope, target: Entity, modifier: tree.Modifier) -> Entity:
        """`target` with a function in the place of a table, where a modifier says so."""
        assert isinstance(modifier.value, tree.Name)
        if any(part.indices for part in modifier.value.parts):
            return target
        found = scope.find(dotted(modifier.value))
        if found is None or not isinstance(found.declaration, tree.FunctionDeclaration):
            return target
        path = modifier.name.split(".")
        member = member_at(self._declared(target), path, self._declared)
        if not isinstance(member, TableMember) or not can_stand_for(
            found.declaration, member.table, modifier, self.tables, self.report
        ):
            return target
        key = (id(target), modifier.name, id(found.declaration))
        if key not in self._replaced:
            self._replaced[key] = with_class(target, path, FunctionMember(member.table, found))
        return self._replaced[key]

    def _unknown_type(self, scope: Scope, name: str, span: Span, wanted: type) -> None:
        what = "connector" if wanted is tree.Connector else "model"
        near = did_you_mean(name, scope.known(wanted))
        file = name.rpartition(".")[0]
        if near is None and file and all(i.module != file for i in scope.module.imports):
            near = f"write `import {file}` at the top of the file"
        self.report.say(
            "E0210", f"unknown {what} `{name}`", (span, "not declared in this file or imported"), help=near
        )

    def _wrong_replacement(
        self,
        scope: Scope,
        modifier: tree.Modifier,
        found: LocatedDeclaration | None,
        member: Instance,
        wanted: type,
    ) -> None:
        name, span = show_expression(modifier.value), modifier.value.span
        if found is None:
            if scope.complete:
                self._unknown_type(scope, name, span, wanted)
            return
        label = f"cannot be the class of a `{member.component.kind}`"
        kind = "connector" if wanted is tree.Connector else "model"
        self.report.say("E0211", f"`{name}` is not a {kind}", (span, label))

    def _wrong_type(self, component: tree.Component, declaration: object) -> None:
        name = component.type
        if isinstance(declaration, tree.Connector):
            title, help = f"`{name}` is a connector", f"write `port {component.name} : {name}`"
        elif isinstance(declaration, tree.Model):
            title, help = f"`{name}` is a model", f"write `part {component.name} : {name}`"
        else:
            title, help = f"`{name}` is not a model or a connector", None
        label = f"cannot be the type of a `{component.kind}`"
        self.report.say("E0211", title, (component.type_span, label), help=help)

    def _base(self, entity: Entity, extends: tree.Extends) -> Entity | None:
        found = entity.scope.find(extends.type)
        report = self.report
        if found is None:
            if entity.scope.complete:
                self._unknown_type(entity.scope, extends.type, extends.span, tree.Model)
            return None
        declaration = found.declaration
        if not isinstance(declaration, tree.Model):
            report.say("E0211", f"`{extends.type}` is not a model", (extends.span, "cannot be extended"))
            return None
        known = self._entities.get(id(declaration))
        if known is not None and known.progress is Progress.OPEN:
            report.say(
                "E0213",
                f"`{entity.name}` extends itself",
                (
                    extends.span,
                    f"leads back to `{known.name}`" if known is not entity else "is the model itself",
                ),
                help="a base must not depend on what extends it",
            )
            return None
        base = self.entity(found.scope, declaration)
        return self._with_replaced_classes(entity.scope, base, extends.modifiers)

    # --- elaboration -----------------------------------------------------------------------------

    def finish(self, entity: Entity) -> Class:
        """The class with everything resolved; a mistake is reported once, however often the class is used."""
        return self._finish(entity).cls

    def missing(self, entity: Entity) -> dict[str, Span]:
        """Parameters of an instance of the class that nobody gives a value: dotted name → the declaration."""
        return self._finish(entity).missing

    def _finish(self, entity: Entity) -> _Finished:
        key = id(entity)
        if key in self._finished:
            return self._finished[key]
        self._declared(entity)
        self._finishing.append(entity)
        layers: dict[int, Layer] = {}
        names = VisibleNames(entity.scope, entity)
        walker = Walker(self.report, names, self._array_names, self.tables)
        for extends, base in entity.bases:
            self._declare_below(base, set())
            modifiers = elaborate_modifiers(extends.modifiers, base, walker)
            for m in modifiers:
                if m.parts and len(m.parts) == 1:
                    title = f"`{m.name}` is inherited as a whole"
                    help = f"write `{m.name} = {{...}}`, with all elements"
                    self.report.say("E0242", title, (m.span, "cannot be set by element"), help=help)
            for origin, layer in self._finish(base).layers.items():
                layers.setdefault(origin, _modified(layer, modifiers))
        layers[key] = self._own_layer(entity, walker)
        cls = _class_of(entity, list(layers.values()))
        finished = _Finished(cls, layers, self._missing(cls))
        self._missing_of[id(cls)] = finished.missing
        self._finishing.pop()
        self._finished[key] = finished
        return finished

    def _own_layer(self, entity: Entity, walker: Walker) -> Layer:
        declaration = entity.declaration
        if isinstance(declaration, tree.Connector):
            ports = [self._component(entity.own[p.name], p, walker) for p in declaration.ports]
            members = tuple(self._variable(v, walker) for v in declaration.members)
            return Layer(members, tuple(use for use in ports if use is not None))
        self._output_units.adopt(entity)
        self._label_units(entity, declaration)
        self._declare_below(entity, set())
        own = self._declarations(entity, declaration, walker)
        self._circles(own.variables)
        statements = Statements(walker)
        reactions = statements.reactions(declaration.reactions)
        for use in statements.labels:
            self._missing_of[id(use.cls)] = {}
        equations = statements.equations(declaration.equations)
        layer = Layer(
            (),
            (*own.components, *statements.labels, *(content.cells for content in own.fields)),
            equations,
            statements.initial(declaration.initial),
            reactions,
            statements.experiment(declaration.experiment),
            tuple(own.observations.values()),
            tuple(own.dosed),
        )
        for content in own.fields:
            self._missing_of[id(content.cells.cls)] = {}
        of_fields = [v for content in own.fields for v in content.variables] + walker.fields.variables
        conditions = statements.conditions
        return replace(
            layer,
            tables=tuple(own.tables),
            networks=tuple(own.networks),
            variables=(*walker.constants.arrays.values(), *own.variables, *of_fields),
            equations=(
                *layer.equations,
                *(e for c in own.fields for e in c.equations),
                *walker.fields.equations,
            ),
            fields=tuple(content.use for content in own.fields),
            field_ends=tuple(
                (name, place.value - Place.LEFT.value, holds) for (name, place), holds in conditions.ends
            ),
            spreads=tuple(conditions.spreads.items()),
            speeds=tuple(
                (name, place.value - Place.LEFT.value, speed) for name, place, speed in walker.fields.speeds
            ),
            calls_functions=walker.calls_functions,
        )

    def _declarations(self, entity: Entity, declaration: tree.Model, walker: Walker) -> _Declarations:
        """The declarations of a model, each checked. Cells of fields are known before any is read."""
        found = _Declarations()
        cells: list[tuple[tree.Field, FieldMember]] = []
        for item in declaration.declarations:
            member = entity.own[item.name] if isinstance(item, tree.Field) else None
            if (
                isinstance(item, tree.Field)
                and isinstance(member, FieldMember)
                and member.declaration is item
            ):
                member.layout = layout_of(item, walker)
                cells.append((item, member))
        for item, member in cells:
            found.fields.append(content_of(item, member, walker, lambda v: self._variable(v, walker)))
        for item in declaration.declarations:
            if isinstance(item, tree.Field):
                continue
            if isinstance(item, tree.Dose):
                found.dosed += doses(item, walker)
            elif isinstance(item, tree.Variable):
                self._declared_variable(entity, item, walker, found)
            elif isinstance(item, tree.Component):
                use = self._component(entity.own[item.name], item, walker)
                if use is not None:
                    found.components.append(use)
            elif isinstance(item, tree.TableDeclaration):
                if isinstance(entity.own[item.name], FunctionMember):
                    continue  # put in place where it is called
                data = self.tables.of(item)
                value = None if data is None else Tabulated(data, item.span)
                found.tables.append(TableUse(item.name, value, item.name_span))
            else:
                found.networks.append(declared_network(item, walker, Level.PARAMETER))
        return found

    def _declared_variable(
        self, entity: Entity, item: tree.Variable, walker: Walker, found: _Declarations
    ) -> None:
        """A variable, what is observed, or a bundle of inputs, among what was `found`."""
        if item.kind == "observe":
            observed = observation(item, walker)
            earlier = found.observations.get(item.name)
            if earlier is not None:
                say_duplicate(self.report, item.name, item.name_span, earlier.name_span)
            elif observed is not None:
                found.observations[item.name] = observed
            return
        own = entity.own[item.name]
        if isinstance(own, Instance):
            use = self._component(own, own.component, walker)
            if use is not None and own.entity is not None and item.value is not None:
                given = given_to_bundle("", own.entity, own.entity, item.value, walker)
                use = replace(use, modifiers=tuple(given))
            if use is not None:
                found.components.append(use)
        else:
            item = as_declared(item)
            if isinstance(own, Quantity) and own.span == item.name_span:
                item = own.variable
            found.variables.append(self._variable(item, walker))

    def _label_units(self, entity: Entity, declaration: tree.Model) -> None:
        for reaction, _ in labels.labelled(declaration.reactions):
            species = [name for _, name in (*reaction.reactants, *reaction.products)]
            instance = entity.own.get(reaction.label or "")
            if species and isinstance(instance, Instance) and instance.span == reaction.label_span:
                labels.give_unit(instance, self._output_units.unit_of(species[0], entity))

    def _variable(self, variable: tree.Variable, walker: Walker) -> tree.Variable:
        unit = walker.unit(variable.unit, variable.span)
        name, report = variable.name, self.report
        labels = declared_enum(variable, walker.names.scope, report)
        dims = []
        for size in variable.dimensions:
            value = walker.walk(size)
            walker.resolver.require(value, size, Level.CONSTANT, f"the size of `{name}`")
            dims.append(value.expr)
        if not dims and variable.value is not None:
            dims = list(literal_dimensions(variable.value))
        highest = {"const": Level.CONSTANT, **dict.fromkeys(("param", "input", "discrete"), Level.PARAMETER)}
        found: dict[str, tree.Expr | None] = dict.fromkeys(("value", *BEGINNINGS, *SIZES))
        for attribute in found:
            expr = getattr(variable, attribute)
            if expr is None:
                continue
            if attribute == "value" and variable.kind == "input" and is_reader(expr):
                found[attribute] = self.tables.series(name, variable.unit, expr)  # type: ignore[assignment]
                continue
            level = highest.get(variable.kind, Level.UNKNOWN) if attribute == "value" else Level.PARAMETER
            level = Level.CONSTANT if attribute in SIZES else level
            own = unit.difference if unit is not None and attribute == "nominal" else unit
            of_kind = labels if attribute == "value" else None
            value = walker.given(expr, own, level, f"the {attribute} of `{name}`", of_kind)
            refused = ("const",) if attribute in SIZES else ("const", "param", "input", "discrete")
            if attribute != "value" and variable.kind in refused:
                report.say(
                    "E0242",
                    f"{an(variable.kind)} has no {attribute} value",
                    (expr.span, f"`{name}` takes `= ...`"),
                )
            if value.rank not in (0, len(dims)):
                has = (
                    f"has {len(dims)} {'index' if len(dims) == 1 else 'indices'}"
                    if dims
                    else "is not an array"
                )
                report.say(
                    "E0226",
                    f"`{name}` {has}, its {attribute} is an array with {value.rank}",
                    (expr.span, "is an array"),
                    help=f"declare `{name}[n]`" if not dims else None,
                )
            found[attribute] = value.expr
        bounds = None
        if variable.range is not None and variable.kind not in RANGED and variable.role != "random":
            low, high = (show_expression(e) for e in (variable.range.first, variable.range.last))
            limits = (
                "" if variable.kind == "const" else f", the limits of a solution are `min {low} max {high}`"
            )
            report.say(
                "E0243",
                f"{an(variable.kind)} has no range",
                (variable.range.span, "nothing would read it"),
                help=f"ranges say what varies, of a param or an input{limits}",
            )
        elif variable.range is not None:
            ends = [
                walker.given(e, unit, Level.PARAMETER, f"the range of `{name}`").expr
                for e in (variable.range.first, variable.range.last)
            ]
            bounds = replace(variable.range, first=ends[0], last=ends[1])
        variable = replace(variable, value=found["value"])
        if variable.distribution is not None or variable.per is not None or variable.role == "random":
            variable = distributed(variable, unit, walker, len(dims))
            found["value"] = variable.value
        return replace(
            variable,
            dimensions=tuple(dims),
            value=found["value"],
            start=found["start"],
            guess=found["guess"],
            range=bounds,
            nominal=found["nominal"],
            min=found["min"],
            max=found["max"],
            labels=() if labels is None else labels.labels,
        )

    def _component(self, member: Member, component: tree.Component, walker: Walker) -> ComponentUse | None:
        dims = []
        for size in component.dimensions:
            value = walker.walk(size)
            walker.resolver.require(value, size, Level.CONSTANT, f"the number of `{component.name}`")
            dims.append(value.expr)
        entity = member.entity if isinstance(member, Instance) else None
        if entity is None:
            for modifier in component.modifiers:
                walker.walk(modifier.value)
            return None
        if any(entity is e for e in self._finishing):
            inside = [e.name for e in self._finishing]
            around = [*inside[inside.index(entity.name) :], entity.name]
            self.report.say(
                "E0214",
                f"`{entity.name}` contains itself",
                (component.span, "closes the circle"),
                notes=(" contains ".join(f"`{n}`" for n in around),),
                help="a model cannot be a part of itself, at any depth",
            )
            return None
        outer = walker.names
        cls = self.finish(entity)
        walker.resolver.names = outer
        modifiers = elaborate_modifiers(component.modifiers, entity, walker, len(dims))
        condition = None
        if component.condition is not None:
            value = walker.condition(component.condition)
            what = f"the condition of `{component.name}`"
            walker.resolver.require(value, component.condition, Level.CONSTANT, what)
            condition = value.expr
        return ComponentUse(
            component.kind,
            component.name,
            tuple(dims),
            cls,
            modifiers,
            component.doc,
            component.name_span,
            condition,
        )

    def _missing(self, cls: Class) -> dict[str, Span]:
        missing = {
            v.name: v.name_span
            for v in cls.variables
            if v.kind in ("const", "param", "discrete") and v.value is None
        }
        missing |= {t.name: t.span for t in cls.tables if t.value is None}
        for use in cls.components:
            if use.condition is not None:
                continue  # there may be none; told where the model is instantiated
            given = {m.name for m in use.modifiers if m.attribute == "value"}
            for name, span in self._missing_of[id(use.cls)].items():
                if name not in given:
                    missing[f"{use.name}.{name}"] = span if "." in name else use.span
        return missing

    def _circles(self, variables: list[tree.Variable]) -> None:
        """Report parameters that are defined by each other."""
        values = {v.name: v for v in variables if v.kind in ("const", "param") and v.value is not None}
        uses = {
            name: [
                n.parts[0].name for n in names_in(v.value) if len(n.parts) == 1 and n.parts[0].name in values
            ]
            for name, v in values.items()
            if v.value is not None
        }
        done: set[str] = set()
        for name in uses:
            circle = _circle_from(name, uses, done)
            if circle:
                first = values[circle[0]]
                text = " needs ".join(f"`{n}`" for n in [*circle, circle[0]])
                title = f"`{first.name}` depends on itself"
                self.report.say("E0227", title, (first.span, "its value leads back to it"), notes=(text,))


def _circle_from(start: str, uses: dict[str, list[str]], done: set[str]) -> list[str] | None:
    """A circle that is reached from `start`; visits each name once over all calls that share `done`."""
    path: list[str] = []
    on_path: set[str] = set()
    stack: list[tuple[str, bool]] = [(start, False)]
    while stack:
        name, leaving = stack.pop()
        if leaving:
            path.pop()
            on_path.discard(name)
            done.add(name)
        elif name in on_path:
            done.update(path)
            return path[path.index(name) :]
        elif name not in done:
            path.append(name)
            on_path.add(name)
            stack.append((name, True))
            stack.extend((n, False) for n in uses[name])
    return None


def _modified(layer: Layer, modifiers: tuple[tree.Modifier, ...]) -> Layer:
    """The layer with the modifiers of an `extends` applied."""
    if not modifiers:
        return layer
    own: dict[str, dict[str, tree.Expr | None]] = {}
    for m in modifiers:
        if "." not in m.name and not m.parts:
            given = own.setdefault(m.name, {})
            if m.attribute in BEGINNINGS and not any(a in given for a in BEGINNINGS):
                given.update(dict.fromkeys(BEGINNINGS))
            given[m.attribute] = m.value
    variables = []
    for v in layer.variables:
        given = own.get(v.name, {})
        # A value takes the place of the declared one, and of its distribution.
        certain = {"distribution": None} if "value" in given and v.distribution is not None else {}
        variables.append(replace(v, **given, **certain) if given else v)
    components = []
    for use in layer.components:
        start = use.name + "."
        inner = tuple(
            replace(m, name=m.name[len(start) :], parts=_below(m.parts))
            for m in modifiers
            if m.name.startswith(start)
        )
        components.append(replace(use, modifiers=merged(use.modifiers, inner)) if inner else use)
    tables = tuple(replace(t, value=own[t.name]["value"]) if t.name in own else t for t in layer.tables)
    return replace(layer, variables=tuple(variables), components=tuple(components), tables=tables)


def _below(parts: tuple[tree.Part, ...]) -> tuple[tree.Part, ...]:
    """The parts of a modifier's name below a component, whose own indices keep a place without a name."""
    return (tree.Part("", parts[0].indices), *parts[1:]) if parts else ()


def _class_of(entity: Entity, layers: list[Layer]) -> Class:
    declaration = entity.declaration

    def joined(pick: Callable[[Layer], tuple]) -> tuple:
        return tuple(item for layer in layers for item in pick(layer))

    experiments = [layer.experiment for layer in layers if layer.experiment is not None]
    return Class(
        name=declaration.name,
        kind="connector" if entity.is_connector else "model",
        partial=entity.partial,
        doc=declaration.doc,
        # Two layers that use one array constant of a file both bring it along.
        variables=tuple({v.name: v for v in joined(lambda layer: layer.variables)}.values()),
        components=joined(lambda layer: layer.components),
        equations=joined(lambda layer: layer.equations),
        initial=joined(lambda layer: layer.initial),
        reactions=joined(lambda layer: layer.reactions),
        experiment=experiments[-1] if experiments else None,
        observations=joined(lambda layer: layer.observations),
        doses=joined(lambda layer: layer.doses),
        span=declaration.name_span,
        tables=joined(lambda layer: layer.tables),
        networks=joined(lambda layer: layer.networks),
        fields=joined(lambda layer: layer.fields),
        field_ends=joined(lambda layer: layer.field_ends),
        spreads=joined(lambda layer: layer.spreads),
        speeds=joined(lambda layer: layer.speeds),
        calls_functions=any(layer.calls_functions for layer in layers),
    )
