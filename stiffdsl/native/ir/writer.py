"""LLVM IR as text: functions in single-assignment form, each pure operation written once.

`FunctionWriter` writes one function. Its numbers are `double`, or vectors of doubles that hold one lane of an ensemble
each (`lanes > 1`): everything elementwise is the same text with another type.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from stiffdsl.elementary import ELEMENTARY
from stiffdsl.native.ir.module import IRModule, hexadecimal

# Powers x^(k/2) up to this k are products of x and its square root, or one over them: the C library takes 20 ns.
_HALVES = 9
# Fused multiply-add is allowed, nothing else is: NaN and infinity behave as IEEE 754 says.
_ARITHMETIC = {"add": "fadd contract", "sub": "fsub contract", "mul": "fmul contract", "div": "fdiv contract"}
_RELATIONS = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "ne": "une"}
_INTRINSICS = {
    "sqrt": "sqrt",
    "tan": "tan",
    "asin": "asin",
    "acos": "acos",
    "atan": "atan",
    "atan2": "atan2",
    "pow": "pow",
    "floor": "floor",
    "ceil": "ceil",
    "abs": "fabs",
}


class FunctionWriter:
    """One function. Values are LLVM's names; a boolean is `i1`, or a vector of them."""

    def __init__(
        self,
        module: IRModule,
        name: str,
        parameters: Sequence[tuple[str, str]],
        result: str = "void",
        attributes: str = "",
        linkage: str = "internal",
        lanes: int = 1,
    ):
        self.module = module
        self._take(lanes)
        listed = ", ".join(f"{kind} %{parameter}" for kind, parameter in parameters)
        self._head = f"define {linkage} {result} @{name}({listed}) nounwind {attributes} {{"
        self._slots: list[str] = []
        self._lines: list[str] = []
        self._count = 0
        self._known: dict[str, str] = {}
        self._block = "entry"

    def _take(self, lanes: int) -> None:
        self.lanes = lanes
        self.real = "double" if lanes == 1 else f"<{lanes} x double>"
        self.boolean = "i1" if lanes == 1 else f"<{lanes} x i1>"

    @contextmanager
    def vectors(self, lanes: int) -> Iterator[None]:
        """Inside, numbers are vectors of so many."""
        before = self.lanes
        self._take(lanes)
        yield
        self._take(before)

    def finish(self) -> None:
        """Adds the function to its module."""
        lines = [self._head, "entry:", *self._slots, *self._lines, "}", ""]
        self.module.add("\n".join(lines))

    # --- single operations ---

    def _fresh(self) -> str:
        self._count += 1
        return f"%v{self._count}"

    def put(self, text: str) -> None:
        """A line without a value."""
        self._lines.append("  " + text)

    def made(self, text: str) -> str:
        """The value of an operation that may differ each time: a load, a call."""
        name = self._fresh()
        self._lines.append(f"  {name} = {text}")
        return name

    def value(self, text: str) -> str:
        """The value of a pure operation, computed once in each block."""
        if text not in self._known:
            self._known[text] = self.made(text)
        return self._known[text]

    def number(self, value: float) -> str:
        text = hexadecimal(value)
        return text if self.lanes == 1 else f"splat (double {text})"

    def flag(self, value: bool) -> str:
        text = "true" if value else "false"
        return text if self.lanes == 1 else f"splat (i1 {text})"

    def apply(self, name: str, *args: str) -> str:
        """An elementwise operation of the program (`program/operations.py`) that LLVM or the C library has."""
        real = self.real
        if name in ("add", "sub") and args[1] == self.number(0.0):
            return args[0]
        if name == "add" and args[0] == self.number(0.0):
            return args[1]
        if name in _ARITHMETIC:
            return self.value(f"{_ARITHMETIC[name]} {real} {args[0]}, {args[1]}")
        if name in _RELATIONS:
            return self.value(f"fcmp {_RELATIONS[name]} {real} {args[0]}, {args[1]}")
        if name == "pow":
            return self._power(*args)
        if name in _INTRINSICS:
            return self.intrinsic(_INTRINSICS[name], *args)
        if name in ELEMENTARY:
            return self.each(name, args[0])
        match name:
            case "neg":
                return self.value(f"fneg {real} {args[0]}")
            case "and" | "or":
                return self.value(f"{name} {self.boolean} {args[0]}, {args[1]}")
            case "not":
                return self.value(f"xor {self.boolean} {args[0]}, {self.flag(True)}")
            case "select":
                return self.select(*args)
            case "relu":
                zero = self.number(0.0)
                return self.select(self.apply("le", args[0], zero), zero, args[0])
            case "sign":
                negative = self.select(
                    self.apply("lt", args[0], self.number(0.0)), self.number(-1.0), args[0]
                )
                return self.select(self.apply("gt", args[0], self.number(0.0)), self.number(1.0), negative)
        raise AssertionError(name)

    def _power(self, base: str, exponent: str) -> str:
        halves = {self.number(k / 2): k for k in range(-_HALVES, _HALVES + 1) if k}
        if exponent not in halves:
            return self.intrinsic("pow", base, exponent)
        whole, half = divmod(abs(halves[exponent]), 2)
        factors = [self.apply("sqrt", base)] if half else []
        square = base
        while whole:
            if whole % 2:
                factors.append(square)
            square, whole = self.apply("mul", square, square), whole // 2
        value = factors[0]
        for factor in factors[1:]:
            value = self.apply("mul", value, factor)
        return value if halves[exponent] > 0 else self.apply("div", self.number(1.0), value)

    def fused(self, a: str, b: str, c: str) -> str:
        """a*b + c, in one where the processor has that."""
        return self.intrinsic("fmuladd", a, b, c)

    def intrinsic(self, name: str, *args: str) -> str:
        """An intrinsic function of numbers."""
        symbol = f"@llvm.{name}." + ("f64" if self.lanes == 1 else f"v{self.lanes}f64")
        self.module.declare(f"declare {self.real} {symbol}({', '.join([self.real] * len(args))})")
        return self.value(f"call {self.real} {symbol}({', '.join(f'{self.real} {a}' for a in args)})")

    def each(self, symbol: str, argument: str) -> str:
        """A function of the C library, lane by lane."""
        self.module.declare(f"declare double @{symbol}(double)")
        if self.lanes == 1:
            return self.value(f"call double @{symbol}(double {argument})")
        result = "poison"
        for k in range(self.lanes):
            one = self.value(f"call double @{symbol}(double {self.extracted(argument, k)})")
            result = self.inserted(result, one, k)
        return result

    def extracted(self, vector: str, k: int) -> str:
        """Number k of a vector."""
        return self.value(f"extractelement {self.real} {vector}, i64 {k}")

    def inserted(self, vector: str, number: str, k: int) -> str:
        """The vector with another number k."""
        return self.value(f"insertelement {self.real} {vector}, double {number}, i64 {k}")

    def select(self, condition: str, one: str, other: str, kind: str | None = None) -> str:
        kind = kind or self.real
        return self.value(f"select {self.boolean} {condition}, {kind} {one}, {kind} {other}")

    def larger(self, a: str, b: str) -> str:
        return self.select(self.apply("gt", a, b), a, b)

    def smaller(self, a: str, b: str) -> str:
        return self.select(self.apply("lt", a, b), a, b)

    def finite(self, pointer: str, count: int) -> str:
        """Whether `count` numbers are finite."""
        zero = self.number(0.0)
        nothing = self.variable("double", zero)
        with self.loop(count) as k:
            value = self.load(pointer, k)
            # x - x is zero, or NaN where x is not finite.
            self.store(self.apply("add", self.load(nothing), self.apply("sub", value, value)), nothing)
        return self.apply("eq", self.load(nothing), zero)

    def total(self, terms: Sequence[str]) -> str:
        """The sum, added in pairs."""
        terms = [term for term in terms if term != self.number(0.0)]
        if not terms:
            return self.number(0.0)
        while len(terms) > 1:
            pairs = [self.apply("add", a, b) for a, b in zip(terms[::2], terms[1::2], strict=False)]
            terms = [*pairs, terms[-1]] if len(terms) % 2 else pairs
        return terms[0]

    def combination(self, factors: Sequence[float], terms: Sequence[str], start: str | None = None) -> str:
        """`start` + sum of factors*terms, the newest term last: it is what everything waits for. What is fused does not
        depend on what else is computed, so that a lane gets the bits of a solve alone.
        """
        result = start
        for factor, term in zip(factors, terms, strict=True):
            if factor != 0.0:
                if factor == 1.0:
                    result = term if result is None else self.apply("add", result, term)
                elif result is None:
                    result = self.value(f"fmul {self.real} {self.number(float(factor))}, {term}")
                else:
                    result = self.fused(self.number(float(factor)), term, result)
        return self.number(0.0) if result is None else result

    # --- integers ---

    def integer(self, operation: str, a: str, b: str) -> str:
        return self.value(f"{operation} i64 {a}, {b}")

    def to_integer(self, real: str) -> str:
        return self.value(f"fptosi double {real} to i64")

    def to_real(self, integer: str) -> str:
        return self.value(f"sitofp i64 {integer} to double")

    # --- memory ---

    def at(self, pointer: str, index: str | int, kind: str | None = None) -> str:
        if index in (0, "0"):
            return pointer
        return self.value(f"getelementptr inbounds {kind or self.real}, ptr {pointer}, i64 {index}")

    def load(self, pointer: str, index: str | int = 0, kind: str | None = None) -> str:
        kind = kind or self.real
        return self.made(f"load {kind}, ptr {self.at(pointer, index, kind)}, align 8")

    def spread(self, pointer: str, index: str | int = 0) -> str:
        """A double that all lanes share."""
        return self.same(self.load(pointer, index, "double"))

    def same(self, value: str, kind: str = "double") -> str:
        """A double, or another single value, in every lane."""
        if self.lanes == 1:
            return value
        vector, zeros = f"<{self.lanes} x {kind}>", f"<{self.lanes} x i32> zeroinitializer"
        first = self.value(f"insertelement {vector} poison, {kind} {value}, i64 0")
        return self.value(f"shufflevector {vector} {first}, {vector} poison, {zeros}")

    def store(self, value: str, pointer: str, index: str | int = 0, kind: str | None = None) -> None:
        kind = kind or self.real
        self.put(f"store {kind} {value}, ptr {self.at(pointer, index, kind)}, align 8")

    def index(self, table: str, position: str) -> str:
        """An entry of a constant table of 32-bit integers."""
        entry = self.made(f"load i32, ptr {self.at(table, position, 'i32')}, align 4")
        return self.value(f"sext i32 {entry} to i64")

    def variable(self, kind: str, value: str | None = None) -> str:
        """A place that holds a value of `kind` and may be set again."""
        name = f"%slot{len(self._slots)}"
        self._slots.append(f"  {name} = alloca {kind}, align 8")
        if value is not None:
            self.put(f"store {kind} {value}, ptr {name}, align 8")
        return name

    def call(self, symbol: str, *args: str, result: str = "void") -> str:
        """A call; arguments are written with their types."""
        text = f"call {result} @{symbol}({', '.join(args)})"
        if result == "void":
            self.put(text)
            return ""
        return self.made(text)

    # --- flow ---

    def label(self, name: str, dominated: bool = False) -> None:
        """A new block. `dominated`: every way to it leads through the block before it, whose values still hold."""
        self._lines.append(f"{name}:")
        self._block = name
        if not dominated:
            self._known = {}

    def _labels(self, *stems: str) -> list[str]:
        self._count += 1
        return [f"{stem}{self._count}" for stem in stems]

    @contextmanager
    def loop(self, count: str | int, start: str | int = 0) -> Iterator[str]:
        """The body for i in start ... count - 1. Whether another turn follows is asked at its end: LLVM would take a
        third of its time to move that there."""
        body, done = self._labels("body", "done")
        i = self._fresh()
        if isinstance(count, int) and isinstance(start, int):
            if start >= count:
                self.put(f"br i1 false, label %{body}, label %{done}")
            else:
                self.put(f"br label %{body}")
        else:
            some = self.value(f"icmp slt i64 {start}, {count}")
            self.put(f"br i1 {some}, label %{body}, label %{done}")
        before = self._block
        self.label(body)
        place = len(self._lines)
        self._lines.append("")
        yield i
        following = self.made(f"add nsw i64 {i}, 1")
        self._lines[place] = f"  {i} = phi i64 [ {start}, %{before} ], [ {following}, %{self._block} ]"
        more = self.made(f"icmp slt i64 {following}, {count}")
        self.put(f"br i1 {more}, label %{body}, label %{done}")
        self.label(done)

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """The body only where `condition` holds."""
        body, join = self._labels("then", "join")
        self.put(f"br i1 {condition}, label %{body}, label %{join}")
        self.label(body)
        yield
        self.put(f"br label %{join}")
        self.label(join)

    @contextmanager
    def choice(self, condition: str) -> Iterator[tuple["_Branch", "_Branch"]]:
        """Two bodies: `with code.choice(c) as (yes, no):`, then `with yes:` and `with no:`."""
        yes, no, join = self._labels("yes", "no", "join")
        self.put(f"br i1 {condition}, label %{yes}, label %{no}")
        yield _Branch(self, yes, join), _Branch(self, no, join)
        self.label(join)

    @contextmanager
    def forever(self) -> Iterator["_Loop"]:
        """The body again and again, until `leave`."""
        head, done = self._labels("again", "left")
        self.put(f"br label %{head}")
        self.label(head)
        yield _Loop(self, done)
        self.put(f"br label %{head}")
        self.label(done)

    def leave(self, loop: "_Loop", condition: str) -> None:
        """Out of `loop` where `condition` holds."""
        (stay,) = self._labels("stay")
        self.put(f"br i1 {condition}, label %{loop.done}, label %{stay}")
        self.label(stay)


class _Loop:
    def __init__(self, code: FunctionWriter, done: str):
        self.code, self.done = code, done


class _Branch:
    def __init__(self, code: FunctionWriter, name: str, join: str):
        self.code, self.name, self.join = code, name, join

    def __enter__(self) -> None:
        self.code.label(self.name)

    def __exit__(self, *exception: object) -> None:
        self.code.put(f"br label %{self.join}")
