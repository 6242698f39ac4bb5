"""The move to the invariants after an accepted step, along directions and in reverse."""

from stiffdsl.native.gradient.adjoint import PARAMETERS, Back, StepWriter
from stiffdsl.native.gradient.sensitivity import Moving
from stiffdsl.native.gradient.tape import DerivedFunctions
from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.step.attempt import KernelModel
from stiffdsl.native.step.layout import OPERANDS, OPTIONS, Areas


def emit_project_step_forth(module: IRModule, model: KernelModel, areas: Areas, record: Areas) -> None:
    """`project_step_forth(…)`, after `forth`: the derivative of the end in `y1_d` becomes that of where it was moved
    to."""
    code = Code(module, "project_step_forth", PARAMETERS, attributes="noinline")
    writer = Moving(code, model, areas, record)
    writer.drive(1.0)
    writer.move(1.0)
    moved, result = writer.area("y1_d"), writer.area("b_d")
    pointers = [_end(writer), "%p", writer.area("u"), *_tolerances(code)]
    pointers += [moved, "%p_d", writer.area("u_d"), result, writer.area("scratch")]
    code.call("project_dot", f"double {writer.time(1.0)}", *(f"ptr {p}" for p in pointers))
    _copy(code, result, moved, model.n)
    code.put("ret void")
    code.finish()


def emit_project_step_back(
    module: IRModule, model: KernelModel, derivatives: DerivedFunctions, areas: Areas, record: Areas
) -> None:
    """`project_step_back(…)`, before `back`: the cotangent in `y1_d` of where the end was moved becomes that of the
    end; parameters and inputs get their shares."""
    code = Code(module, "project_step_back", PARAMETERS, attributes="noinline")
    writer = StepWriter(code, model, areas, record)
    Back(writer, derivatives)("project", 1.0, _end(writer), writer.area("y1_d"), *_tolerances(code))
    _copy(code, writer.area("back"), writer.area("y1_d"), model.n)
    code.put("ret void")
    code.finish()


def _end(writer: StepWriter) -> str:
    return writer.code.at("%record", writer.record["y1"])


def _tolerances(code: Code) -> tuple[str, str]:
    """Pointers to `atol` and to `rtol`."""
    atol, options = (code.load("%operands", OPERANDS.index(name), "ptr") for name in ("atol", "options"))
    return atol, code.at(options, OPTIONS.index("rtol"))


def _copy(code: Code, source: str, target: str, count: int) -> None:
    with code.loop(count) as k:
        code.store(code.load(source, k), target, k)
