"""The kernel's functions over hoisted values (`program/hoist.py`): XLA moves such operations out of the loop over steps
by itself, LLVM does not, as a step is a function of its own there."""

from dataclasses import replace
from functools import partial

from stiffdsl.native.functions import emission
from stiffdsl.native.ir.form import FORM, Form
from stiffdsl.native.step.attempt import KernelModel
from stiffdsl.program.hoist import Hoisted, Tabled
from stiffdsl.program.program import Function


def is_looped(function: Function, form: Form = FORM) -> bool:
    """Whether the vectors of a function are computed in loops: it is too long to be written out."""
    return emission.size_written_out(function) > form.unrolled_function


def prepared(model: KernelModel) -> KernelModel:
    """`model` over the parameters and what `prepare` makes of them, where there is such a thing."""
    functions: list[Tabled] = [(model.rhs, model.tables), (model.jacobian, model.tables)]
    if model.rhs_t is not None:
        functions.append((model.rhs_t, model.tables_t))
    if model.project is not None:
        functions.append((model.project, model.tables_project))
    kinks = model.kinks
    if kinks is not None:
        functions += [(kinks.relations, kinks.tables), (kinks.held, kinks.tables)]
    hoisted = Hoisted(functions, model.parameters, partial(is_looped, form=model.form))
    if hoisted.prepare is None:
        return model
    named = {f.name: f for f in hoisted.functions}
    return replace(
        model,
        rhs=named["rhs"],
        jacobian=named["jacobian"],
        rhs_t=named.get("rhs_t"),
        tables=hoisted.tables,
        tables_t=hoisted.tables,
        project=named.get("project"),
        tables_project=hoisted.tables,
        kinks=None
        if kinks is None
        else replace(kinks, relations=named["relations"], held=named["held"], tables=hoisted.tables),
        parameters=hoisted.parameters,
        prepare=hoisted.prepare,
    )
