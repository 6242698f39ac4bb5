"""Kernels for Newton-Krylov solves (`solve/linear/krylov.py`): incomplete factors, and GMRES with them.

One kernel of each for all patterns: these are tables that come as operands. The mathematics is written down in
`solve/linear/gmres.py` and `solve/linear/level_scheduled_lu.py`, whose numbers these give to rounding.
"""

from collections.abc import Callable
from functools import cache

from stiffdsl.native.host import engine, ffi
from stiffdsl.native.host.digest import sources
from stiffdsl.native.host.engine import Library
from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.ir.vectors import BLOCK, emit_vectors
from stiffdsl.solve.base import kernels
from stiffdsl.solve.linear.level_scheduled_lu import LEAST_PIVOT, RELAXED

FACTOR = ("a", "where", "start", "top", "pivot"), ("v",)
SOLVE = (
    ("options", "a", "v", "s", "b", "matrix_start", "matrix_top", "start", "top", "pivot"),
    ("x", "info"),
)
# The entries of `options`.
OPTIONS = ("threshold", "restart", "most", "transposed", "size")
ZERO, ONE = "0.0", "1.0"


def provide() -> None:
    """Tells solvers that these kernels can be had."""
    kernels.provide("incomplete_factor", lambda: _target("incomplete_factor", _emit_factor_kernel))
    kernels.provide("gmres", lambda: _target("gmres", _emit_gmres_kernel))


@cache
def _target(name: str, emit: Callable[[], str]) -> str | None:
    if not engine.available():
        return None
    key = f"{name}.{sources().hex()}"
    library: Library = engine.load(key, emit)
    return ffi.register(f"stiffdsl_{key}", library)


def _lanes(module: IRModule, function: str, arguments: tuple[str, ...], results: tuple[str, ...]) -> None:
    """`lanes(operands, strides, count)`: `function(operands)` for one lane after the other, and XLA's handler."""
    total = len(arguments) + len(results)
    code = Code(module, "lanes", [("ptr", "operands"), ("ptr", "strides"), ("i64", "count")])
    local = code.variable(f"[{total} x ptr]")
    with code.loop("%count") as lane:
        for k in range(total):
            shift = code.integer("mul", lane, code.load("%strides", k, "i64"))
            code.store(code.at(code.load("%operands", k, "ptr"), shift), local, k, "ptr")
        code.call(function, f"ptr {local}")
    code.put("ret void")
    code.finish()
    ffi.emit_handler(module, "lanes", arguments, results, (*arguments, *results))


def _operands(code: Code, arguments: tuple[str, ...], results: tuple[str, ...]) -> dict[str, str]:
    return {name: code.load("%operands", k, "ptr") for k, name in enumerate((*arguments, *results))}


def _allocated(code: Code, bytes_: str) -> str:
    code.module.declare("declare noalias ptr @malloc(i64)")
    code.module.declare("declare void @free(ptr)")
    return code.call("malloc", f"i64 {bytes_}", result="noalias ptr")


