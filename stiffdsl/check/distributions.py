"""Uncertainty: `~` of parameters and random effects, observations, covariates and doses.

    random eta ~ normal(0, omega)          param eta = 0, with its distribution beside it
    covariate WT = 70 [kg]                 param WT = 70

A random effect acts as a parameter whose value is the median of its distribution, a covariate as a parameter. The
arguments of a distribution are in SI, but for those that are pure numbers.
"""

from dataclasses import replace

from stiffdsl.check.expressions import Walker
from stiffdsl.check.modifiers import an
from stiffdsl.check.names import count_of, dotted
from stiffdsl.check.quantities.si import plain_number
from stiffdsl.check.quantities.units import NONE, Unit, multiply
from stiffdsl.check.report import Report
from stiffdsl.check.typed import Level
from stiffdsl.diagnostics import did_you_mean
from stiffdsl.distributions import DISTRIBUTIONS, OTHER_NAMES, Distribution
from stiffdsl.syntax import tree

# Declared by these words, they are parameters.
PARAMETERS = ("random", "covariate")
_PURE = Unit(1.0, 0.0, NONE)


def as_declared(variable: tree.Variable) -> tree.Variable:
    """A random effect or a covariate as the parameter that it acts as."""
    if variable.kind not in PARAMETERS:
        return variable
    return replace(variable, kind="param", role=variable.kind)


def distributed(variable: tree.Variable, unit: Unit | None, walker: Walker, rank: int) -> tree.Variable:
    """A declaration with the arguments of its distribution in SI; of a random effect, the median as its value."""
    call, report, name = variable.distribution, walker.report, variable.name
    kind = variable.role or variable.kind
    if variable.per is not None and kind != "random":
        at = variable.name_span
        report.say(
            "E0277", f"{an(kind)} is not `per {variable.per}`", (at, "belongs to a `random`"),
            help=f"write `random {name} ~ normal(0, 0.1) per {variable.per}`",
        )  # fmt: skip
    if kind == "random" and (call is None or variable.value is not None):
        label = "has no distribution" if call is None else "has a value"
        report.say(
            "E0277", f"`random {name}` is told by its distribution alone", (variable.name_span, label),
            help=f"write `random {name} ~ normal(0, 0.1)`; it acts as its median where nothing is drawn",
        )  # fmt: skip
    if call is None:
        return variable
    if kind not in ("param", "random"):
        report.say(
            "E0277", f"{an(kind)} has no distribution", (call.span, f"`{name}` is {an(kind)}"),
            help="parameters (`param`, `random`) and data (`observe`) have one",
        )  # fmt: skip
        return replace(variable, distribution=None)
    found = _found(call, report, of_data=False)
    if found is None:
        return replace(variable, distribution=None)
    arguments = _arguments(call, found, unit, walker, Level.PARAMETER, rank)
    if arguments is None:
        return replace(variable, distribution=None)
    value = variable.value
    if value is None:
        value = _median(call.function, arguments, unit)
    return replace(variable, distribution=replace(call, arguments=arguments), value=value)


def observation(variable: tree.Variable, walker: Walker) -> tree.Variable | None:
    """`observe` with the arguments of its distribution in SI; None after a mistake."""
    report, call = walker.report, variable.distribution
    unit = walker.unit(variable.unit, variable.span)
    more = [
        word
        for word in ("value", "range", "start", "guess", "nominal", "min", "max", "per")
        if getattr(variable, word) is not None
    ]
    if call is None or more or variable.dimensions:
        label = "has no distribution" if call is None else "takes a unit, a distribution and a text"
        report.say(
            "E0277", f"`observe {variable.name}` is told by its distribution alone", (variable.name_span, label),
            help=f"write `observe {variable.name} ~ normal(x, 0.1)`: a column of data, and what it is near",
        )  # fmt: skip
        return None
    found = _found(call, report, of_data=True)
    if found is None:
        return None
    arguments = _arguments(call, found, unit, walker, Level.UNKNOWN, 0)
    return None if arguments is None else replace(variable, distribution=replace(call, arguments=arguments))


def doses(dose: tree.Dose, walker: Walker) -> list[tree.Name]:
    """The variables that doses are added to."""
    found = []
    for target in dose.targets:
        value = walker.walk(target)
        if value.level != Level.UNKNOWN or value.rank or not isinstance(value.expr, tree.Name):
            if value.bare or value.dimension is not None or value.level > Level.CONSTANT or value.rank:
                label = "is an array" if value.rank else "is no variable"
                walker.report.say(
                    "E0278", f"`{dotted(target)}` cannot be dosed", (target.span, label),
                    help="name states of the model, one for each compartment of the data",
                )  # fmt: skip
        else:
            found.append(value.expr)
    return found


