"""From the names a user writes to scalars: `A`, `rooms[3].T`, and `rooms.T` for a whole array."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stiffdsl.diagnostics import did_you_mean
from stiffdsl.flat.model import Block

# So many names are looked up once.
REMEMBERED = 1000

_INDEX = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, eq=False)
class NamedScalars:
    """The scalars that a name means: one, or those of a whole array of `shape`."""

    block: Block
    scalars: np.ndarray
    shape: tuple[int, ...]


class Names:
    """Looks names up in blocks; nothing is listed per scalar, so that a large model costs nothing here."""

    def __init__(self, blocks: tuple[Block, ...], what: str):
        self.blocks = tuple(b for b in blocks if b.kind != "hidden")
        self.what = what
        self._found: dict[str, NamedScalars] = {}
        self._by_name = {b.name: b for b in self.blocks}
        # A part that has given way to its surrogate: what was inside of it is missed.
        self.gone: str | None = None
        # The new name of an element that was taken out of its array.
        self.moved: Callable[[str], str] | None = None

    def find(self, name: str) -> NamedScalars:
        """Raises `KeyError` with the nearest known name, or with the bounds of an index that is outside."""
        if not isinstance(name, str):
            raise TypeError(f"the name of a {self.what} is a text, not {name!r}")
        found = self._found.get(name)
        if found is None:
            found = self._looked_up(name)
            # Names of calls that come again; not those of all scalars of a large model.
            if len(self._found) < REMEMBERED:
                self._found[name] = found
        return found

    def _looked_up(self, name: str) -> NamedScalars:
        if not name.isascii():
            name = unicodedata.normalize("NFKC", name)  # as in the model's text
        block = self._by_name.get(_INDEX.sub("", name))
        if block is None:
            if self.moved is not None and (now := self.moved(name)) != name:
                raise KeyError(f"`{name}` is called `{now}` here: an element was taken out of its array")
            if self.gone is not None and name.startswith(self.gone + "."):
                kept = [b for b in self._by_name if b.startswith(self.gone + ".")]
                raise KeyError(
                    f"the surrogate of `{self.gone}` has no {self.what} `{name}`; it kept "
                    f"{', '.join(f'`{k}`' for k in kept) or 'none'} (name what else to keep in `outputs`, or in `vary`)"
                )
            hint = did_you_mean(_INDEX.sub("", name), self._by_name)
            raise KeyError(f"the model has no {self.what} `{name}`" + (f"; {hint}" if hint else ""))
        own = [_INDEX.findall(segment) for segment in name.split(".")]
        shape: list[int] = []
        axes: list[np.ndarray] = []
        for (segment, dims), groups in zip(block.path, own, strict=True):
            given = [i for group in groups for i in group.split(",")]
            if given and len(given) != len(dims):
                raise KeyError(f"`{segment}` in `{name}` takes {len(dims)} indices, not {len(given)}")
            for k, length in enumerate(dims):
                if not given:
                    axes.append(np.arange(length))
                    shape.append(length)
                    continue
                axes.append(np.array([self._index(given[k], length, name)]))
        scalars = np.zeros((), dtype=np.int64)
        for length, axis in zip(block.shape, axes, strict=True):
            scalars = scalars[..., None] * length + axis
        return NamedScalars(block, block.offset + scalars.reshape(tuple(shape)), tuple(shape))

    def __contains__(self, name: str) -> bool:
        # Asked of every name of a table: `find` would look for a near miss of each that is none of ours.
        if _INDEX.sub("", name) not in self._by_name:
            return False
        try:
            self.find(name)
        except KeyError:
            return False
        return True

    def _index(self, text: str, length: int, name: str) -> int:
        text = text.strip()
        if not text.isdigit() or not 1 <= int(text) <= length:
            raise KeyError(f"the index `{text}` in `{name}` is outside 1..{length}")
        return int(text) - 1

    def scalars(self) -> list[str]:
        """Every scalar's name, in the order of the model."""
        return [name for b in self.blocks for name in b.scalar_names()]

    def numbers(self) -> np.ndarray:
        """The number of every scalar that `scalars` names."""
        return np.concatenate(
            [np.zeros(0, dtype=np.int64), *(b.offset + np.arange(b.size) for b in self.blocks)]
        )

    def units(self) -> tuple[np.ndarray, np.ndarray]:
        """Scale and shift of every scalar that `scalars` names."""
        scale = np.concatenate([np.zeros(0), *(np.full(b.size, b.scale) for b in self.blocks)])
        shift = np.concatenate([np.zeros(0), *(np.full(b.size, b.shift) for b in self.blocks)])
        return scale, shift


def scalars_of(names: Names, wanted: tuple[str, ...] | None) -> tuple[tuple[str, ...], np.ndarray]:
    """The scalars that output names mean, an array giving all its elements; None means every variable."""
    if wanted is None:
        return tuple(names.scalars()), names.numbers()
    labels: list[str] = []
    numbers: list[int] = []
    for name in wanted:
        found = names.find(name)
        for scalar in found.scalars.ravel():
            numbers.append(int(scalar))
            labels.append(found.block.scalar_name(int(scalar) - found.block.offset))
    return tuple(labels), np.array(numbers, dtype=np.int64)