def _emit_factor_kernel() -> str:
    """By rows: row i is reduced by the rows above that it has entries for; what falls outside of the pattern is taken
    off the pivot in part. Pivots are stored inverted."""
    module = IRModule()
    arguments, results = (("options", *FACTOR[0]), FACTOR[1])
    code = Code(module, "factor", [("ptr", "operands")])
    of = _operands(code, arguments, results)
    n, entries = (code.to_integer(code.load(of["options"], k)) for k in range(2))
    size = code.index(of["start"], n)
    at = _allocated(code, code.integer("mul", n, "4"))
    with code.loop(n) as i:
        code.store("-1", at, i, "i32")
    with code.loop(size) as e:
        code.store(ZERO, of["v"], e)
    with code.loop(entries) as e:
        code.store(code.load(of["a"], e), of["v"], code.index(of["where"], e))
    drop = code.variable("double")
    with code.loop(n) as i:
        first, last = code.index(of["start"], i), code.index(of["start"], code.integer("add", i, "1"))
        diagonal = code.index(of["pivot"], i)
        with code.loop(last, first) as e:
            number = code.made(f"trunc i64 {e} to i32")
            code.store(number, at, code.index(of["top"], e), "i32")
        code.store(ZERO, drop)
        with code.loop(diagonal, first) as e:
            k = code.index(of["top"], e)
            pivot = code.index(of["pivot"], k)
            share = code.apply("mul", code.load(of["v"], e), code.load(of["v"], pivot))
            code.store(share, of["v"], e)
            end = code.index(of["start"], code.integer("add", k, "1"))
            with code.loop(end, code.integer("add", pivot, "1")) as q:
                product = code.apply("mul", share, code.load(of["v"], q))
                place = code.index(at, code.index(of["top"], q))
                with code.choice(code.value(f"icmp sge i64 {place}, 0")) as (inside, outside):
                    with inside:
                        code.store(code.apply("sub", code.load(of["v"], place), product), of["v"], place)
                    with outside:
                        code.store(code.apply("add", code.load(drop), product), drop)
        whole = code.load(of["v"], diagonal)
        less = code.apply("sub", whole, code.apply("mul", code.number(RELAXED), code.load(drop)))
        # With a pivot that became small or changed its sign the factors would be of no use.
        ratio = code.apply("div", less, whole)
        kept = code.apply("ge", ratio, code.number(LEAST_PIVOT))
        value = code.select(kept, less, whole)
        code.store(code.apply("div", code.number(1.0), value), of["v"], diagonal)
        with code.loop(last, first) as e:
            code.store("-1", at, code.index(of["top"], e), "i32")
    code.call("free", f"ptr {at}")
    code.put("ret void")
    code.finish()
    _lanes(module, "factor", arguments, results)
    return module.text()


def _emit_gmres_kernel() -> str:
    module = IRModule()
    emit_vectors(module)
    _emit_multiply(module)
    _emit_multiply_transposed(module)
    _emit_precondition(module)
    _emit_precondition_transposed(module)
    _emit_apply(module)
    _Gmres(module).emit()
    _lanes(module, "gmres", *SOLVE)
    return module.text()


MATRIX = [("ptr", "start"), ("ptr", "top"), ("ptr", "a"), ("ptr", "x"), ("ptr", "y"), ("i64", "n")]
FACTORS = [("ptr", "start"), ("ptr", "top"), ("ptr", "pivot"), ("ptr", "v"), ("ptr", "x"), ("i64", "n")]


def _row(code: Code, i: str) -> tuple[str, str]:
    return code.index("%start", i), code.index("%start", code.integer("add", i, "1"))


def _emit_multiply(module: IRModule) -> None:
    """`multiply`: y = A x."""
    code = Code(module, "multiply", MATRIX)
    total = code.variable("double")
    with code.loop("%n") as i:
        first, last = _row(code, i)
        code.store(ZERO, total)
        with code.loop(last, first) as e:
            term = code.apply("mul", code.load("%a", e), code.load("%x", code.index("%top", e)))
            code.store(code.apply("add", code.load(total), term), total)
        code.store(code.load(total), "%y", i)
    code.put("ret void")
    code.finish()


def _emit_multiply_transposed(module: IRModule) -> None:
    """`multiply_transposed`: y = A' x."""
    code = Code(module, "multiply_transposed", MATRIX)
    with code.loop("%n") as i:
        code.store(ZERO, "%y", i)
    with code.loop("%n") as i:
        first, last = _row(code, i)
        x = code.load("%x", i)
        with code.loop(last, first) as e:
            _add(code, "%y", code.index("%top", e), code.apply("mul", code.load("%a", e), x), "add")
    code.put("ret void")
    code.finish()


