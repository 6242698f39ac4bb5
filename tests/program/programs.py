"""Models as programs, and arguments to call their functions with."""

from pathlib import Path
from typing import Any

import numpy as np

from stiffdsl.diagnostics import Source
from stiffdsl.pipeline import compile_model, read
from stiffdsl.program.interpret import run
from stiffdsl.program.program import Program

MODELS = Path(__file__).resolve().parents[2] / "models"
# Files with an experiment are models; the others are parts.
FILES = sorted(f for f in MODELS.rglob("*.sml") if "\nexperiment" in f.read_text(encoding="utf-8"))
LABELS = [f.stem for f in FILES]


def program(path: str | Path, **constants: float) -> Program:
    """The program of a file under `models/`."""
    return compile_model(read(MODELS / path), constants=constants, stop_after="program")


def of_text(text: str, **constants: float) -> Program:
    return compile_model(Source("model.sml", text), constants=constants, stop_after="program")


def arguments(p: Program, seed: int = 0) -> dict[str, Any]:
    """A point near the start, with parameters as declared and everything random that may be."""
    rng = np.random.default_rng(seed)
    flat = p.system.flat
    zeros = np.zeros(sum(b.size for b in flat.parameters))
    parameters = run(p, "parameters", zeros, zeros)
    inputs = run(p, "input_defaults", parameters)
    start = run(p, "start", parameters, inputs)
    start = np.where(np.isnan(start), run(p, "guess", parameters, inputs), start)
    start = np.where(np.isnan(start), 0.5, start)
    entries = start[np.r_[p.system.states, p.system.implicit]]
    y = entries * rng.uniform(0.9, 1.1, p.size) + rng.uniform(0.01, 0.1, p.size)
    return {
        "t": 1.3,
        "y": y,
        "p": parameters,
        "u": inputs,
        "start": start,
        "given": parameters * rng.uniform(0.9, 1.1, len(parameters)),
        "mask": rng.integers(0, 2, len(parameters)).astype(float),
    }


def interpreted(p: Program, given: dict[str, Any]) -> dict[str, np.ndarray]:
    """Every function of `p` by the interpreter."""
    return {f.name: run(p, f.name, *(given[a] for a in f.arguments)) for f in p.functions}


def called(p: Program, functions: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Every function of `p` in one of its emitted forms."""
    return {f.name: getattr(functions, f.name)(*(given[a] for a in f.arguments)) for f in p.functions}


def dense(p: Program, values: np.ndarray) -> np.ndarray:
    matrix = np.zeros((p.size, p.size))
    matrix[p.rows, p.columns] = values
    return matrix


def close(a: np.ndarray, b: np.ndarray, rtol: float = 1e-12) -> bool:
    """Alike up to rounding in sums of numbers of the size of the largest."""
    known = np.abs(a[np.isfinite(a)])
    return np.allclose(a, b, rtol=rtol, atol=1e-2 * rtol * float(known.max(initial=0.0)), equal_nan=True)
