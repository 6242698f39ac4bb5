"""The gate: a larger model of the same kind is the same program over longer vectors."""

import time
from typing import Any

import jax
import numpy as np
import pytest

from benchmarks.texts import mass_action, written_out_rod
from stiffdsl.diagnostics import Source
from stiffdsl.pipeline import compile_model
from stiffdsl.runtime.emit import functions
from stiffdsl.runtime.export.python_module import write
from stiffdsl.sources import read

from .programs import MODELS, arguments

CASES = {
    "ladder": ("examples/rc_ladder.sml", 200, 400),
    "building": ("examples/building.sml", 200, 400),
    "grid": ("chemistry/brusselator2d.sml", 24, 32),
    "rod": ("examples/heat_rod.sml", 200, 400),
    "network": ("", 2_000, 3_000),
    "written out": ("", 300, 600),
}


def _source(case: str, size: int) -> tuple[Source, dict[str, float]]:
    file = CASES[case][0]
    if case == "network":
        return Source("network.sml", mass_action(size // 10, size)), {}
    if case == "written out":
        return Source("rod.sml", written_out_rod(size)), {}
    return read(MODELS / file), {"N": size}


def _slack(case: str) -> int:
    """Lines by which two sizes may differ: sums of a network are taken in groups by their length, and which lengths
    there are, powers of two at most, depends on what was drawn. A solver has a line more for each than f has."""
    return 12 if case == "network" else 0


def _measured(case: str, size: int) -> dict[str, int]:
    """Operations, and the lines that XLA is given without the digits of constants."""
    source, constants = _source(case, size)
    p = compile_model(source, constants=constants, stop_after="program")
    assert not p.scalar
    emitted, given = functions(p), arguments(p)
    found = {f.name: f.operations for f in p.functions}
    for name in ("rhs", "jacobian", "variables"):
        lowered = jax.jit(getattr(emitted, name)).lower(given["t"], given["y"], given["p"], given["u"])
        module: Any = lowered.compiler_ir()
        text = module.operation.get_asm(large_elements_limit=4)
        found[f"{name} for XLA"] = len(text.splitlines())
    return found


@pytest.mark.parametrize("case", CASES)
def test_the_program_does_not_grow_with_the_model(case):
    _, small, large = CASES[case]
    first, second = _measured(case, small), _measured(case, large)
    assert first.keys() == second.keys()
    assert all(abs(first[name] - second[name]) <= _slack(case) for name in first)


@pytest.mark.parametrize("case", ["ladder", "network"])
def test_the_compiled_solver_does_not_grow_with_the_model(case):
    lines = []
    for size in CASES[case][1:]:
        source, constants = _source(case, size)
        model = compile_model(source, constants=constants)
        # Whether nothing reads some species is chance, and a mask of the error norm is a few lines.
        solve = model.solver(saveat=np.array([0.0, 1e-5]), method="fbdf", include_quadratures=True)
        module: Any = jax.jit(solve).lower({}).compiler_ir()
        text = module.operation.get_asm(large_elements_limit=4)
        lines.append(len(text.splitlines()))
    assert abs(lines[0] - lines[1]) <= _slack(case)


@pytest.mark.parametrize("case", CASES)
def test_the_written_module_can_be_read_through(case, tmp_path):
    """A few hundred lines, whatever the size, with the names that the author gave."""
    _, small, large = CASES[case]
    lines = []
    for size in (small, large):
        source, constants = _source(case, size)
        path = write(compile_model(source, constants=constants), tmp_path / str(size))
        lines.append(len(path.read_text(encoding="utf-8").splitlines()))
    assert abs(lines[0] - lines[1]) <= _slack(case)
    assert max(lines) < 650


def test_a_hundred_thousand_unknowns_are_lowered_in_seconds():
    from stiffdsl.program import lower

    system = compile_model(
        read(MODELS / "examples/rc_ladder.sml"), constants={"N": 100_000}, stop_after="graph"
    )
    start = time.process_time()
    p = lower(system)
    assert time.process_time() - start < 40
    assert len(p.rows) == 3 * p.size - 2
    assert np.all(np.diff(p.rows) >= 0)