def _add(code: Code, pointer: str, place: str, value: str, operation: str) -> None:
    code.store(code.apply(operation, code.load(pointer, place), value), pointer, place)


def _emit_precondition(module: IRModule) -> None:
    """`precondition`: x becomes (L U)^-1 x."""
    code = Code(module, "precondition", FACTORS)
    total = code.variable("double")

    def row(i: str, first: str, last: str) -> None:
        code.store(code.load("%x", i), total)
        with code.loop(last, first) as e:
            term = code.apply("mul", code.load("%v", e), code.load("%x", code.index("%top", e)))
            code.store(code.apply("sub", code.load(total), term), total)

    with code.loop("%n") as i:
        row(i, code.index("%start", i), code.index("%pivot", i))
        code.store(code.load(total), "%x", i)
    with code.loop("%n") as k:
        i = code.integer("sub", code.integer("sub", "%n", "1"), k)
        diagonal, (_, last) = code.index("%pivot", i), _row(code, i)
        row(i, code.integer("add", diagonal, "1"), last)
        code.store(code.apply("mul", code.load(total), code.load("%v", diagonal)), "%x", i)
    code.put("ret void")
    code.finish()


def _emit_precondition_transposed(module: IRModule) -> None:
    """`precondition_transposed`: x becomes (L U)'^-1 x."""
    code = Code(module, "precondition_transposed", FACTORS)

    def spread(i: str, first: str, last: str, value: str) -> None:
        with code.loop(last, first) as e:
            _add(code, "%x", code.index("%top", e), code.apply("mul", code.load("%v", e), value), "sub")

    with code.loop("%n") as i:
        diagonal, (_, last) = code.index("%pivot", i), _row(code, i)
        value = code.apply("mul", code.load("%x", i), code.load("%v", diagonal))
        code.store(value, "%x", i)
        spread(i, code.integer("add", diagonal, "1"), last, value)
    with code.loop("%n") as k:
        i = code.integer("sub", code.integer("sub", "%n", "1"), k)
        spread(i, code.index("%start", i), code.index("%pivot", i), code.load("%x", i))
    code.put("ret void")
    code.finish()


def _emit_apply(module: IRModule) -> None:
    """`undo(operands, x, transposed, n)`: x becomes P^-1 x; `product(operands, x, y, transposed, n)`: y = A x; both of
    the transposed matrices where asked for."""
    for name, kinds, tables in (
        ("undo", ("precondition", "precondition_transposed"), ("start", "top", "pivot", "v")),
        ("product", ("multiply", "multiply_transposed"), ("matrix_start", "matrix_top", "a")),
    ):
        vectors_ = [("ptr", "x"), ("ptr", "y")] if name == "product" else [("ptr", "x")]
        code = Code(module, name, [("ptr", "operands"), *vectors_, ("i1", "transposed"), ("i64", "n")])
        of = _operands(code, *SOLVE)
        listed = [f"ptr {of[t]}" for t in tables] + [f"ptr %{v}" for _, v in vectors_] + ["i64 %n"]
        with code.choice("%transposed") as (yes, no):
            with yes:
                code.call(kinds[1], *listed)
            with no:
                code.call(kinds[0], *listed)
        code.put("ret void")
        code.finish()


