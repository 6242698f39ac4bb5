"""Names of scalars in the model, for messages and for reading."""

from collections.abc import Sequence

from stiffdsl.flat.model import Block, FlatModel


def name_of(flat: FlatModel, kind: str, number: int) -> str:
    """The name of what a slot of `kind` counts: `rooms[3].T`, `der(x)`, a constant's value."""
    if kind == "const":
        return f"{flat.constants[number]:.6g}"
    if kind in ("param", "input"):
        return _scalar(flat.parameters if kind == "param" else flat.inputs, number)
    name = flat.variable_name(number)
    return name if kind == "var" else f"{kind}({name})"


def _scalar(blocks: Sequence[Block], number: int) -> str:
    block = next(b for b in blocks if b.offset <= number < b.offset + b.size)
    return block.scalar_name(number - block.offset)
