"""Writes the surrogate of a part as a component of the language: `model ChillerSurrogate`, with the ports of the part.

It compiles as any other component does: matrices are constants, every product with one is a loop, so that hundreds of
states are a handful of families with an analytic Jacobian."""

from collections.abc import Sequence

import numpy as np

from stiffdsl.surrogate.part.cutting.crossings import CutScalar
from stiffdsl.surrogate.part.cutting.shell import Shell, written
from stiffdsl.surrogate.part.state_space import OUTSIDE, StateSpace

# A matrix with less than this share of entries, equally many in each row, is written as a list of them.
_SPARSE = 0.3


def component(
    shell: Shell,
    system: StateSpace,
    drives: Sequence[str],
    outputs: Sequence[CutScalar],
    about: Sequence[str] = (),
) -> str:
    """The text. `drives` are the names, inside of the part, of what v is made of; `outputs` are what y imposes."""
    d, r = system.dynamics, system.readout
    names = _names(shell.taken)
    z, v, h, q, y, outside = (names[k] for k in ("z", "v", "h", "q", "y", OUTSIDE))
    sizes = d.size, len(drives), len(d.g), len(d.zv) + len(d.vv), len(outputs)
    nz, nv, nh, nq, ny = sizes
    writer = _Writer(names)
    rows: list[str] = []
    for k, (name, centre, width) in enumerate(zip(drives, system.v.centre, system.v.width, strict=True)):
        rows.append(f"{v}[{k + 1}] = ({name} - {_number(centre)})/{_number(width)}")
    if nh:
        terms = [writer.vector("g", d.g), writer.product("G_z", d.G_z, z), writer.product("G_v", d.G_v, v)]
        rows += _loop("i", nh, f"{h}[i] = tanh({_sum(terms)})")
    rows += writer.pairs(q, z, v, d.zv, d.vv)
    if nz:
        terms = [
            writer.product("A", d.A, z),
            writer.product("B", d.B, v),
            writer.vector("c", d.c),
            writer.product("F", d.F, h),
            writer.product("P", d.P, q),
        ]
        rows += _loop("i", nz, f"der({z}[i]) = {_sum(terms)}")
    terms = [
        writer.vector("d", r.d),
        writer.product("C", r.C, z),
        writer.product("D", r.D, v),
        writer.product("E", r.E, h),
        writer.product("Q", r.Q, q),
    ]
    rows += _loop("i", ny, f"{y}[i] = {_sum(terms)}")
    for k, (to, centre, width) in enumerate(zip(outputs, system.y.centre, system.y.width, strict=True)):
        rows.append(f"{to.inner} = {_number(centre)} + {_number(width)}*{y}[{k + 1}]")
    if nv:
        rows.append(f"{outside} = max(0, max(abs({v}[i]) for i in 1..{nv}) - 1)")
    declared = list(writer.constants)
    if nz:
        parameters = d.start.shape[1] - 1
        declared.append(f"var {z}[{nz}] start {_start(system, drives[nv - parameters :])}")
    for name, count, doc in (
        (v, nv, "signals and parameters, -1 to 1 over what was learnt"),
        (h, nh, "features"),
        (q, nq, "products"),
        (y, ny, "outputs, scaled"),
    ):
        if count:
            declared.append(f'var {name}[{count}] "{doc}"')
    if nv:
        declared.append(f'var {outside} "how far signals lie outside of what was learnt, in half ranges"')
    head = "".join(f"# {line}\n" for line in about)
    return head + shell.text(declared, rows)


def _start(system: StateSpace, parameters: Sequence[str]) -> str:
    """The start of z: numbers, or affine in the parameters."""
    start = system.dynamics.start
    if not np.any(start[:, 1:]):
        return written(start[:, 0])
    scales = system.v
    at = len(scales.centre) - len(parameters)
    entries = []
    for row in start:
        terms = [_number(row[0])]
        for k, name in enumerate(parameters):
            if row[k + 1]:
                terms.append(
                    f"{_number(row[k + 1])}*({name} - {_number(scales.centre[at + k])})/{_number(scales.width[at + k])}"
                )
        entries.append(" + ".join(terms))
    return "{" + ", ".join(entries) + "}"


class _Writer:
    """Constants as they are used, and the terms that use them."""

    def __init__(self, names: dict[str, str]):
        self.names = names
        self.constants: list[str] = []

    def vector(self, name: str, values: np.ndarray) -> str:
        if not np.any(values):
            return ""
        self._declare(name, values)
        return f"{self.names[name]}[i]"

    def product(self, name: str, matrix: np.ndarray, of: str) -> str:
        """Row i of `matrix` times the vector `of`; nothing where it is zero."""
        if not np.any(matrix):
            return ""
        rows, columns = matrix.shape
        own = self.names[name]
        if rows == columns and not np.any(matrix - np.diag(np.diag(matrix))):
            self._declare(name, np.diag(matrix))
            return f"{own}[i]*{of}[i]"
        most = int(np.count_nonzero(matrix, axis=1).max())
        if most < _SPARSE * columns:
            where = np.argsort(matrix == 0, axis=1, kind="stable")[:, :most]
            self._declare(name, np.take_along_axis(matrix, where, axis=1))
            self._declare(f"{name}_at", where + 1)
            at = self.names[f"{name}_at"]
            return f"sum({own}[i, j]*{of}[{at}[i, j]] for j in 1..{most})"
        self._declare(name, matrix)
        return f"sum({own}[i, j]*{of}[j] for j in 1..{columns})"

    def pairs(self, q: str, z: str, v: str, zv: np.ndarray, vv: np.ndarray) -> list[str]:
        rows: list[str] = []
        for name, pairs, first, offset in (("zv", zv, z, 0), ("vv", vv, v, len(zv))):
            if len(pairs):
                self._declare(name, pairs + 1)
                own = self.names[name]
                to = f"{q}[i + {offset}]" if offset else f"{q}[i]"
                rows += _loop("i", len(pairs), f"{to} = {first}[{own}[i, 1]]*{v}[{own}[i, 2]]")
        return rows

    def _declare(self, name: str, values: np.ndarray) -> None:
        size = ", ".join(map(str, values.shape))
        self.constants.append(f"const {self.names[name]}[{size}] = {written(values)}")


def _names(taken: Sequence[str]) -> dict[str, str]:
    """Names of what is new, that nothing which stays has."""
    used = {t.partition(".")[0] for t in taken}
    wanted = (
        "z", "v", "h", "q", "y", OUTSIDE, "A", "B", "c", "C", "D", "d", "E", "F", "P", "Q", "G_z", "G_v", "g",
        "zv", "vv",
    )  # fmt: skip
    names: dict[str, str] = {}
    for name in [*wanted, *(f"{w}_at" for w in wanted)]:
        own = name
        while own in used:
            own += "_"
        used.add(own)
        names[name] = own
    return names


def _loop(index: str, count: int, row: str) -> list[str]:
    return [f"for {index} in 1..{count}", f"  {row}", "end"]


def _sum(terms: Sequence[str]) -> str:
    return " + ".join(t for t in terms if t) or "0"


def _number(value: float) -> str:
    text = written(np.array(float(value)))
    return f"({text})" if value < 0 else text
