"""Models as programs, and arguments to call their functions with."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stiffdsl.diagnostics import Source
from stiffdsl.pipeline import compile_model
from stiffdsl.program.interpret import run
from stiffdsl.program.program import Program
from stiffdsl.sources import read

MODELS = Path(__file__).resolve().parents[2] / "models"
# Files with an experiment are models; the others are parts.
FILES = sorted(f for f in MODELS.rglob("*.sml") if "\nexperiment" in f.read_text(encoding="utf-8"))
# What no model of the library has: loops that stay implicit, initial equations, invariants, all kinds of functions.
TEXTS = {
    "pendulum": """
model Pendulum
  param L = 2 in 1..3
  var x start 2
  var y start 0
  var vx start 0
  var vy
  var tension
equations
  der(x) = vx
  der(y) = vy
  der(vx) = -tension*x
  der(vy) = -tension*y - 9.81
  x^2 + y^2 = L^2
end
""",
    "diode": """
model Diode
  param C = 1e-3
  param scale = 2*C
  input drive = 0.4
  var v start scale*100
  var w guess 0.3
  var minus
  output power
equations
  C*der(v) = (drive - v) - w^3 - exp(w)/(1 + w^2)
  v = w + tanh(w) + w^5
  minus + v = 0
  power = abs(minus)*max(v, w, 0.1)
end
""",
    "steady": """
model Steady
  const N = 5
  param a = 3
  var T[N] guess (i for i in 1..N)
  var q
equations
  q = noevent(if T[1] > 0.1 then sqrt(T[1]) else T[1]^2)
  der(T[1]) = 1 - q + a*(T[2] - T[1])
  for i in 2..N-1
    der(T[i]) = a*(T[i-1] - 2*T[i] + T[i+1])
  end
  der(T[N]) = a*(T[N-1] - T[N]) + mod(time, 0.7)*floor(1 + T[N]) + atan2(T[N], q)
initial
  for i in 1..N
    der(T[i]) = 0
  end
end
""",
    "implicit rate": """
model Rate
  var x start 1
equations
  der(x) + sin(der(x))/2 = -x*time
end
""",
    "network": """
model Network
  const N = 60
  param R = 2
  var v[N] start (1/i for i in 1..N)
  var i[N+1]
  var s
equations
  i[1] + i[1]^3 = (s - v[1])/R
  for k in 2..N
    i[k] + i[k]^3 = (v[k-1] - v[k])/R
  end
  i[N+1] = v[N]
  for k in 1..N
    der(v[k]) = i[k] - i[k+1]
  end
  s = 1 + sum(v[k]*cos(time) for k in 1..N)/N
end
""",
}
# Whole devices and buildings: one runs with every test, the others with the long proofs.
DEVICES = ("battery", "building")
QUICK = MODELS / "battery" / "spm.sml"


def program(path: str | Path, **constants: float) -> Program:
    """The program of a file under `models/`."""
    return compile_model(read(MODELS / path), constants=constants, stop_after="program")


def of_text(text: str, **constants: float) -> Program:
    return compile_model(Source("model.sml", text), constants=constants, stop_after="program")


def _programs() -> Iterator[Any]:
    """All models, each compiled when it is called."""
    for f in FILES:
        slow = not {*DEVICES}.isdisjoint(f.parts) and f != QUICK
        yield pytest.param(partial(program, f), id=f.stem, marks=pytest.mark.slow if slow else ())
    for name, text in TEXTS.items():
        yield pytest.param(partial(of_text, text), id=name)


EVERY_PROGRAM = pytest.mark.parametrize("make", [*_programs()])


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
    given = {
        "t": 1.3,
        "y": y,
        "p": parameters,
        "u": inputs,
        "start": start,
        "given": parameters * rng.uniform(0.9, 1.1, len(parameters)),
        "mask": rng.integers(0, 2, len(parameters)).astype(float),
        "side": np.full(len(p.crossings_periodic), 1.3),
        "fired": rng.integers(0, 2, p.events.count).astype(float),
    }
    if "relations" in p.by_name:
        found = run(p, "relations", *(given[a] for a in p.by_name["relations"].arguments))
        given["m"] = found[: len(p.relation_rises)]
    return given


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
