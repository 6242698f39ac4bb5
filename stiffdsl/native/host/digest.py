"""Digests that machine code is kept by: functions of a program, and the text of everything that writes kernels."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from stiffdsl.program.program import Function

# A kernel is written by the first from what the others say: constants of step control, coefficients, derivatives.
WRITERS = ("stiffdsl.native", "stiffdsl.solve", "stiffdsl.program", "stiffdsl.elementary")


def digest_of(functions: tuple[Function, ...], tables: dict[str, np.ndarray]) -> bytes:
    """A digest of what functions do."""
    digest = hashlib.sha256()
    for function in functions:
        digest.update(repr((function.name, function.arguments, function.ops)).encode())
    for name in sorted(_used(functions)):
        table = tables[name]
        digest.update(repr((name, table.dtype.str, table.shape)).encode() + table.tobytes())
    return digest.digest()


def digest_of_record(record: Any, without: Collection[str] = ()) -> bytes:
    """A digest of a frozen record and those in it: of every field but those `without` (`Class.field`). A function is
    taken with the tables that it uses, `tables` of its record, or `tables_x` where its own name ends in `x`."""
    digest = hashlib.sha256(type(record).__name__.encode())
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, dict) or f"{type(record).__name__}.{field.name}" in without:
            continue
        digest.update(field.name.encode() + b"\0")
        if isinstance(value, Function):
            own = getattr(record, f"tables_{field.name.rpartition('_')[2]}", record.tables)
            digest.update(digest_of((value,), own))
        elif isinstance(value, np.ndarray):
            digest.update(
                repr((value.dtype.str, value.shape)).encode() + np.ascontiguousarray(value).tobytes()
            )
        elif is_dataclass(value):
            digest.update(digest_of_record(value, without))
        else:
            digest.update(repr(value).encode() + b"\0")
    return digest.digest()


def _used(functions: tuple[Function, ...]) -> set[str]:
    return {op.data for f in functions for op in f.ops if op.name in ("table", "take", "take_sum")}


@cache
def sources() -> bytes:
    """A digest of the modules that write kernels: machine code of another version of them is not used."""
    return digest_of_texts(_place(import_module(name)) for name in WRITERS)


def _place(module: ModuleType) -> Path:
    """The folder of a package, or the file of a module."""
    return Path(getattr(module, "__path__", [module.__file__])[0])


def digest_of_texts(places: Iterable[Path]) -> bytes:
    """A digest of Python files: of all in a folder and below, with their places there, or of one."""
    digest = hashlib.sha256()
    for place in places:
        for file in [place] if place.is_file() else sorted(place.rglob("*.py")):
            digest.update(file.relative_to(place).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.digest()
