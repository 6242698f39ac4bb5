"""Sums over the stages of a step that is written without loops: one by one, or several unknowns at once."""

from stiffdsl.native.ir.code import Code
from stiffdsl.solve.methods.tableau import Tableau

# For fewer unknowns than this nothing is gained by vectors.
VECTORS = 4


class Stages:
    """The stages as they are found, stored into `rows`. All but the newest are summed for the next stage while the
    newest is computed: everything waits for that one."""

    def __init__(self, code: Code, tableau: Tableau, y: list[str], rows: list[str]):
        self.code, self.tableau, self.y, self.rows = code, tableau, y, rows
        self.found: list[list[str]] = []

    def add(self, stage: list[str]) -> None:
        for k, value in enumerate(stage):
            self.code.store(value, self.rows[len(self.found)], k)
        self.found.append(stage)

    def prepare(self, i: int) -> None:
        """Sums stages for stage i, whose last one is still to come."""

    def older(self, i: int) -> tuple[list[str], list[str | None]]:
        """For stage i, without the stage before it: y + sum a u, and sum C u."""
        columns = list(zip(*self.found[: i - 1], strict=True)) if i > 1 else []
        if not columns:
            return self.y, [None] * len(self.y)
        a, C = self.tableau.a[i][:-1], self.tableau.C[i][:-1]
        sums = [self.code.combination(a, u) for u in columns]
        before = [self.code.apply("add", y, total) for y, total in zip(self.y, sums, strict=True)]
        return before, [self.code.combination(C, u) for u in columns]

    def parts(self) -> list[tuple[str, int]]:
        """The first unknowns of the parts of the new value that are computed at once, and their lanes."""
        return [(str(k), 1) for k in range(len(self.y))]

    def end(self, first: str, y1: list[str]) -> tuple[str, str]:
        """A part of the new value, whose numbers are `y1`, and of the last stage."""
        k = int(first)
        return y1[k], self.found[-1][k]


class InVectors(Stages):
    """The sums are vectors of several unknowns: `before` and `history` are arrays for them, `values` is that of y."""

    def __init__(
        self,
        code: Code,
        tableau: Tableau,
        y: list[str],
        rows: list[str],
        values: str,
        before: str,
        history: str,
    ):
        super().__init__(code, tableau, y, rows)
        self.values, self.before, self.history = values, before, history

    def prepare(self, i: int) -> None:
        if not 2 <= i < self.tableau.stages:
            return
        code = self.code
        for first, lanes in self.parts():
            with code.vectors(lanes):
                found = [code.load_part(row, first) for row in self.rows[: i - 1]]
                before = code.combination(self.tableau.a[i][:-1], found)
                before = code.apply("add", code.load_part(self.values, first), before)
                code.store_part(before, self.before, first)
                code.store_part(code.combination(self.tableau.C[i][:-1], found), self.history, first)

    def older(self, i: int) -> tuple[list[str], list[str | None]]:
        n = len(self.y)
        if i < 2:
            return self.y, [None] * n
        return [self.code.load(self.before, k) for k in range(n)], [
            self.code.load(self.history, k) for k in range(n)
        ]

    def parts(self) -> list[tuple[str, int]]:
        return self.code.parts(len(self.y))

    def end(self, first: str, y1: list[str]) -> tuple[str, str]:
        # The new value is the argument of the last stage and that stage: in vectors from the start, since numbers just
        # stored cannot be read as a vector at once.
        del y1
        code = self.code
        newest, last = (code.load_part(row, first) for row in self.rows[-2:])
        argument = code.combination(self.tableau.a[-1][-1:], [newest], code.load_part(self.before, first))
        return code.apply("add", argument, last), last
