"""Events as data of a written module: what its solver knows of them, and how they are told."""

import numpy as np

from stiffdsl.flat.model import FlatModel
from stiffdsl.program.events import event_text
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.event_history import described


def tables(model: CompiledProgram) -> dict[str, np.ndarray]:
    """Masks of events and of the entries of y, by the names that they have in the module."""
    program, events = model.program, model.program.events
    blocks = model.declarations(program.system.states)
    labels = _labels(program.system.flat)
    declared, labelled = np.zeros(program.size, dtype=bool), np.full(program.size, -1, dtype=np.int32)
    declared[: len(blocks)] = [block.kind != "hidden" for block in blocks]
    labelled[: len(blocks)] = [labels.index(b.labels) if b.labels else -1 for b in blocks]
    return {
        "event_at_start": events.at_start,
        "event_from_start": events.from_start,
        "event_located": events.located,
        "still": program.still,
        "counted": program.counted,
        "declared": declared,
        "labelled": labelled,
    }


def words(model: CompiledProgram) -> str:
    """Words on events, as source."""
    known = described(model)
    rows = {
        "EVENTS": [tuple(e) for e in known.events],
        "ENDS": [tuple(e) for e in known.ends],
        "LABELS": _labels(model.program.system.flat),
    }
    lines = [
        "# Events: text, line, repetitions, is it a condition of an equation that changes, does it keep books;",
        "# ends of runs: text, line, is it a failure, what that is called; what the values of enumerations are called.",
    ]
    for name, listed in rows.items():
        lines += [f"{name} = (", *(f"    {row!r}," for row in listed), ")"] if listed else [f"{name} = ()"]
    return "\n".join(lines) + "\n"


def listed(flat: FlatModel) -> list[str]:
    """The events that an author wrote, for a docstring."""
    told = (event_text(flat, k) for k, e in enumerate(flat.events) if not e.branch and not e.quiet)
    return list(dict.fromkeys(told))


def _labels(flat: FlatModel) -> list[tuple[str, ...]]:
    """Names of the values of variables, each enumeration once."""
    return list(dict.fromkeys(b.labels for b in flat.variables if b.labels))
