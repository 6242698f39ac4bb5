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

    def accumulate(self, target: str, source: str, count: int) -> None:
        """Adds the entries of one array to another's."""
        whole = count // self.module.widest * self.module.widest
        with self.loop(whole // self.module.widest) as block, self.vectors(self.module.widest):
            self.store(self.apply("add", self.load(target, block), self.load(source, block)), target, block)
        with self.loop(count, whole) as k:
            self.store(self.apply("add", self.load(target, k), self.load(source, k)), target, k)

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

    def located(self, pointer: str, count: int, x: str, stride: int = 1) -> str:
        """The interval that x is in among `count` ascending knots, counted from zero, by bisection: lane by lane. A
        `stride` that is not one is that between the knots of one of several lanes."""
        _emit_locate(self.module)

        def found(x: str, pointer: str) -> str:
            given = f"ptr {pointer}, i64 {count}, i64 {stride}, double {x}"
            return self.value(f"call double @locate({given})")

        if self.lanes == 1:
            return found(x, pointer)
        result = "poison"
        for k in range(self.lanes):
            own = self.at(pointer, k, "double") if stride != 1 else pointer
            result = self.inserted(result, found(self.extracted(x, k), own), k)
        return result

    def fetched(self, pointer: str, k: str, count: int, by: int, stride: int = 1) -> str:
        """Entries `k + by` of an array, held inside of its `count`; `k` is a number. `stride` as in `located`."""
        place = self.position(k, count, by)
        if stride != 1:
            steps = ", ".join(f"i64 {lane}" for lane in range(self.lanes))
            place = self.value(f"add {self._wholes} {self.whole('mul nsw', place, stride)}, <{steps}>")
        return self.gather(pointer, place)

    def position(self, k: str, count: int, by: int) -> str:
        """The whole number `k + by`, held inside of `count` entries."""
        wholes = self._wholes
        place = self.value(f"fptosi {self.real} {k} to {wholes}")
        if by:
            place = self.whole("add nsw", place, by)
        for name, bound in (("smax", 0), ("smin", count - 1)):
            kind = "i64" if self.lanes == 1 else f"v{self.lanes}i64"
            symbol = f"@llvm.{name}.{kind}"
            self.module.declare(f"declare {wholes} {symbol}({wholes}, {wholes})")
            limit = str(bound) if self.lanes == 1 else f"splat (i64 {bound})"
            place = self.value(f"call {wholes} {symbol}({wholes} {place}, {wholes} {limit})")
        return place

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


def _emit_locate(module: IRModule) -> None:
    """`locate(knots, count, stride, x)`: the number of the last knot not above x, at most the last but one."""
    if not module.begin("locate"):
        return
    parameters = [("ptr", "knots"), ("i64", "count"), ("i64", "stride"), ("double", "x")]
    code = FunctionWriter(
        module, "locate", parameters, result="double", attributes="noinline memory(argmem: read)"
    )
    low, high = code.variable("i64", "0"), code.variable("i64", code.integer("sub", "%count", "1"))
    # The interval is in low ... high - 1.
    with code.forever() as searching:
        a, b = code.load(low, kind="i64"), code.load(high, kind="i64")
        width = code.integer("sub", b, a)
        code.leave(searching, code.value(f"icmp sle i64 {width}, 1"))
        middle = code.integer("add", a, code.integer("lshr", width, "1"))
        knot = code.load("%knots", code.integer("mul", middle, "%stride"))
        behind = code.value(f"fcmp ole double {knot}, %x")
        code.store(code.value(f"select i1 {behind}, i64 {middle}, i64 {a}"), low, kind="i64")
        code.store(code.value(f"select i1 {behind}, i64 {b}, i64 {middle}"), high, kind="i64")
    code.put(f"ret double {code.to_real(code.load(low, kind='i64'))}")
    code.finish()
