"""Bundles: inputs that travel as one, `input sky : Weather` of a connector whose members are all inputs.

    connector Weather                    input sky = epw("denver.epw")        a bundle of what a weather file holds
      input T_out [degC]                 part room : Room(sky = sky)          room.sky.T_out = sky.T_out, and so on
      input direct [W/m^2]
    end

A bundle is a component that holds inputs: what is given to it as a whole is given to its members by name.
"""

from collections.abc import Iterator

from stiffdsl.check.expressions import Walker
from stiffdsl.check.report import Report
from stiffdsl.check.scope import LocatedDeclaration, Scope
from stiffdsl.check.symbols import Entity, Instance, Quantity
from stiffdsl.check.tables import is_reader
from stiffdsl.diagnostics import did_you_mean
from stiffdsl.epw import COLUMNS, MIDDLE, PLACE
from stiffdsl.syntax import tree
from stiffdsl.syntax.rebuild import nodes_below
from stiffdsl.syntax.show import show_expression

KIND = "input"


def bundle_of(
    variable: tree.Variable, declaration: tree.Model, scope: Scope
) -> tuple[tree.Component, LocatedDeclaration] | None:
    """A declaration of an input that is a bundle, as a component with its connector; None where it is none."""
    if variable.kind != "input":
        return None
    if variable.type is not None:
        found = scope.find(variable.type)
        if found is None or not isinstance(found.declaration, tree.Connector):
            return None
    elif is_weather(variable):
        found = LocatedDeclaration(scope, _weather(variable, declaration, scope))
    else:
        return None
    name, span = variable.name, variable.span
    type_ = variable.type or "Weather"
    component = tree.Component(
        KIND, name, variable.dimensions, type_, (), variable.doc, span, variable.name_span, span
    )
    return component, found


def is_weather(variable: tree.Variable) -> bool:
    """Whether a declaration names a weather file and none of its columns."""
    value = variable.value
    return (
        variable.kind == "input"
        and variable.type is None
        and isinstance(value, tree.Call)
        and value.function == "epw"
        and all(name != "y" for name, _ in value.named)
    )


def refused(variable: tree.Variable, connector: tree.Connector, report: Report) -> bool:
    """Whether a bundle cannot be one; tells why."""
    others = [m.name for m in connector.members if m.kind != KIND] + [p.name for p in connector.ports]
    if variable.dimensions or variable.unit is not None or variable.range is not None:
        title, help = (
            f"`{variable.name}` is a bundle of inputs: it has no size, unit or range of its own",
            None,
        )
    elif others:
        title = f"`{connector.name}` is no bundle: `{others[0]}` is no input"
        help = (
            f"write `port {variable.name} : {connector.name}`, or a connector whose members are all `input`"
        )
    elif not connector.members:
        title, help = f"`{connector.name}` holds no inputs", None
    else:
        return False
    report.say("E0299", title, (variable.span, ""), help=help)
    return True


def refuse_mixed(connector: tree.Connector, report: Report) -> None:
    """Tells of a connector that holds inputs beside other members."""
    inputs = [m for m in connector.members if m.kind == KIND]
    if inputs and (len(inputs) < len(connector.members) or connector.ports):
        report.say(
            "E0299",
            f"`{connector.name}` holds an input beside what is connected",
            (inputs[0].span, "is given, not connected"),
            help="a connector holds potentials, flows and ports, or, as a bundle, inputs alone",
        )


def is_port_of_inputs(component: tree.Component, declaration: object, report: Report) -> bool:
    """Whether a port is of a connector that is a bundle; told."""
    connector = declaration if isinstance(declaration, tree.Connector) else None
    if connector is None or not connector.members or any(m.kind != KIND for m in connector.members):
        return False
    report.say(
        "E0299",
        f"`{connector.name}` is a bundle of inputs, nothing is connected to it",
        (component.span, ""),
        help=f"write `input {component.name} : {connector.name}`",
    )
    return True


