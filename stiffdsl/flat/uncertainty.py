"""Uncertainty of all instances: distributions of parameters with their arguments, observations, doses."""

from dataclasses import replace

from stiffdsl.check.calculate import value_of
from stiffdsl.check.distributions import text_of
from stiffdsl.check.model import Class
from stiffdsl.diagnostics import Diagnostic, Label, ModelError
from stiffdsl.flat.arrays.shapes import shape_of
from stiffdsl.flat.context import Context
from stiffdsl.flat.declarations import define
from stiffdsl.flat.domain import IterationDomain
from stiffdsl.flat.expand import StatementExpansion
from stiffdsl.flat.instance import Bound, Fault, Node
from stiffdsl.flat.model import Block, FlatModel, Observation, UncertainParameter, Uncertainty
from stiffdsl.flat.values import definitions
from stiffdsl.syntax import tree


def uncertainty(context: Context, nodes: list[Node]) -> Uncertainty:
    """Declarations of the instances of a model by `~`, `random`, `covariate`, `observe` and `dose`."""
    parameters, observations = [], []
    covariates: list[str] = []
    doses: list[str] = []
    for node in nodes:
        if _certain(node.cls):
            continue
        prefix = "".join(f"{segment}." for segment, _ in node.path)
        for variable in node.cls.variables:
            block = node.blocks.get(variable.name)
            if block is None or block.kind != "param":
                continue
            if variable.role == "covariate":
                covariates.append(block.name)
            # A value from outside takes the place of the declared one, and of its distribution.
            if variable.distribution is not None and (variable.name, "value") not in node.modifiers:
                found = context.attempt(lambda n=node, v=variable, b=block: _of(context, n, v, b))
                if found is not None:
                    parameters.append(found)
        for observed in node.cls.observations:
            call = observed.distribution
            assert call is not None
            observations.append(
                Observation(
                    prefix + observed.name, observed.unit, call.function, call.arguments, text_of(call),
                    observed.doc, node.path,
                )
            )  # fmt: skip
        doses += [prefix + _indexed(target) for target in node.cls.doses]
    return Uncertainty(tuple(parameters), tuple(observations), tuple(covariates), tuple(doses))


def _certain(cls: Class) -> bool:
    """Whether a class declares nothing that is not certain."""
    return not (cls.observations or cls.doses or any(v.distribution or v.role for v in cls.variables))


def checked_doses(model: FlatModel) -> FlatModel:
    """The model, whose doses are added to states. Raises `ModelError` (E0278) where one is not."""
    wrong = []
    for name in model.uncertainty.doses:
        block, number = _scalar(model, name)
        if block is not None and not model.is_state[model.alias[number]]:
            title = f"`{name}` cannot be dosed: it is no state"
            wrong.append(
                Diagnostic(
                    "E0278",
                    title,
                    (Label(block.span, "has no derivative"),),
                    (),
                    "dose what `der` stands before",
                )
            )
    if wrong:
        raise ModelError(wrong)
    return model


def _of(context: Context, node: Node, variable: tree.Variable, block: Block) -> UncertainParameter:
    call = variable.distribution
    assert call is not None
    arguments, covariance = [], False
    for k, expr in enumerate(call.arguments):
        what = f"argument {k + 1} of `{call.function}`"
        shape = shape_of(StatementExpansion(context, node, IterationDomain.grid(node.prefix)), expr)
        target = replace(block, offset=0)
        if len(shape) == 2 and len(block.path[-1][1]) == 1:
            covariance = True
            (size,) = block.path[-1][1]
            if shape != (size, size):
                found = f"{shape[0]} × {shape[1]}"
                raise Fault(
                    "E0305", f"the covariance of `{block.name}` is {size} × {size}, not {found}", expr.span
                )
            target = replace(target, path=(*block.path[:-1], (block.path[-1][0], shape)))
        rows = define(context, target, Bound(expr, node, expr.span), what)
        arguments.append(definitions(rows, context.constant))
    role = variable.role or "param"
    return UncertainParameter(
        block, role, call.function, tuple(arguments), covariance, text_of(call), variable.per
    )  # fmt: skip


def _indexed(name: tree.Name) -> str:
    words = []
    for part in name.parts:
        indices = ",".join(f"{value_of(i) or 0:g}" for i in part.indices)
        words.append(f"{part.name}[{indices}]" if indices else part.name)
    return ".".join(words)


def _scalar(model: FlatModel, name: str) -> tuple[Block | None, int]:
    for block in model.variables:
        if name.startswith(block.path[0][0]) and name in block.scalar_names():
            return block, block.offset + block.scalar_names().index(name)
    return None, 0
