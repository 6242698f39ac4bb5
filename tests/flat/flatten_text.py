"""Text to flat model, for the tests of this folder."""

import re

import numpy as np

import stiffdsl as sd
from stiffdsl.check import check
from stiffdsl.diagnostics import Source
from stiffdsl.flat.flatten import flatten
from stiffdsl.flat.model import FlatModel
from stiffdsl.flat.show import member_text
from stiffdsl.sources import load_import
from stiffdsl.syntax.parse import parse


def flat(text: str, constants: dict[str, float] | None = None) -> FlatModel:
    source = Source("model.sml", text)
    return flatten(check(parse(source), source, model=None, load=load_import), constants or {})


def equations(model: FlatModel) -> list[str]:
    """Every equation of the model, member by member, as text."""
    return [f"0 = {member_text(model, f, m)}" for f in model.equations for m in range(f.size)]


def aliases(model: FlatModel) -> dict[str, str]:
    """Eliminated variables and what they equal."""
    found = {}
    for v in range(model.size):
        if model.sign[v] == 0:
            found[model.variable_name(v)] = "0"
        elif model.alias[v] != v:
            sign = "-" if model.sign[v] < 0 else ""
            found[model.variable_name(v)] = sign + model.variable_name(int(model.alias[v]))
    return found


def rates(text: str) -> dict[str, np.ndarray]:
    """The derivatives of all states at the start, by the name of their declaration; over NumPy, without a kernel."""
    model = sd.loads(text)
    p = model.default_parameters
    u = np.asarray(model.interpreted.input_defaults(p))
    y = np.asarray(model.interpreted.start(p, u, 0.0))
    found: dict[str, list[float]] = {}
    for name, rate in zip(model.states.names, np.asarray(model.interpreted.rhs(0.0, y, p, u)), strict=True):
        found.setdefault(re.split(r"[\[.]", name)[0], []).append(float(rate))
    return {name: np.array(values) for name, values in found.items()}