def given_whole(before: str, target: Entity, value: tree.Expr, walker: Walker) -> Iterator[tree.Modifier]:
    """The modifiers of the members of a bundle that is given `value`; their names begin with `before`."""
    members = [m for m in target.members.values() if isinstance(m, Quantity)]
    if is_reader(value):
        for member in members:
            variable = member.variable
            series = walker.tables.series(before + variable.name, variable.unit, value, variable.name)
            if series is None:
                return  # told
            yield tree.Modifier(before + variable.name, "value", series, value.span)  # type: ignore[arg-type]
        return
    other = _instance(value, walker)
    if other is None or other.component.kind != KIND or other.entity is None:
        walker.report.say(
            "E0299",
            f"`{show_expression(value)}` is no bundle of inputs",
            (value.span, f"`{before.rstrip('.') or target.name}` is one"),
            help='give it another bundle, or a file: `epw("f.epw")`, `csv("f.csv", t = "hour" [h])`',
        )
        return
    assert isinstance(value, tree.Name)
    for member in members:
        name = member.variable.name
        if name not in other.entity.members:
            known = list(other.entity.members)
            walker.report.say(
                "E0299",
                f"`{show_expression(value)}` has no `{name}`",
                (value.span, f"`{before.rstrip('.') or target.name}` needs it"),
                (member.span, "declared here"),
                help=did_you_mean(name, known) or f"it has {', '.join(f'`{k}`' for k in known[:8])}",
            )
            return
        own = tree.Name((*value.parts, tree.Part(name)), value.span)
        yield tree.Modifier(before + name, "value", own, value.span)


def _instance(value: tree.Expr, walker: Walker) -> Instance | None:
    """The part or bundle that a name stands for."""
    entity = walker.names.entity
    if not isinstance(value, tree.Name) or entity is None:
        return None
    found = None
    for part in value.parts:
        found = entity.members.get(part.name) if entity is not None else None
        if not isinstance(found, Instance) or part.indices:
            return None
        entity = found.entity
    return found


# --- weather files ---


def _weather(variable: tree.Variable, declaration: tree.Model, scope: Scope) -> tree.Connector:
    """The connector of a weather file, with those of its columns that the model uses: each that drives an input is read
    in every step of a run, and radiation jumps every hour."""
    used = _used(variable.name, declaration, scope)
    members = tuple(
        tree.Variable(
            KIND, c.name, (), c.unit, None, None, None, None, c.doc, variable.span, variable.name_span
        )
        for c in (*COLUMNS, MIDDLE, *PLACE)
        if used is None or c.name in used
    )
    return tree.Connector("Weather", None, members, variable.span, variable.name_span)


def _used(name: str, declaration: tree.Model, scope: Scope) -> set[str] | None:
    """The members of the bundle `name` that a model mentions, itself or for parts that it gives them to; None: all."""
    used: set[str] = set()
    passed = {
        id(m.value): (component, m)
        for component in declaration.declarations
        if isinstance(component, tree.Component)
        for m in component.modifiers
    }
    for found in nodes_below(declaration):
        if not isinstance(found, tree.Name) or found.parts[0].name != name:
            continue
        if len(found.parts) > 1:
            used.add(found.parts[1].name)
            continue
        component, modifier = passed.get(id(found), (None, None))
        wanted = None if component is None or modifier is None else _wanted(component, modifier.name, scope)
        if wanted is None:
            return None
        used |= wanted
    return used or None


def _wanted(component: tree.Component, name: str, scope: Scope) -> set[str] | None:
    """The members of the bundle `name` of a component; None where they cannot be told from its class alone."""
    located = scope.find(component.type)
    if located is None or not isinstance(located.declaration, tree.Model):
        return None
    for item in located.declaration.declarations:
        if isinstance(item, tree.Variable) and item.name == name and item.type is not None:
            found = located.scope.find(item.type)
            if found is not None and isinstance(found.declaration, tree.Connector):
                return {m.name for m in found.declaration.members}
    return None
