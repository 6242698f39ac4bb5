"""LLVM IR as text, complete: the operations of `writer.py`, and several entries of an array at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from stiffdsl.native.ir import elementary
from stiffdsl.native.ir.module import IRModule
from stiffdsl.native.ir.writer import FunctionWriter

__all__ = ["COLD", "Code", "IRModule"]

# Attributes of a function that seldom runs: LLVM spends no time on it.
COLD = "noinline optnone cold"


class Code(FunctionWriter):
    """One function. Parts of arrays are read and written as vectors where numbers are vectors (`vectors`, `sweep`)."""

    def apply(self, name: str, *args: str) -> str:
        """An elementwise operation of the program; elementary functions without branches where there are some."""
        if elementary.known(name):
            return elementary.apply(self, name, args[0])
        return super().apply(name, *args)

    @contextmanager
    def sweep(self, count: int) -> Iterator[str]:
        """The body for all of `count` entries: numbers in it are vectors of those from the value yielded on. The last
        ones overlap those before, so that some are computed twice."""
        lanes = min(self.module.widest, 1 << (count.bit_length() - 1)) if count else 1
        with self.loop(-(-count // lanes)) as block:
            first = self.integer("mul", block, str(lanes)) if lanes > 1 else block
            if count % lanes:
                inside = self.value(f"icmp slt i64 {first}, {count - lanes}")
                first = self.value(f"select i1 {inside}, i64 {first}, i64 {count - lanes}")
            with self.vectors(lanes):
                yield first

    def parts(self, count: int) -> list[tuple[str, int]]:
        """The first entries of vectors that cover `count` entries without a loop, and their lanes."""
        found, at = [], 0
        while at < count:
            lanes = min(self.module.widest, 1 << ((count - at).bit_length() - 1))
            found.append((str(at), lanes))
            at += lanes
        return found

    def squares(self, pointer: str, count: int) -> str:
        """The sum of squares of an array."""
        lanes = self.module.widest
        whole = count // lanes * lanes
        total = self.variable("double", self.number(0.0))
        if whole:
            with self.vectors(lanes):
                parts = self.variable(self.real, self.number(0.0))
            with self.loop(whole // lanes) as block, self.vectors(lanes):
                value = self.load(pointer, block)
                self.store(self.apply("add", self.load(parts), self.apply("mul", value, value)), parts)
            with self.vectors(lanes):
                found = self.load(parts)
                numbers = [self.extracted(found, k) for k in range(lanes)]
            self.store(self.total(numbers), total)
        with self.loop(count, whole) as k:
            value = self.load(pointer, k)
            self.store(self.apply("add", self.load(total), self.apply("mul", value, value)), total)
        return self.load(total)

    def load_part(self, pointer: str, first: str) -> str:
        return self.made(f"load {self.real}, ptr {self.at(pointer, first, 'double')}, align 8")

    def store_part(self, value: str, pointer: str, first: str) -> None:
        self.put(f"store {self.real} {value}, ptr {self.at(pointer, first, 'double')}, align 8")

    @property
    def _wholes(self) -> str:
        return "i64" if self.lanes == 1 else f"<{self.lanes} x i64>"

    def whole(self, operation: str, a: str, b: int) -> str:
        """Integers of all lanes with a constant."""
        return self.value(f"{operation} {self._wholes} {a}, {b if self.lanes == 1 else f'splat (i64 {b})'}")

    def following(self, first: str) -> str:
        """first, first + 1, …"""
        if self.lanes == 1:
            return first
        steps = ", ".join(f"i64 {k}" for k in range(self.lanes))
        return self.value(f"add {self._wholes} {self.same(first, 'i64')}, <{steps}>")

    def indices(self, table: str, first: str, places: str | None = None) -> str:
        """Entries of a constant table of 32-bit integers: those from `first` on, or those at `places`."""
        if self.lanes == 1:
            return self.index(table, places or first)
        kind = f"<{self.lanes} x i32>"
        if places is None:
            entries = self.made(f"load {kind}, ptr {self.at(table, first, 'i32')}, align 4")
        else:
            entries = self._gathered(table, places, "i32")
        return self.value(f"sext {kind} {entries} to {self._wholes}")

    def gather(self, pointer: str, places: str) -> str:
        """The entries of an array at `places`."""
        return self.load(pointer, places) if self.lanes == 1 else self._gathered(pointer, places, "double")

    def _gathered(self, pointer: str, places: str, kind: str) -> str:
        # One by one: the gathers of processors are no faster.
        n, result = self.lanes, "poison"
        for k in range(n):
            place = self.value(f"extractelement <{n} x i64> {places}, i64 {k}")
            value = self.made(
                f"load {kind}, ptr {self.at(pointer, place, kind)}, align {8 if kind == 'double' else 4}"
            )
            result = self.value(f"insertelement <{n} x {kind}> {result}, {kind} {value}, i64 {k}")
        return result
