"""Elementary functions as machine code: within a few units of the last place, and the same bits in every width."""

import ctypes
import math
from functools import cache

import mpmath
import numpy as np
import pytest

from stiffdsl.native.host import engine
from stiffdsl.native.ir import elementary
from stiffdsl.native.ir.code import Code, IRModule

pytestmark = pytest.mark.skipif(not engine.available(), reason="LLVM is not installed")

NAMES = ("exp", "log", "tanh", "sinh", "cosh", "sin", "cos")
# Units in the last place.
BOUND = {"exp": 1.0, "log": 1.0, "sin": 1.0, "cos": 1.0, "tanh": 1.5, "sinh": 1.5, "cosh": 1.5}
RANGES = {
    "exp": [(-746, 710), (-1, 1), (-746, -708), (709, 710)],
    "log": [(0, 1e6), (0.5, 2), (0.99, 1.01), (0, 1e-307)],
    "tanh": [(-22, 22), (-0.7, 0.7), (0.6, 0.65), (-1e-3, 1e-3)],
    "sinh": [(-711, 711), (-1.5, 1.5), (-1e-3, 1e-3)],
    "cosh": [(-711, 711), (-1.5, 1.5)],
    "sin": [(-10, 10), (-6e5, 6e5), (-1e-3, 1e-3), (1e9, 1e10)],
    "cos": [(-10, 10), (-6e5, 6e5), (-1e-3, 1e-3), (1e9, 1e10)],
}
SPECIAL = np.array(
    [
        *(0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, -5e-324, 2.0**-1022, 1e308, -1e308, 1e-200, 1.0),
        *(709.782712893384, 709.7827128933841, -745.1332191019411, -745.1332191019412),
    ]
)


@cache
def compiled(name: str, lanes: int):
    """The function of all numbers of an array whose length is a multiple of `lanes`."""
    module = IRModule()
    parameters = [("ptr", "x"), ("ptr", "y"), ("i64", "count")]
    code = Code(module, "all", parameters, linkage="dso_local", lanes=lanes)
    with code.loop("%count") as k:
        code.store(code.apply(name, code.load("%x", k)), "%y", k)
    code.put("ret void")
    code.finish()
    library = engine.load(module.text(), module.text)
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(library.address("all"))

    def run(x: np.ndarray) -> np.ndarray:
        assert len(x) % lanes == 0
        x, y = np.ascontiguousarray(x, dtype=float), np.empty(len(x))
        call(x.ctypes.data, y.ctypes.data, len(x) // lanes)
        return y

    # The code stays as long as the function.
    run.__dict__["library"] = library
    return run


def of_all_sizes(rng: np.random.Generator, count: int) -> np.ndarray:
    """Numbers with every exponent and sign."""
    numbers = rng.integers(0, 2**64, size=count, dtype=np.uint64).view(float)
    return np.where(np.isfinite(numbers), numbers, 1.0)


def units(name: str, x: np.ndarray, found: np.ndarray) -> float:
    """The largest error in units of the last place."""
    worst = 0.0
    with mpmath.workprec(200):
        for given, value in zip(x.tolist(), found.tolist(), strict=True):
            exact = getattr(mpmath, name)(mpmath.mpf(given))
            rounded = float(exact)
            if math.isinf(rounded) or math.isinf(value):
                assert value == rounded or abs(value) == 1.7976931348623157e308
                continue
            worst = max(worst, float(abs(mpmath.mpf(value) - exact) / mpmath.mpf(math.ulp(rounded))))
    return worst


@pytest.mark.parametrize("name", NAMES)
def test_error_in_units_of_the_last_place(name):
    rng = np.random.default_rng(1)
    samples: list[np.ndarray] = [rng.uniform(low, high, 400) for low, high in RANGES[name]]
    everywhere = of_all_sizes(rng, 400)
    samples.append(np.abs(everywhere) if name == "log" else everywhere)
    if name in ("sin", "cos"):
        # As near to zeros as numbers come.
        samples.append(np.arange(400) * 761 * (math.pi / 2))
    x = np.concatenate(samples)
    assert units(name, x, compiled(name, 1)(x)) <= BOUND[name]


@pytest.mark.parametrize("name", NAMES)
def test_special_values_are_those_of_numpy(name):
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(SPECIAL)
    found = compiled(name, 1)(SPECIAL)
    np.testing.assert_allclose(found, expected, rtol=1e-15, atol=5e-324)
    defined = ~np.isnan(expected)
    assert np.array_equal(np.signbit(found)[defined], np.signbit(expected)[defined])


@pytest.mark.parametrize("name", NAMES)
def test_a_lane_gets_the_bits_of_a_number_alone(name):
    rng = np.random.default_rng(2)
    x = np.concatenate([of_all_sizes(rng, 4000), rng.uniform(-30, 30, 4000), SPECIAL])
    alone = compiled(name, 1)(x)
    for lanes in (2, 4, 8):
        together = compiled(name, lanes)(x[: len(x) // lanes * lanes])
        np.testing.assert_array_equal(together.view(np.uint64), alone[: len(together)].view(np.uint64))


@pytest.mark.parametrize("count", [1, 2, 3, 8, 13])
def test_single_numbers_side_by_side(count):
    module = IRModule()
    code = Code(module, "some", [("ptr", "x"), ("ptr", "y")], linkage="dso_local")
    given = [code.load("%x", k) for k in range(count)]
    for k, value in enumerate(elementary.side_by_side(code, "tanh", given)):
        code.store(value, "%y", k)
    code.put("ret void")
    code.finish()
    library = engine.load(module.text(), module.text)
    x, y = np.linspace(-2, 2, count), np.empty(count)
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(library.address("some"))
    call(x.ctypes.data, y.ctypes.data)
    np.testing.assert_array_equal(y, compiled("tanh", 1)(x))
