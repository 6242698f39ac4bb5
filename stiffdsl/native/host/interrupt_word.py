"""The word of memory that running kernels look at before every step: nonzero stops them."""

import ctypes

# The word that kernels look at, by the name they know it by: a signal sets its first half, `stopping` the second.
SYMBOL = "stiffdsl_interrupted"
WORD = (ctypes.c_int32 * 2)(0, 0)


def symbols() -> dict[str, int]:
    """The addresses that kernels, and the handler, are linked with."""
    pending = ctypes.cast(ctypes.pythonapi.Py_AddPendingCall, ctypes.c_void_p).value
    assert pending is not None
    return {SYMBOL: ctypes.addressof(WORD), "Py_AddPendingCall": pending}
