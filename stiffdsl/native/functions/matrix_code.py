"""Products of matrices in loops (`program/matrices.py` says what they are), several entries at once in registers.

Entries of the result lie side by side in registers where they do in memory: the calls of many networks, or the columns
of a matrix that is stored by rows. A matrix by rows times one vector is added up in parts.
"""

from collections.abc import Callable

from stiffdsl.native.ir.code import Code

# Rows that are added up beside one another: a sum alone would wait for itself.
_BESIDE = 4


def emit_matmul(
    code: Code, result: str, matrix: str, vectors: str, data: tuple[int, int, int, int, int, bool]
) -> None:
    """Stores the products of `matrix` and `vectors`."""
    times, rows, columns, batch, groups, transposed = data
    outputs, inputs = (columns, rows) if transposed else (rows, columns)
    with code.loop(times) as d:
        own = code.at(vectors, code.integer("mul", d, str(inputs * batch)), "double")
        place = code.at(result, code.integer("mul", d, str(outputs * batch)), "double")
        if groups > 1:
            _of_own(code, place, matrix, own, data)
        elif batch > 1:
            _of_many(code, place, matrix, own, data)
        elif transposed:
            _by_columns(code, place, matrix, own, rows, columns)
        else:
            _by_rows(code, place, matrix, own, rows, columns)


def emit_outer(code: Code, result: str, x: str, y: str, data: tuple[int, int, int, int, int]) -> None:
    """Stores the sums of outer products of vectors."""
    *_, batch, groups = data
    emit = _outer_of_own if groups > 1 else _outer_of_many if batch > 1 else _outer_of_one
    emit(code, result, x, y, data)


def _outer_of_one(code: Code, result: str, x: str, y: str, data: tuple[int, int, int, int, int]) -> None:
    """Of one vector in each direction: a register holds neighbouring columns."""
    times, rows, columns, *_ = data
    with code.loop(rows) as r:
        row = code.at(result, code.integer("mul", r, str(columns)), "double")
        with code.sweep(columns) as c:

            def pair(d: str) -> tuple[str, str]:
                other = code.at(y, code.integer("mul", d, str(columns)), "double")
                return code.spread(x, _place(code, d, rows, r)), code.load_part(other, c)

            if times == 1:
                code.store_part(code.apply("mul", *pair("0")), row, c)
            else:
                code.store_part(_sum(code, times, pair), row, c)


def _outer_of_many(code: Code, result: str, x: str, y: str, data: tuple[int, int, int, int, int]) -> None:
    """Of the vectors of many calls: each entry is added up over these."""
    times, rows, columns, batch, _ = data
    with code.loop(rows) as r, code.loop(columns) as c:
        total = code.variable("double", code.number(0.0))
        with code.loop(times) as d:
            one = code.at(x, code.integer("mul", _place(code, d, rows, r), str(batch)), "double")
            other = code.at(y, code.integer("mul", _place(code, d, columns, c), str(batch)), "double")
            (part,) = _dot(code, [one], other, batch)
            code.store(code.apply("add", code.load(total), part), total)
        code.store(code.load(total), result, _place(code, r, columns, c))


def _place(code: Code, outer: str, width: int, inner: str) -> str:
    return code.integer("add", code.integer("mul", outer, str(width)), inner)


def _sum(code: Code, count: int, pair: Callable[[str], tuple[str, str]]) -> str:
    """The sum of products, in all lanes."""
    total = code.variable(code.real, code.number(0.0))
    with code.loop(count) as k:
        a, b = pair(k)
        code.store(code.fused(a, b, code.load(total)), total)
    return code.load(total)


def _in_blocks(code: Code, count: int, block: Callable[[str, int], None]) -> None:
    """`block(first, size)` for neighbours among `count`: as many at once as are added up beside one another."""
    whole = count // _BESIDE
    if whole:
        with code.loop(whole) as k:
            block(code.integer("mul", k, str(_BESIDE)), _BESIDE)
    if count % _BESIDE:
        with code.loop(1) as k:
            block(code.integer("add", k, str(whole * _BESIDE)), count % _BESIDE)


