"""Values that lie outside of the `min` and `max` of their declarations: parameters, inputs, starts and guesses."""

import numpy as np

from stiffdsl.diagnostics import Diagnostic, Label
from stiffdsl.flat.model import Block, FlatModel
from stiffdsl.graph.start_values import StartValues

_WHAT = {"param": "the value of", "input": "the default of"}


def outside(flat: FlatModel) -> list[Diagnostic]:
    """Diagnostics of values outside `min` and `max` that are known before a run, one for each declaration."""
    limited = {
        kind: [b for b in blocks if "min" in b.sizes or "max" in b.sizes]
        for kind, blocks in (("param", flat.parameters), ("input", flat.inputs), ("var", flat.variables))
    }
    if not any(limited.values()):
        return []
    values = StartValues(flat).of
    values["var"] = flat.sign * values["var"][flat.alias]
    started = np.zeros(flat.size, dtype=bool)
    for definition in flat.starts:
        started[definition.targets] = True
    started = started[flat.alias]
    found = []
    for kind, blocks in limited.items():
        for block in blocks:
            own = slice(block.offset, block.offset + block.size)
            what = _WHAT.get(kind) or ("the start of" if np.any(started[own]) else "the guess of")
            told = _told(block, values[kind][own], what)
            if told is not None:
                found.append(told)
    return found


def _told(block: Block, values: np.ndarray, what: str) -> Diagnostic | None:
    for side, wrong, word in (("min", np.less, "below"), ("max", np.greater, "above")):
        if side not in block.sizes:
            continue
        limit = block.sizes[side]
        places = np.flatnonzero(wrong(values, limit))
        if not len(places):
            continue
        if block.kind == "hidden":
            assert block.doc is not None, "a hidden limit says what is wrong beyond it"
            return Diagnostic("E0315", block.doc, (Label(block.span, "at the declared values"),))
        k = int(places[0])
        given, allowed = ((v - block.shift) / block.scale for v in (values[k], limit[k]))
        unit = "" if block.unit is None else f" [{block.unit}]"
        title = f"{what} `{block.scalar_name(k)}` is {word} its `{side}`: {given:.6g}{unit} for {allowed:.6g}{unit}"
        more = len(places) - 1
        notes = (f"the same of {more} more element{'s' * (more > 1)}",) if more else ()
        return Diagnostic("E0315", title, (Label(block.span, f"`{side} {allowed:.6g}`"),), notes)
    return None
