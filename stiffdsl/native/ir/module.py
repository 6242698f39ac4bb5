"""A module of LLVM IR: functions, constants and declarations, as text."""

import struct

import numpy as np

from stiffdsl.native.host import engine
from stiffdsl.native.ir.form import FORM, Form


def hexadecimal(value: float) -> str:
    """A double as LLVM reads it without rounding."""
    return "0x" + struct.pack(">d", value).hex().upper()


class IRModule:
    """Functions, constant arrays and declarations, in the order in which they were asked for.

    `widest`: how many doubles are best computed at once in loops; `form`: sizes by which functions are written."""

    def __init__(self, form: Form = FORM):
        self.widest, self.form = engine.widest(), form
        self._functions: list[str] = []
        self._constants: dict[tuple[str, bytes], str] = {}
        self._lines: list[str] = []
        self._declared: dict[str, None] = {}
        self._begun: set[str] = set()

    def begin(self, function: str) -> bool:
        """Whether a function that others share is still to be written."""
        new = function not in self._begun
        self._begun.add(function)
        return new

    def add(self, function: str) -> None:
        self._functions.append(function)

    def declare(self, text: str) -> None:
        self._declared[text] = None

    def constants(self, array: np.ndarray) -> str:
        """The global that holds `array`: doubles, or 32-bit integers."""
        real = array.dtype.kind == "f"
        array = np.ascontiguousarray(array, dtype="<f8" if real else "<i4").ravel()
        key = ("double" if real else "i32", array.tobytes())
        if key not in self._constants:
            name = f"@constant.{len(self._constants)}"
            items = (hexadecimal(v) for v in array.tolist()) if real else map(str, array.tolist())
            body = ", ".join(f"{key[0]} {item}" for item in items)
            self._lines.append(
                f"{name} = private unnamed_addr constant [{len(array)} x {key[0]}] [{body}], align 64"
            )
            self._constants[key] = name
        return self._constants[key]

    def text(self) -> str:
        return "\n".join([*self._lines, "", *self._declared, "", *self._functions, ""])
