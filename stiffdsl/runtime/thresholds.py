"""Sizes at which a model takes another way to the same result: values, which tests choose."""

from dataclasses import dataclass

from stiffdsl import native


@dataclass(frozen=True)
class Thresholds:
    """Sizes at which kernels take over.

    `start_kernel`: operations of the start problem from which on a kernel looks for the start in programs of JAX;
    `host_start_kernel`: the same on the host, where NumPy takes a microsecond for each, twenty times.
    `between_kernel`: operations of the equations from which on a kernel looks for algebraic unknowns between steps.
    `slots`: lanes that step side by side on a device. `form`, `calls`: of the kernels themselves.
    """

    start_kernel: int = 100
    host_start_kernel: int = 300
    between_kernel: int = 100
    slots: int = 8192
    form: native.Form = native.FORM
    calls: native.CallSizes = native.CALL_SIZES


THRESHOLDS = Thresholds()