class _Gmres:
    """`gmres(operands)`: restarted, right-preconditioned, rows weighted by s; see `solve/linear/gmres.py`."""

    def __init__(self, module: IRModule):
        self.code = code = Code(module, "gmres", [("ptr", "operands")])
        self.of = _operands(code, *SOLVE)
        option = {name: code.load(self.of["options"], k) for k, name in enumerate(OPTIONS)}
        self.threshold = option["threshold"]
        self.n, self.m, self.most = (code.to_integer(option[k]) for k in ("size", "restart", "most"))
        self.transposed = code.value(f"fcmp one double {option['transposed']}, {ZERO}")
        self.blocks = code.integer("sdiv", code.integer("add", self.n, str(BLOCK - 1)), str(BLOCK))
        self.stride = code.integer("mul", self.blocks, str(BLOCK))

    def emit(self) -> None:
        code, n, m = self.code, self.n, self.m
        rows = code.integer("add", m, "1")
        basis = code.integer("mul", self.stride, code.integer("add", rows, "3"))
        small = code.integer("mul", rows, code.integer("add", rows, "3"))
        work = _allocated(code, code.integer("mul", code.integer("add", basis, small), "8"))
        self.V = work
        self.z = code.at(work, code.integer("mul", self.stride, rows))
        self.w = code.at(self.z, self.stride)
        self.inverse = code.at(self.w, self.stride)
        self.H = code.at(work, basis)
        self.cosines = code.at(self.H, code.integer("mul", rows, rows))
        self.sines = code.at(self.cosines, rows)
        self.g = code.at(self.sines, rows)
        total, self.j = code.variable("i64", "0"), code.variable("i64")
        with code.loop(n) as i:
            code.store(code.apply("div", code.number(1.0), code.load(self.of["s"], i)), self.inverse, i)
            code.store(ZERO, self.of["x"], i)
        norm = code.variable("double")
        with code.forever() as cycles:
            self._residual(code.load(total, kind="i64"))
            beta = code.apply("sqrt", self._dot(self.V, self.V))
            code.store(beta, norm)
            code.leave(cycles, code.apply("not", code.apply("gt", beta, self.threshold)))
            code.leave(cycles, code.value(f"icmp sge i64 {code.load(total, kind='i64')}, {self.most}"))
            self._rescale(code.apply("div", code.number(1.0), code.load(norm)), self.V)
            code.store(code.load(norm), self.g)
            code.store("0", self.j, kind="i64")
            with code.forever() as columns:
                self._column()
                for place in (total, self.j):
                    code.store(code.made(f"add i64 {code.load(place, kind='i64')}, 1"), place, kind="i64")
                j = code.load(self.j, kind="i64")
                left = code.apply("abs", code.load(self.g, j))
                code.leave(columns, code.apply("not", code.apply("gt", left, self.threshold)))
                code.leave(columns, code.made(f"icmp sge i64 {j}, {m}"))
                code.leave(columns, code.made(f"icmp sge i64 {code.load(total, kind='i64')}, {self.most}"))
            self._improve()
        code.store(code.to_real(code.load(total, kind="i64")), self.of["info"], 0)
        code.store(code.load(norm), self.of["info"], 1)
        code.call("free", f"ptr {work}")
        code.put("ret void")
        code.finish()

    def _dot(self, x: str, y: str) -> str:
        return self.code.call("dot", f"ptr {x}", f"ptr {y}", f"i64 {self.blocks}", result="double")

    def _rescale(self, c: str, x: str) -> None:
        self.code.call("rescale", f"double {c}", f"ptr {x}", f"i64 {self.blocks}")

    def _add(self, c: str, x: str, y: str) -> None:
        self.code.call("add_multiple", f"double {c}", f"ptr {x}", f"ptr {y}", f"i64 {self.blocks}")

    def _vector(self, j: str) -> str:
        return self.code.at(self.V, self.code.integer("mul", j, self.stride))

    def _entry(self, i: str, j: str) -> str:
        """Pointer to entry (i, j) of the Hessenberg matrix, which is stored by columns."""
        rows = self.code.integer("add", self.m, "1")
        return self.code.at(self.H, self.code.integer("add", self.code.integer("mul", j, rows), i))

    def _operate(self, name: str, *pointers: str) -> None:
        listed = [f"ptr {p}" for p in pointers]
        self.code.call(name, "ptr %operands", *listed, f"i1 {self.transposed}", f"i64 {self.n}")

    def _clear(self, x: str) -> None:
        with self.code.loop(self.stride) as i:
            self.code.store(ZERO, x, i)

    def _padded(self, x: str) -> None:
        with self.code.loop(self.stride, self.n) as i:
            self.code.store(ZERO, x, i)

    def _residual(self, total: str) -> None:
        """The first basis vector becomes s (b - A x)."""
        code, of = self.code, self.of
        # x is zero at first.
        with code.choice(code.value(f"icmp sgt i64 {total}, 0")) as (later, first):
            with later:
                self._operate("product", of["x"], self.w)
            with first:
                self._clear(self.w)
        with code.loop(self.n) as i:
            left = code.apply("sub", code.load(of["b"], i), code.load(self.w, i))
            code.store(code.apply("mul", code.load(of["s"], i), left), self.V, i)
        self._padded(self.V)

    def _column(self) -> None:
        """The next basis vector, column j of the Hessenberg matrix, and its rotations."""
        code, of = self.code, self.of
        j = code.load(self.j, kind="i64")
        after = code.integer("add", j, "1")
        v, q = self._vector(j), self._vector(after)
        with code.loop(self.n) as i:
            code.store(code.apply("mul", code.load(v, i), code.load(self.inverse, i)), self.z, i)
        self._operate("undo", self.z)
        self._operate("product", self.z, q)
        with code.loop(self.n) as i:
            code.store(code.apply("mul", code.load(of["s"], i), code.load(q, i)), q, i)
        self._padded(q)
        with code.loop(after) as k:
            other = self._vector(k)
            h = self._dot(q, other)
            code.store(h, self._entry(k, j))
            self._add(code.apply("neg", h), other, q)
        length = code.apply("sqrt", self._dot(q, q))
        some = code.apply("gt", length, code.number(0.0))
        divisor = code.select(some, length, code.number(1.0))
        self._rescale(code.apply("div", code.number(1.0), divisor), q)
        with code.loop(j) as k:
            c, s = code.load(self.cosines, k), code.load(self.sines, k)
            high, low = self._entry(k, j), self._entry(code.integer("add", k, "1"), j)
            a, b = code.load(high), code.load(low)
            code.store(code.apply("sub", code.apply("mul", c, b), code.apply("mul", s, a)), low)
            code.store(code.apply("add", code.apply("mul", c, a), code.apply("mul", s, b)), high)
        place = self._entry(j, j)
        a = code.load(place)
        squares = code.apply("add", code.apply("mul", a, a), code.apply("mul", length, length))
        diagonal = code.apply("sqrt", squares)
        c, s = code.apply("div", a, diagonal), code.apply("div", length, diagonal)
        code.store(c, self.cosines, j)
        code.store(s, self.sines, j)
        code.store(diagonal, place)
        g = code.load(self.g, j)
        code.store(code.apply("mul", code.apply("neg", s), g), self.g, after)
        code.store(code.apply("mul", c, g), self.g, j)

    def _improve(self) -> None:
        """x moves by the combination of the basis that leaves least."""
        code = self.code
        columns = code.load(self.j, kind="i64")
        with code.loop(columns) as back:
            k = code.integer("sub", code.integer("sub", columns, "1"), back)
            value = code.variable("double")
            code.store(code.load(self.g, k), value)
            with code.loop(columns, code.integer("add", k, "1")) as other:
                product = code.apply("mul", code.load(self._entry(k, other)), code.load(self.g, other))
                code.store(code.apply("sub", code.load(value), product), value)
            code.store(code.apply("div", code.load(value), code.load(self._entry(k, k))), self.g, k)
        self._clear(self.w)
        with code.loop(columns) as k:
            self._add(code.load(self.g, k), self._vector(k), self.w)
        with code.loop(self.n) as i:
            code.store(code.apply("mul", code.load(self.w, i), code.load(self.inverse, i)), self.z, i)
        self._operate("undo", self.z)
        with code.loop(self.n) as i:
            x = self.of["x"]
            code.store(code.apply("add", code.load(x, i), code.load(self.z, i)), x, i)