def _found(call: tree.Call, report: Report, of_data: bool) -> Distribution | None:
    name = call.function
    found = DISTRIBUTIONS.get(name)
    fitting = [n for n, d in DISTRIBUTIONS.items() if (d.of_data if of_data else d.of_values)]
    whose = "data" if of_data else "parameters"
    known = f"{whose} have " + ", ".join(f"`{n}`" for n in fitting)
    if found is None:
        other = OTHER_NAMES.get(name.lower())
        help = f"write `{other}`" if other else did_you_mean(name, fitting) or known
        report.say("E0275", f"unknown distribution `{name}`", (call.span, "stands behind `~`"), help=help)
        return None
    if name not in fitting:
        report.say(
            "E0275", f"`{name}` is no distribution of {whose}", (call.span, "is of others"), help=known
        )
        return None
    if call.named or len(call.arguments) != len(found.roles):
        given = (
            "arguments have no names here"
            if call.named
            else count_of(len(call.arguments), "is", "are") + " given"
        )
        report.say(
            "E0276", f"`{name}` takes {count_of(len(found.roles), 'argument', 'arguments')}", (call.span, given),
            help=f"write `{found.form}`",
        )  # fmt: skip
        return None
    return found


def _arguments(
    call: tree.Call, found: Distribution, unit: Unit | None, walker: Walker, level: Level, rank: int
) -> tuple[tree.Expr, ...] | None:
    """The arguments in SI; None after a mistake."""
    before = walker.report.count
    kept = []
    for k, (role, expr) in enumerate(zip(found.roles, call.arguments, strict=True)):
        matrix = call.function == "normal" and role == "spread" and rank == 1
        wide = walker.walk(expr).rank if matrix else 0
        if role == "log" and walker.walk(expr).dimension not in (None, NONE):
            walker.report.say(
                "E0276", "`lognormal` takes the mean of the logarithm", (expr.span, "has a unit"),
                help="write `log(x)` of the number in the declared unit: `20 [L] ~ lognormal(log(20), 0.2)`",
            )  # fmt: skip
            continue
        value = walker.given(
            expr, _unit_of(role, unit, wide == 2), level, f"argument {k + 1} of `{call.function}`"
        )
        most = 2 if matrix else rank
        if value.rank > most or (value.rank not in (0, rank) and not (matrix and value.rank == 2)):
            walker.report.say(
                "E0276", f"argument {k + 1} of `{call.function}` does not fit what it is of",
                (expr.span, f"has {count_of(value.rank, 'index', 'indices')}"),
                help="a vector takes a number, a vector, or for its spread a covariance matrix" if rank == 1 else None,
            )  # fmt: skip
        number = plain_number(expr)
        if role == "spread" and number is not None and number <= 0:
            walker.report.say(
                "E0276", f"the spread of `{call.function}` is positive", (expr.span, "is not"),
                help="a parameter that is certain has no `~`",
            )  # fmt: skip
        kept.append(value.expr)
    ends = [plain_number(e) for e in kept]
    if call.function == "uniform" and ends[0] is not None and ends[1] is not None and ends[0] >= ends[1]:
        walker.report.say(
            "E0276", "this range is empty", (call.span, "goes from the smaller to the larger number")
        )
    return tuple(kept) if walker.report.count == before else None


def _unit_of(role: str, unit: Unit | None, covariance: bool) -> Unit | None:
    if role in ("log", "shape"):
        return _PURE
    if unit is None or role == "location":
        return unit
    if covariance:
        return Unit(unit.scale**2, 0.0, multiply(unit.dimension, unit.dimension))
    return unit.difference


def _median(name: str, arguments: tuple[tree.Expr, ...], unit: Unit | None) -> tree.Expr:
    """The median of a distribution of values, in SI."""
    first = arguments[0]
    span = first.span
    if name == "lognormal":
        median: tree.Expr = tree.Call("exp", (first,), (), span)
        if unit is not None and unit.scale != 1.0:
            median = tree.Binary("*", tree.Number(unit.scale, None, span), median, span)
        return median
    if name == "uniform":
        total = tree.Binary("+", first, arguments[1], span)
        return tree.Binary("*", tree.Number(0.5, None, span), total, span)
    return first


def text_of(call: tree.Call) -> str:
    """A distribution as its author wrote it."""
    from stiffdsl.syntax.show import show_expression

    span = call.span
    if span.line != span.end_line:
        return show_expression(call)
    return span.source.line(span.line)[span.column - 1 : span.end_column - 1].strip()