def _of_many(
    code: Code, place: str, matrix: str, vectors: str, data: tuple[int, int, int, int, int, bool]
) -> None:
    """One matrix, many vectors: a register holds one entry of several of them."""
    _, rows, columns, batch, _, transposed = data
    outputs, inputs = (columns, rows) if transposed else (rows, columns)

    def block(at: str, first: str, size: int) -> None:
        totals = [code.variable(code.real, code.number(0.0)) for _ in range(size)]
        with code.loop(inputs) as c:
            value = code.load_part(code.at(vectors, code.integer("mul", c, str(batch)), "double"), at)
            for k, total in enumerate(totals):
                r = code.integer("add", first, str(k)) if k else first
                entry = _place(code, c, columns, r) if transposed else _place(code, r, columns, c)
                code.store(code.fused(code.spread(matrix, entry), value, code.load(total)), total)
        for k, total in enumerate(totals):
            r = code.integer("add", first, str(k)) if k else first
            code.store_part(
                code.load(total), code.at(place, code.integer("mul", r, str(batch)), "double"), at
            )

    with code.sweep(batch) as at:
        _in_blocks(code, outputs, lambda first, size: block(at, first, size))


def _by_columns(code: Code, place: str, matrix: str, vector: str, rows: int, columns: int) -> None:
    """The transposed of a matrix times one vector: a register holds neighbouring columns."""
    with code.sweep(columns) as c:
        total = _sum(code, rows, lambda r: (
            code.spread(vector, r),
            code.load_part(code.at(matrix, code.integer("mul", r, str(columns)), "double"), c),
        ))  # fmt: skip
        code.store_part(total, place, c)


def _by_rows(code: Code, place: str, matrix: str, vector: str, rows: int, columns: int) -> None:
    """A matrix times one vector: several rows at once."""

    def block(first: str, size: int) -> None:
        pointers = [
            code.at(matrix, code.integer("mul", code.integer("add", first, str(k)), str(columns)), "double")
            for k in range(size)
        ]
        for k, value in enumerate(_dot(code, pointers, vector, columns)):
            code.store(value, code.at(place, first, "double"), k)

    _in_blocks(code, rows, block)


def _dot(code: Code, pointers: list[str], vector: str, count: int) -> list[str]:
    """Products of several vectors with one, added up in parts that are as wide as registers."""
    lanes = min(code.module.widest, 1 << (count.bit_length() - 1))
    whole = count // lanes * lanes
    with code.vectors(lanes):
        totals = [code.variable(code.real, code.number(0.0)) for _ in pointers]
    with code.loop(whole // lanes) as k, code.vectors(lanes):
        value = code.load(vector, k)
        for pointer, total in zip(pointers, totals, strict=True):
            code.store(code.fused(code.load(pointer, k), value, code.load(total)), total)
    found = []
    with code.vectors(lanes):
        parts = [code.load(total) for total in totals]
        numbers = [[code.extracted(p, k) for k in range(lanes)] if lanes > 1 else [p] for p in parts]
    for own in numbers:
        found.append(code.variable("double", code.total(own)))
    if whole < count:
        with code.loop(count, whole) as k:
            value = code.load(vector, k)
            for pointer, total in zip(pointers, found, strict=True):
                code.store(code.fused(code.load(pointer, k), value, code.load(total)), total)
    return [code.load(total) for total in found]


def _of_own(
    code: Code, place: str, matrix: str, vectors: str, data: tuple[int, int, int, int, int, bool]
) -> None:
    """A matrix for each vector."""
    _, rows, columns, batch, groups, transposed = data
    outputs, inputs = (columns, rows) if transposed else (rows, columns)
    with code.loop(batch) as b:
        group = code.integer("urem", b, str(groups)) if groups < batch else b
        own = code.at(matrix, code.integer("mul", group, str(rows * columns)), "double")

        def block(first: str, size: int) -> None:
            totals = [code.variable("double", code.number(0.0)) for _ in range(size)]
            with code.loop(inputs) as c:
                value = code.load(vectors, _place(code, c, batch, b))
                for k, total in enumerate(totals):
                    r = code.integer("add", first, str(k)) if k else first
                    entry = _place(code, c, columns, r) if transposed else _place(code, r, columns, c)
                    code.store(code.fused(code.load(own, entry), value, code.load(total)), total)
            for k, total in enumerate(totals):
                r = code.integer("add", first, str(k)) if k else first
                code.store(code.load(total), place, _place(code, r, batch, b))

        _in_blocks(code, outputs, block)


def _outer_of_own(code: Code, result: str, x: str, y: str, data: tuple[int, int, int, int, int]) -> None:
    """The outer products of each group."""
    times, rows, columns, batch, groups = data
    with code.loop(groups) as g, code.loop(rows) as r, code.loop(columns) as c:
        total = code.variable("double", code.number(0.0))
        with code.loop(times) as d, code.loop(batch // groups) as n:
            b = _place(code, n, groups, g)
            one = code.load(x, _place(code, _place(code, d, rows, r), batch, b))
            other = code.load(y, _place(code, _place(code, d, columns, c), batch, b))
            code.store(code.fused(one, other, code.load(total)), total)
        code.store(code.load(total), result, _place(code, _place(code, g, rows, r), columns, c))
