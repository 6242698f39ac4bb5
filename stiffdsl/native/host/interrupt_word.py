"""The word of memory that running kernels look at before every step: nonzero stops them."""

import ctypes

# What kernels look at, by the name they know it by: the first half is set by a signal, the second by `stopping`.
SYMBOL = "stiffdsl_interrupted"
WORD = (ctypes.c_int32 * 2)(0, 0)


def symbols() -> dict[str, int]:
    """The addresses that kernels, and the handler, are linked with."""
    pending = ctypes.cast(ctypes.pythonapi.Py_AddPendingCall, ctypes.c_void_p).value
    assert pending is not None
    return {SYMBOL: ctypes.addressof(WORD), "Py_AddPendingCall": pending}
