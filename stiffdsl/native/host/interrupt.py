"""Ctrl-C reaches kernels that are running: they look at a word of memory before every step.

Python's own handler runs only when the main thread is back from a kernel. So a handler in machine code goes before it:
it sets the word, calls Python's, and asks Python to clear the word as soon as it runs again. It is installed where
Ctrl-C means `KeyboardInterrupt`; whoever sets a handler later replaces it, and kernels then run to their end.
"""

import atexit
import ctypes
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from stiffdsl.native.host import engine
from stiffdsl.native.host.interrupt_word import SYMBOL, WORD

# Seconds.
LAST = 0.2
_installed = False
_kept: list[object] = []

_HANDLER = f"""
@{SYMBOL} = external global i64
@previous = dso_local global ptr null
@pressed = dso_local global i64 0
declare i32 @Py_AddPendingCall(ptr, ptr)

define internal i32 @clear(ptr %nothing) {{
  store atomic i32 0, ptr @{SYMBOL} monotonic, align 8
  ret i32 0
}}

define dso_local void @handler(i32 %signal) {{
  store atomic i32 1, ptr @{SYMBOL} monotonic, align 8
  store atomic i64 1, ptr @pressed monotonic, align 8
  %python = load ptr, ptr @previous
  call void %python(i32 %signal)
  %asked = call i32 @Py_AddPendingCall(ptr @clear, ptr null)
  ret void
}}
"""


def install() -> None:
    """Puts the handler before Python's, once, where Ctrl-C means `KeyboardInterrupt`."""
    global _installed
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    main = threading.current_thread() is threading.main_thread()
    if _installed or os.name != "posix" or not ours or not main:
        return
    _installed = True
    library = engine.load("interrupt." + _HANDLER, lambda: _HANDLER)
    c = ctypes.CDLL(None)
    # The handler comes first in `struct sigaction`.
    now = (ctypes.c_void_p * 64)()
    if c.sigaction(int(signal.SIGINT), None, now) or not now[0]:
        return
    ctypes.c_void_p.from_address(library.address("previous")).value = now[0]
    c.signal.argtypes, c.signal.restype = (ctypes.c_int, ctypes.c_void_p), ctypes.c_void_p
    c.signal(int(signal.SIGINT), library.address("handler"))
    # A call that waits is interrupted, as with Python's own.
    c.siginterrupt(int(signal.SIGINT), 1)
    _kept.append(library)
    atexit.register(_end, ctypes.c_int64.from_address(library.address("pressed")))


def _end(pressed: ctypes.c_int64) -> None:
    """Stops kernels that Ctrl-C left running, and gives them a moment to end: a thread of XLA that comes back to Python
    while the interpreter is taken apart ends in an abort."""
    if pressed.value:
        WORD[1] += 1
        time.sleep(LAST)


@contextmanager
def stopping() -> Iterator[None]:
    """Inside, every kernel stops: threads that run some are waited for there."""
    WORD[1] += 1
    try:
        yield
    finally:
        WORD[1] -= 1
