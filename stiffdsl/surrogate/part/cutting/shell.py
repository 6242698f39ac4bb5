"""The text of a class that can stand where a part stood: its ports, and what stays under its name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from stiffdsl.check import Class, ComponentUse
from stiffdsl.check.text import declarations
from stiffdsl.flat.model import Block
from stiffdsl.syntax import tree
from stiffdsl.syntax.show import show, show_number


@dataclass(frozen=True, eq=False)
class Shell:
    """The interface of a class that takes the part's place: ports, and declarations that stay under its name.

    `stay` holds blocks by inner name; `defaults` the values of those that are parameters or inputs, in declared units;
    `taken` the names that the part itself declares: values that are given to those must not reach what is new.
    """

    name: str
    doc: str
    ports: tuple[tuple[ComponentUse, tuple[int, ...]], ...]
    stay: Mapping[str, Block]
    defaults: Mapping[str, np.ndarray]
    taken: tuple[str, ...]

    def text(self, declared: Iterable[str], equations: Iterable[str], initial: Iterable[str] = ()) -> str:
        """Connectors, then the models that hold names further inside, then the model itself."""
        connectors: dict[int, Class] = {}
        for use, _ in self.ports:
            connectors.setdefault(id(use.cls), use.cls)
        blocks = [show(tree.Module((), declarations(cls), cls.span)).strip() for cls in connectors.values()]
        nested, lines = self._holder(self.name, self.stay)
        lines = [self._port(use, dims) for use, dims in self.ports] + lines + list(declared)
        body = [f'model {self.name} "{self.doc}"', *(f"  {line}" for line in lines)]
        for title, rows in (("equations", list(equations)), ("initial", list(initial))):
            if rows:
                body += [title, *(f"  {row}" for row in rows)]
        return "\n\n".join([*blocks, *nested, "\n".join([*body, "end"])]) + "\n"

    def _port(self, use: ComponentUse, dims: tuple[int, ...]) -> str:
        doc = f' "{use.doc}"' if use.doc else ""
        return f"port {use.name}{brackets(dims)} : {use.cls.name}{doc}"

    def _holder(self, name: str, stay: Mapping[str, Block]) -> tuple[list[str], list[str]]:
        """The models for names that lie further inside, and the declarations of this level."""
        own: list[str] = []
        below: dict[str, dict[str, Block]] = {}
        for inner, block in stay.items():
            first, _, rest = inner.partition(".")
            if rest:
                below.setdefault(first, {})[rest] = block
            else:
                own.append(self._variable(inner, block))
        models: list[str] = []
        for first, inside in below.items():
            block = next(iter(inside.values()))
            segment = block.path[len(block.path) - next(iter(inside)).count(".") - 2]
            holder = f"{name}_{first}"
            nested, lines = self._holder(holder, inside)
            models += [*nested, "\n".join([f"model {holder}", *(f"  {line}" for line in lines), "end"])]
            # Values that differ between the elements of an array of parts stand where the array is declared.
            values = [
                f"{rest} = {written(self.defaults[b.name])}"
                for rest, b in inside.items()
                if segment[1] and b.name in self.defaults
            ]
            given = f"({', '.join(values)})" if values else ""
            own.append(f"part {first}{brackets(segment[1])} : {holder}{given}")
        return models, own

    def _variable(self, last: str, block: Block) -> str:
        dims = block.path[-1][1]
        unit = f" [{block.unit}]" if block.unit else ""
        doc = f' "{block.doc}"' if block.doc else ""
        if block.kind not in ("param", "input"):
            return f"var {last}{brackets(dims)}{unit}{doc}"
        given = self.defaults[block.name]
        given = given[(0,) * (given.ndim - len(dims))]
        value = f" = {written(given)}"
        bounds = ""
        if block.low is not None and block.high is not None:
            ends = ((x - block.shift) / block.scale for x in (block.low, block.high))
            bounds = " in " + "..".join(f"{e:.12g}" for e in ends)
        return f"{block.kind} {last}{brackets(dims)}{unit}{value}{bounds}{doc}"


def brackets(dims: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, dims))}]" if dims else ""


def written(values: np.ndarray) -> str:
    """Numbers as they stand in a text."""
    values = np.asarray(values, dtype=float)
    if values.ndim == 0:
        return show_number(float(values))
    return "{" + ", ".join(written(v) for v in values) + "}"
