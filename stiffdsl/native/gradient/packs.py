"""Directions, or cotangents, side by side in vectors: how kernels of derivatives put them together and apart."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stiffdsl.native.gradient.driver import Driver
from stiffdsl.native.ir.code import Code
from stiffdsl.native.step.layout import Areas


class Packs(Driver):
    """A driver that holds packs of `width` directions each, with the arrays `pack`: entry k of all of them together."""

    width: int
    pack: Areas

    def _make_packs(self) -> None:
        """Packs of zeros for all directions."""
        code, width = self.code, str(self.width)
        more = code.integer("add", self.directions, str(self.width - 1))
        self.packs = code.integer("sdiv", more, width)
        length = code.integer("mul", self.packs, str(self.width * self.pack.size))
        self.packed = code.call("malloc", f"i64 {code.integer('mul', length, '8')}", result="noalias ptr")
        with code.loop(length) as k:
            code.store(code.number(0.0), self.packed, k)

    def _apart(self, row: str, record: Areas) -> str:
        """Whether directions move one after the other: where inputs change, a step needed other pivots, or was cut."""
        code = self.code
        dense = code.apply("ne", code.load(row, record["dense"]), code.number(0.0))
        driven = code.apply("gt", self.option["signals"], code.number(0.0))
        apart = code.value(f"or i1 {dense}, {driven}")
        if self.model.events is None:
            return apart
        return code.apply("or", apart, code.apply("lt", code.load(row, record["theta"]), code.number(1.0)))

    @contextmanager
    def _each(self, q: str) -> Iterator[tuple[str, str]]:
        """The directions of pack q, and their lanes."""
        code = self.code
        first = code.integer("mul", q, str(self.width))
        with code.loop(self.width) as lane:
            d = code.integer("add", first, lane)
            with code.when(code.value(f"icmp slt i64 {d}, {self.directions}")):
                yield d, lane

    def _of(self, q: str) -> str:
        return self.code.at(self.packed, self.code.integer("mul", q, str(self.width * self.pack.size)))

    def _place(self, q: str, lane: str, name: str, k: str) -> str:
        """Pointer to entry k of a lane."""
        code = self.code
        first = code.at(self._of(q), self.pack[name] * self.width)
        return code.at(first, code.integer("add", code.integer("mul", k, str(self.width)), lane))

    def _gather(
        self,
        source: str,
        q: str,
        lane: str,
        name: str,
        count: int,
        changed: Callable[[Code, str], str] = lambda code, value: value,
    ) -> None:
        with self.code.loop(count) as k:
            value = changed(self.code, self.code.load(source, k))
            self.code.store(value, self._place(q, lane, name, k))

    def _scatter(self, q: str, lane: str, name: str, target: str, count: int) -> None:
        with self.code.loop(count) as k:
            self.code.store(self.code.load(self._place(q, lane, name, k)), target, k)
