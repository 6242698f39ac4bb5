"""The gate: a larger model of the same kind is the same program over longer vectors."""

import time

import jax
import numpy as np
import pytest

from stiffdsl.runtime.emit import functions

from .programs import arguments, program

CASES = {
    "ladder": ("examples/rc_ladder.sml", 200, 400),
    "building": ("examples/building.sml", 200, 400),
    "grid": ("chemistry/brusselator2d.sml", 24, 32),
    "rod": ("examples/heat_rod.sml", 200, 400),
}


def _measured(file: str, size: int) -> dict[str, int]:
    """Operations, and the lines that XLA is given without the digits of constants."""
    p = program(file, N=size)
    assert not p.scalar
    emitted, given = functions(p), arguments(p)
    found = {f.name: f.operations for f in p.functions}
    for name in ("rhs", "jacobian", "variables"):
        lowered = jax.jit(getattr(emitted, name)).lower(given["t"], given["y"], given["p"], given["u"])
        text = lowered.compiler_ir().operation.get_asm(large_elements_limit=4)
        found[f"{name} for XLA"] = len(text.splitlines())
    return found


@pytest.mark.parametrize("case", CASES)
def test_the_program_does_not_grow_with_the_model(case):
    file, small, large = CASES[case]
    assert _measured(file, small) == _measured(file, large)


def test_a_hundred_thousand_unknowns_are_lowered_in_seconds():
    from stiffdsl.pipeline import compile_model, read
    from stiffdsl.program import lower

    from .programs import MODELS

    system = compile_model(
        read(MODELS / "examples/rc_ladder.sml"), constants={"N": 100_000}, stop_after="graph"
    )
    start = time.perf_counter()
    p = lower(system)
    assert time.perf_counter() - start < 4
    assert len(p.rows) == 3 * p.size - 2
    assert np.all(np.diff(p.rows) >= 0)
