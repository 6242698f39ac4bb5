"""Equations against unknowns as an author counts them: a variable and its derivatives are one unknown.

Parts with too many equations or too few are those of Dulmage and Mendelsohn (1958): what alternating paths
reach from an equation, or an unknown, that a largest matching leaves alone.
"""

from dataclasses import dataclass

import numpy as np

from stiffdsl.flat.model import FlatModel
from stiffdsl.graph.incidence import Incidence, occurrences
from stiffdsl.graph.match import match


@dataclass(eq=False)
class Structure:
    """Bipartite graph of equations and unknowns, with a maximum matching; -1: unmatched."""

    columns_of: list[list[int]]
    rows_of: list[list[int]]
    of_row: list[int]
    of_column: list[int]

    @property
    def regular(self) -> bool:
        """Whether every equation has an unknown, and every unknown an equation."""
        return -1 not in self.of_row and -1 not in self.of_column


def merged_structure(flat: FlatModel, inc: Incidence) -> Structure:
    """The structure of a model in the numbering of `inc`."""
    unknowns = inc.unknowns
    either = np.maximum(unknowns.of_var, unknowns.of_der)
    row, column = occurrences(flat.equations, either, either)
    key = np.unique(row * max(1, unknowns.size) + column)
    row, column = key // max(1, unknowns.size), key % max(1, unknowns.size)
    found = match(inc.equations, unknowns.size, row, column, np.zeros(len(row), dtype=np.int8))
    columns_of: list[list[int]] = [[] for _ in range(inc.equations)]
    rows_of: list[list[int]] = [[] for _ in range(unknowns.size)]
    for r, c in zip(row.tolist(), column.tolist(), strict=True):
        columns_of[r].append(c)
        rows_of[c].append(r)
    of_row = found.tolist()
    of_column = [-1] * unknowns.size
    for r, c in enumerate(of_row):
        if c >= 0:
            of_column[c] = r
    return Structure(columns_of, rows_of, of_row, of_column)


def under_groups(merged: Structure) -> list[tuple[list[int], int]]:
    """The unknowns that share too few equations: connected groups, and how many equations each lacks."""
    groups: list[tuple[list[int], int]] = []
    seen: set[int] = set()
    for first in [c for c, r in enumerate(merged.of_column) if r < 0]:
        if first in seen:
            continue
        front = [first]
        seen.add(first)
        for c in front:
            for r in merged.rows_of[c]:
                other = merged.of_row[r]
                if other >= 0 and other not in seen:
                    seen.add(other)
                    front.append(other)
        groups.append((front, sum(1 for c in front if merged.of_column[c] < 0)))
    return groups
