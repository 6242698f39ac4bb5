"""LLVM behind one function: IR text in, addresses of functions out; object code is kept on disk by content."""

import ctypes
import ctypes.util
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from stiffdsl.elementary import ELEMENTARY
from stiffdsl.native.host import interrupt_word
from stiffdsl.resources import cache_folder

llvm: Any
try:
    import llvmlite.binding as llvm
except ImportError:  # the portable tier serves alone
    llvm = None

# Functions of the C library that the IR may call.
_SYMBOLS = (
    *ELEMENTARY,
    *("atan2", "pow", "malloc", "free", "memset", "memcpy"),
)


def available() -> bool:
    """Whether kernels can be made here: LLVM is installed and knows this processor."""
    return llvm is not None and sys.maxsize > 2**32 and _target() is not None


def widest() -> int:
    """Doubles in the widest vectors that this processor computes with, or in two of its narrow ones."""
    return 8 if llvm.get_host_cpu_features().get("avx512f", False) else 4


def vector_width(registers: int) -> int:
    """Lanes side by side that this processor steps fastest, for a model of `registers` unknowns: the widest vectors,
    unless more than the registers hold would be under way."""
    return widest() if registers <= 12 else 4


class Library:
    """Loaded machine code. It is never unloaded while this object lives."""

    def __init__(self, engine: Any):
        self._engine = engine

    def address(self, symbol: str) -> int:
        return self._engine.get_function_address(symbol)


def load(key: str, text: Callable[[], str], seldom: bool = False) -> Library:
    """The code of the module `text()`, compiled, or from disk where `key` was seen before. What runs `seldom` is
    compiled in a third of the time, and takes up to twice as long."""
    library = kept(key)
    if library is None:
        code = _compiled(text(), seldom)
        _write(_path(key), code)
        library = _linked(code)
    return library


def kept(key: str) -> Library | None:
    """The code that was compiled for `key` before, where it is still on disk."""
    code = _read(_path(key))
    return None if code is None else _linked(code)


def _linked(code: bytes) -> Library:
    assert _target() is not None, "asked for only where LLVM is available"
    # An engine owns and ends its machine: each gets its own.
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return Library(engine)


def _compiled(text: str, seldom: bool = False) -> bytes:
    """Object code. The IR is written as it should run: variables are put into registers, and no more; the whole
    pipeline of `-O2` takes ten times as long for nothing that can be measured."""
    machine = _machine(0 if seldom else 2)
    module = llvm.parse_assembly(text)
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_simplify_cfg_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=0)))
    return machine.emit_object(module)


@cache
def _target() -> Any:
    if llvm is None:
        return None
    try:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = _machine()
    except RuntimeError:
        return None
    _add_symbols()
    return machine


def _machine(opt: int = 2) -> Any:
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=_features(), opt=opt, reloc="pic", jit=True
    )


@cache
def _features() -> str:
    return llvm.get_host_cpu_features().flatten()


def _add_symbols() -> None:
    """Addresses of the C library's functions, so that no platform's linker has to find them."""
    library = (
        ctypes.CDLL("ucrtbase") if sys.platform == "win32" else ctypes.CDLL(ctypes.util.find_library("m"))
    )
    everything: Sequence[Any] = (library, ctypes.CDLL(None)) if sys.platform != "win32" else (library,)
    for symbol in _SYMBOLS:
        for one in everything:
            if hasattr(one, symbol):
                address = ctypes.cast(getattr(one, symbol), ctypes.c_void_p).value
                llvm.add_symbol(symbol, address)
                break

    for symbol, address in interrupt_word.symbols().items():
        llvm.add_symbol(symbol, address)


def _path(key: str) -> Path | None:
    """The file for `key`, this version of LLVM and this processor; None where nothing is to be kept."""
    if os.environ.get("STIFFDSL_CACHE") == "":
        return None
    stamp = (key, version("llvmlite"), _target().triple, llvm.get_host_cpu_name(), _features())
    digest = hashlib.sha256("\0".join(stamp).encode()).hexdigest()
    return cache_folder() / "native" / f"{digest}.o"


def _read(path: Path | None) -> bytes | None:
    """The code that was kept, checked: a file cut short must not be run."""
    if path is None:
        return None
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, code = content[:32], content[32:]
    return code if hashlib.sha256(code).digest() == digest else None


def _write(path: Path | None, code: bytes) -> None:
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(hashlib.sha256(code).digest() + code)
        os.replace(file.name, path)
    except OSError:
        pass
