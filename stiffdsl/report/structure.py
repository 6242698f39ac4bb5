"""Draw what the compiler found in a model: incidence as written and in solving order, and the Jacobian.

A small model shows every entry and the names of its unknowns; a large one is counted into cells first, so that a
picture of a hundred thousand equations takes no longer to draw or to open than one of a hundred.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stiffdsl.flat.model import FlatModel
from stiffdsl.graph.show import BlockForm, structure
from stiffdsl.report.picture import COLOURS, INK, MUTED, bare, blank, plain, styled, write
from stiffdsl.runtime import uncertainty
from stiffdsl.runtime.compile_report import conserved_facts, factor_nonzeros

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Unknowns up to which every entry is a square of its own, and up to which columns carry their names.
DISTINCT = 240
NAMED = 22
# Cells along each side of the picture of a large matrix.
CELLS = 240
# Loops that are outlined: more of them would be a smear.
OUTLINED = 200
# Letters of a name that are shown.
LETTERS = 30

# Inches: the side of a matrix, the gap between two, the margins, a letter of a name.
SIDE, GAP, LEFT, TOP, BOTTOM, LETTER = 3.6, 0.4, 0.3, 0.9, 0.55, 0.06

DERIVATIVE, STATE, ALGEBRAIC = 0, 1, 2
GROUPS = ("derivative of a state", "state", "algebraic unknown")


@dataclass(frozen=True)
class Matrix:
    """Entries at `rows`, `columns` of a matrix of `size`; `group[j]` is what column j is, `names` its first names."""

    title: str
    counts: str
    size: int
    rows: np.ndarray
    columns: np.ndarray
    group: np.ndarray
    names: Sequence[str]


def plot_structure(model: Any, path: str | Path | None = None) -> "Figure":
    """Draws the incidence of `model` before and after sorting and its Jacobian; writes to `path` if given."""
    system = model.program.system
    form = structure(system)
    matrices = (_as_written(system.flat, form), _in_order(system.flat, form), _jacobian(model.program))
    longest = max((len(n) for m in matrices if m.size <= NAMED for n in m.names), default=5)
    below = BOTTOM + LETTER * min(longest, LETTERS)
    width, height = 2 * LEFT + 3 * SIDE + 2 * GAP, TOP + SIDE + below
    with styled():
        figure = blank(width, height, layout=None)
        for k, matrix in enumerate(matrices):
            left = LEFT + k * (SIDE + GAP)
            axes = figure.add_axes((left / width, below / height, SIDE / width, SIDE / height))
            _draw(axes, matrix)
            if k == 1:
                _outline(axes, form)
            if k == 2:
                _divide(axes, len(system.states), model.program.size)
        figure.align_xlabels()
        figure.text(
            LEFT / width, 1 - 0.15 / height, plain(system.flat.name), va="top", fontsize=12, weight="bold"
        )
        _legend(figure, matrices, (LEFT / width, 0.1 / height))
    if path is not None:
        write(figure, path)
    return figure


def structure_facts(model: Any) -> dict[str, Any]:
    """`model.report` with all conserved quantities, the nonzeros of the factors of the Jacobian, and what is not
    certain."""
    return {
        **model.report,
        "conserved": conserved_facts(model, anyway=True),
        "factors": factor_nonzeros(model.program),
        **uncertainty.facts(model),
    }


def _as_written(flat: FlatModel, form: BlockForm) -> Matrix:
    counts = f"{_count(form.size, 'equation')}, {_count(len(form.rows), 'entry')}"
    names = [_unknown(flat, form.variable[u], form.is_der[u]) for u in range(min(form.size, NAMED))]
    return Matrix("as written", counts, form.size, form.rows, form.columns, _groups(flat, form), names)


def _in_order(flat: FlatModel, form: BlockForm) -> Matrix:
    sizes = np.diff(form.start)
    loops = sizes[sizes > 1]
    found = f"{_count(len(loops), 'loop')}, the largest of {loops.max():,}" if len(loops) else "no loops"
    order = np.argsort(form.column_place)
    names = [_unknown(flat, int(form.variable[u]), bool(form.is_der[u])) for u in order[:NAMED]]
    counts = f"{_count(len(sizes), 'block')}, {found}"
    return Matrix("in solving order", counts, form.size, *form.after(), _groups(flat, form)[order], names)


def _jacobian(program: Any) -> Matrix:
    system, size = program.system, program.size
    states = len(system.states)
    group = np.r_[np.full(states, STATE), np.full(size - states, ALGEBRAIC)]
    variables = np.r_[system.states, system.implicit][:NAMED]
    is_der = np.r_[np.zeros(states, dtype=bool), system.implicit_is_der]
    names = [_unknown(system.flat, v, d) for v, d in zip(variables, is_der, strict=False)]
    share = 100 * len(program.rows) / max(1, size**2)
    counts = f"{_count(len(program.rows), 'nonzero')}, {share:.3g} %"
    title = f"Jacobian, {size:,} × {size:,}"
    return Matrix(title, counts, size, program.rows, program.columns, group, names)


def _groups(flat: FlatModel, form: BlockForm) -> np.ndarray:
    return np.where(form.is_der, DERIVATIVE, np.where(flat.is_state[form.variable], STATE, ALGEBRAIC))


def _unknown(flat: FlatModel, variable: int, is_der: bool) -> str:
    name = flat.variable_name(int(variable))
    return f"der({name})" if is_der else name


def _draw(axes: "Axes", matrix: Matrix) -> None:
    """Squares for a small matrix; for a large one the cells that hold entries, darker where there are more."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    bare(axes)
    size = max(1, matrix.size)
    axes.set_title(f"{matrix.title}\n", fontweight="bold")
    axes.text(0, 1.015, matrix.counts, transform=axes.transAxes, color=MUTED, fontsize=8, va="bottom")
    if matrix.size <= DISTINCT:
        gap = 0.08 if size <= 60 else 0.0
        squares = [
            Rectangle((c - 0.5 + gap, r - 0.5 + gap), 1 - 2 * gap, 1 - 2 * gap)
            for r, c in zip(matrix.rows, matrix.columns, strict=True)
        ]
        colours = [COLOURS[k] for k in matrix.group[matrix.columns]]
        axes.add_collection(PatchCollection(squares, facecolors=colours, edgecolors="none"))
    else:
        axes.imshow(_cells(matrix), extent=(-0.5, size - 0.5, size - 0.5, -0.5), interpolation="nearest")
    axes.set_xlim(-0.5, size - 0.5)
    axes.set_ylim(size - 0.5, -0.5)
    axes.set_yticks([])
    axes.set_ylabel("equation", fontsize=8)
    axes.set_xlabel("unknown", fontsize=8)
    if matrix.size <= NAMED:
        axes.set_xticks(range(matrix.size), [plain(_short(n)) for n in matrix.names], rotation=90, fontsize=7)
    else:
        axes.locator_params(axis="x", nbins=4, integer=True)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.tick_params(labelsize=7)


