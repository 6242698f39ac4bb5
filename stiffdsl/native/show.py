"""A kernel as text: the passes from a program to machine code, what each left, and the functions of the module.

kernel of Robertson by rodas5p: 2 unknowns, 8 stages of order 5
1  segments      no conditions on time
2  pivots        4 entries of W, 4 of its factors, 2 multiplications; written out
…
"""

import re

from stiffdsl.native.functions.emission import size_written_out
from stiffdsl.native.functions.hoist import is_looped, prepared
from stiffdsl.native.host.build import TABLEAUS, kernel_model
from stiffdsl.native.loop import kernel
from stiffdsl.native.step.attempt import KernelModel, is_small, work_areas
from stiffdsl.program.program import Function, Program
from stiffdsl.solve.methods.tableau import Tableau


def show(program: Program, method: str = "rodas5p") -> str:
    """The passes and functions of the kernel for a method, or why there is none."""
    tableau = TABLEAUS[method]
    model = kernel_model(program, tableau)
    name = program.system.flat.name
    if isinstance(model, str):
        return f"no kernel of {name} by {method}: {model}"
    hoisted = prepared(model)
    module = kernel.emit(model)
    head = (
        f"kernel of {name} by {method}: {model.n} unknowns, {tableau.stages} stages of order {tableau.order}"
    )
    passes = [
        ("segments", _segments(model)),
        ("pivots", _pivots(model)),
        ("invariants", "none" if model.project is None else "a step ends on them (`project`)"),
        ("derivative", _by_time(model)),
        ("hoisting", _hoisted(model, hoisted)),
        ("step", _step(model, tableau)),
        (
            "lanes",
            "side by side in vector registers" if is_small(model) and model.project is None else "in turn",
        ),
    ]
    lines = [head, "", "passes"]
    lines += [f"  {k}  {label:<11} {text}" for k, (label, text) in enumerate(passes, 1)]
    lines += ["", f"functions of the model{'':>12}operations  form"]
    lines += [_function(f) for f in _functions(hoisted)]
    lines += ["", f"functions of the module{'':>13}lines of LLVM IR"]
    lines += [f"  {name:<34}{count:>10}" for name, count in _defined(module)]
    lines += ["", f"one lane: {work_areas(hoisted, 0).size} doubles of work, without scratch"]
    return "\n".join(lines)


def _segments(model: KernelModel) -> str:
    if model.time_events is None:
        return "no conditions on time"
    return f"{model.time_events.count} conditions on time: held in a step, which ends where one changes"


def _pivots(model: KernelModel) -> str:
    plan = model.plan
    layout = "number by number" if plan.written_out else "by columns" if plan.by_columns else "in blocks"
    return (
        f"{len(plan.source)} entries of W, {plan.entries} of its factors, {plan.multiplications} multiplications; "
        f"{layout}"
    )


def _by_time(model: KernelModel) -> str:
    return "f does not depend on time" if model.rhs_t is None else "f by time, as operations (`rhs_t`)"


def _hoisted(model: KernelModel, hoisted: KernelModel) -> str:
    if hoisted.prepare is None:
        return "nothing depends on parameters alone"
    size = hoisted.prepare.ops[-1].size
    before, after = len(model.rhs.ops), len(hoisted.rhs.ops)
    return f"{size} values once for a solve (`prepare`); f from {before} operations to {after}"


def _step(model: KernelModel, tableau: Tableau) -> str:
    form = "unrolled, factors in registers" if is_small(model) else "loops and calls"
    return f"{form}; {tableau.stages} solves with one factorization"


def _functions(model: KernelModel) -> list[Function]:
    found = (model.prepare, model.rhs, model.jacobian, model.rhs_t, model.project)
    return [f for f in found if f is not None]


def _function(function: Function) -> str:
    size = size_written_out(function)
    form = "loops over vectors" if is_looped(function) else "unrolled"
    return f"  {function.name:<34}{size:>8}  {form}"


def _defined(module: str) -> list[tuple[str, int]]:
    """The functions that a module defines, the longest first."""
    found: list[tuple[str, int]] = []
    for match in re.finditer(r"^define [^@]*@([\w.]+)\([^\n]*\n(.*?)^}", module, re.MULTILINE | re.DOTALL):
        found.append((match[1], match[2].count("\n")))
    return sorted(found, key=lambda pair: -pair[1])
