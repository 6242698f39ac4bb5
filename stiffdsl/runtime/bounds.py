"""Declared bounds: a given value that lies outside is refused."""

from typing import Any

import numpy as np

from stiffdsl.flat.model import Block
from stiffdsl.runtime.names import NamedScalars

SIDES = (("min", -1.0, "below"), ("max", 1.0, "above"))


def refuse(found: NamedScalars, given: Any, what: str) -> None:
    """Raises `ValueError` where a value in SI, given to what was `found`, lies outside; leading axes are lanes."""
    block = found.block
    for side, sign, word in SIDES:
        if side not in block.sizes:
            continue
        own = (found.scalars - block.offset).ravel()
        values, limit = np.asarray(given, dtype=float), block.sizes[side][own]
        if not np.any(sign * (values - limit.reshape(found.shape)) > 0):
            continue
        values = np.broadcast_to(values, np.broadcast_shapes(values.shape, found.shape))
        values = values.reshape((-1, own.size))
        wrong = np.argwhere(sign * (values - limit) > 0)
        if len(wrong):
            lane, k = wrong[0]
            where = f" in lane {lane}" if len(values) > 1 else ""
            if block.kind == "hidden":
                raise ValueError(f"{block.doc}{where}")
            told = outside(block, int(own[k]), float(values[lane, k]), float(limit[k]), side, word)
            raise ValueError(f"the {what}{' of' * (what == 'initial value')} {told}{where}")


def outside(block: Block, k: int, value: float, limit: float, side: str, word: str) -> str:
    if block.labels:
        return f"`{block.scalar_name(k)}` is one of {', '.join(block.labels)} (1 to {len(block.labels)}), not {value:g}"
    given, allowed = ((v - block.shift) / block.scale for v in (value, limit))
    unit = "" if block.unit is None else f" [{block.unit}]"
    return f"`{block.scalar_name(k)}` is {word} its `{side}`: {given:.6g}{unit} for {allowed:.6g}{unit}"