def _cells(matrix: Matrix) -> np.ndarray:
    """The matrix as an image: each cell in the colour of its columns, lighter where few entries fall into it."""
    row, column = matrix.rows * CELLS // matrix.size, matrix.columns * CELLS // matrix.size
    counts = np.zeros((len(GROUPS), CELLS, CELLS))
    np.add.at(counts, (matrix.group[matrix.columns], row, column), 1)
    total = counts.sum(axis=0)
    full = np.percentile(total[total > 0], 90) if np.any(total > 0) else 1.0
    strength = np.where(total > 0, 0.55 + 0.45 * np.minimum(1.0, total / full), 0.0)[..., None]
    colour = np.array([[int(c[k : k + 2], 16) / 255 for k in (1, 3, 5)] for c in COLOURS[: len(GROUPS)]])
    mixed = np.einsum("grc,gk->rck", counts, colour) / np.maximum(total, 1)[..., None]
    return 1 + strength * (mixed - 1)


def _outline(axes: "Axes", form: BlockForm) -> None:
    """A frame around every block of more than one equation."""
    from matplotlib.patches import Rectangle

    sizes = np.diff(form.start)
    loops = np.flatnonzero(sizes > 1)
    if len(loops) > OUTLINED:
        return
    # A frame is never heavier than what it holds.
    points = 72 * SIDE / form.size
    for k in loops:
        corner, side = form.start[k] - 0.5, sizes[k]
        width = min(0.9, max(0.25, side * points / 8))
        axes.add_patch(Rectangle((corner, corner), side, side, fill=False, edgecolor=INK, linewidth=width))


def _divide(axes: "Axes", states: int, size: int) -> None:
    """A line between the states and the algebraic unknowns."""
    if 0 < states < size:
        axes.axhline(states - 0.5, color=MUTED, linewidth=0.7, linestyle=":")
        axes.axvline(states - 0.5, color=MUTED, linewidth=0.7, linestyle=":")


def _legend(figure: "Figure", matrices: Sequence[Matrix], corner: tuple[float, float]) -> None:
    from matplotlib.patches import Patch

    present = [k for k in range(len(GROUPS)) if any(np.any(m.group == k) for m in matrices)]
    handles = [Patch(facecolor=COLOURS[k], label=GROUPS[k]) for k in present]
    figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=corner, ncols=3, borderaxespad=0, borderpad=0
    )


def _short(name: str) -> str:
    return name if len(name) <= LETTERS else "…" + name[1 - LETTERS :]


def _count(n: int, what: str) -> str:
    plural = what[:-1] + "ies" if what.endswith("y") else what + "s"
    return f"{n:,} {what if n == 1 else plural}"
