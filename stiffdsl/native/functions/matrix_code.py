"""Products of matrices in loops (`program/matrices.py` says what they are), several entries at once in registers.

Entries of the result lie side by side in registers where they do in memory: the calls of many networks, or the columns
of a matrix that is stored by rows. A matrix by rows times one vector is added up in parts.
"""

from collections.abc import Callable

from stiffdsl.native.ir.code import Code

# Sums that are added up beside one another: a sum alone would wait for itself.
_BESIDE = 4


def emit_matmul(
    code: Code, result: str, matrix: str, vectors: str, data: tuple[int, int, int, int, int, bool]
) -> None:
    """Stores the products of `matrix` and `vectors`."""
    times, rows, columns, batch, groups, transposed = data
    outputs, inputs = (columns, rows) if transposed else (rows, columns)
    if batch == 1:
        emit = _by_columns if transposed else _by_rows
        # The matrix is read once for several vectors.
        for first in range(0, times, _BESIDE):
            some = range(first, min(times, first + _BESIDE))
            own = [code.at(vectors, d * inputs, "double") for d in some]
            emit(code, [code.at(result, d * outputs, "double") for d in some], matrix, own, rows, columns)
        return
    with code.loop(times) as d:
        own = code.at(vectors, code.integer("mul", d, str(inputs * batch)), "double")
        place = code.at(result, code.integer("mul", d, str(outputs * batch)), "double")
        emit = _of_own if groups > 1 else _of_many
        emit(code, place, matrix, own, data)


def emit_outer(
    code: Code, result: str, x: str, y: str, data: tuple[int, int, int, int, int], add: bool = False
) -> None:
    """Stores the sums of outer products of vectors, or adds them to what is there."""
    *_, batch, groups = data
    emit = _outer_of_own if groups > 1 else _outer_of_many if batch > 1 else _outer_of_one
    emit(code, result, x, y, data, add)


def _outer_of_one(
    code: Code, result: str, x: str, y: str, data: tuple[int, int, int, int, int], add: bool
) -> None:
    """Of one vector in each direction: registers hold neighbouring columns."""
    times, rows, columns, *_ = data
    for first, lanes, count in _parts(code, columns):
        beside = min(_BESIDE, (columns - first) // lanes)
        with code.loop(rows) as r, code.loop(count) as k, code.vectors(lanes):
            at = code.integer("add", code.integer("mul", k, str(lanes * _BESIDE)), str(first))
            own = code.at(result, _place(code, r, columns, at), "double")
            totals = [code.load(own, j) if add else "" for j in range(beside)]
            for d in range(times):
                factor = code.spread(x, code.integer("add", r, str(d * rows)))
                other = code.at(y, code.integer("add", at, str(d * columns)), "double")
                for j in range(beside):
                    value = code.load(other, j)
                    before = totals[j]
                    totals[j] = (
                        code.fused(factor, value, before) if before else code.apply("mul", factor, value)
                    )
            for j, total in enumerate(totals):
                code.store(total, own, j)


def _outer_of_many(
    code: Code, result: str, x: str, y: str, data: tuple[int, int, int, int, int], add: bool
) -> None:
    """Of the vectors of many calls: each entry is added up over these."""
    times, rows, columns, batch, _ = data
    with code.loop(rows) as r, code.loop(columns) as c:
        entry = _place(code, r, columns, c)
        total = code.variable("double", code.load(result, entry) if add else code.number(0.0))
        with code.loop(times) as d:
            one = code.at(x, code.integer("mul", _place(code, d, rows, r), str(batch)), "double")
            other = code.at(y, code.integer("mul", _place(code, d, columns, c), str(batch)), "double")
            ((part,),) = _dots(code, [one], [other], batch)
            code.store(code.apply("add", code.load(total), part), total)
        code.store(code.load(total), result, entry)


def _place(code: Code, outer: str, width: int, inner: str) -> str:
    return code.integer("add", code.integer("mul", outer, str(width)), inner)


def _sum(code: Code, count: int, pair: Callable[[str], tuple[str, str]]) -> str:
    """The sum of products, in all lanes."""
    total = code.variable(code.real, code.number(0.0))
    with code.loop(count) as k:
        a, b = pair(k)
        code.store(code.fused(a, b, code.load(total)), total)
    return code.load(total)


def _in_blocks(code: Code, count: int, block: Callable[[str, int], None], most: int = _BESIDE) -> None:
    """`block(first, size)` for neighbours among `count`, `most` at once."""
    whole = count // most
    if whole:
        with code.loop(whole) as k:
            block(code.integer("mul", k, str(most)), most)
    if count % most:
        with code.loop(1) as k:
            block(code.integer("add", k, str(whole * most)), count % most)


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


def _by_columns(
    code: Code, places: list[str], matrix: str, vectors: list[str], rows: int, columns: int
) -> None:
    """The transposed of a matrix times some vectors: registers hold neighbouring columns."""
    most = max(1, _BESIDE // len(vectors))
    for first, lanes, count in _parts(code, columns, most):
        beside = min(most, (columns - first) // lanes)
        with code.loop(count) as k, code.vectors(lanes):
            at = code.integer("add", code.integer("mul", k, str(lanes * beside)), str(first))
            totals = [[code.variable(code.real, code.number(0.0)) for _ in range(beside)] for _ in vectors]
            with code.loop(rows) as r:
                row = code.at(matrix, _place(code, r, columns, at), "double")
                entries = [code.load(row, j) for j in range(beside)]
                for vector, own in zip(vectors, totals, strict=True):
                    factor = code.spread(vector, r)
                    for entry, total in zip(entries, own, strict=True):
                        code.store(code.fused(factor, entry, code.load(total)), total)
            for place, own in zip(places, totals, strict=True):
                pointer = code.at(place, at, "double")
                for j, total in enumerate(own):
                    code.store(code.load(total), pointer, j)


def _parts(code: Code, count: int, most: int = _BESIDE) -> list[tuple[int, int, int]]:
    """Neighbours in blocks of `most` registers: the first of each part, how many a register holds, and how many blocks
    there are; the last parts are blocks of fewer."""
    found, first, lanes = [], 0, code.module.widest
    whole = count // (lanes * most)
    if whole:
        found.append((0, lanes, whole))
        first = whole * lanes * most
    while first < count:
        lanes = min(code.module.widest, 1 << ((count - first).bit_length() - 1))
        found.append((first, lanes, 1))
        first += min(most, (count - first) // lanes) * lanes
    return found


def _by_rows(code: Code, places: list[str], matrix: str, vectors: list[str], rows: int, columns: int) -> None:
    """A matrix times some vectors: several rows at once."""
    most = max(1, _BESIDE // len(vectors))

    def block(first: str, size: int) -> None:
        pointers = [
            code.at(matrix, code.integer("mul", code.integer("add", first, str(k)), str(columns)), "double")
            for k in range(size)
        ]
        for place, values in zip(places, _dots(code, pointers, vectors, columns), strict=True):
            for k, value in enumerate(values):
                code.store(value, code.at(place, first, "double"), k)

    _in_blocks(code, rows, block, most)


def _dots(code: Code, pointers: list[str], vectors: list[str], count: int) -> list[list[str]]:
    """Products of vectors with each of some others, added up in parts that are as wide as registers."""
    lanes = min(code.module.widest, 1 << (count.bit_length() - 1))
    whole = count // lanes * lanes
    with code.vectors(lanes):
        totals = [[code.variable(code.real, code.number(0.0)) for _ in pointers] for _ in vectors]
    with code.loop(whole // lanes) as k, code.vectors(lanes):
        entries = [code.load(pointer, k) for pointer in pointers]
        for vector, own in zip(vectors, totals, strict=True):
            value = code.load(vector, k)
            for entry, total in zip(entries, own, strict=True):
                code.store(code.fused(entry, value, code.load(total)), total)
    with code.vectors(lanes):
        parts = [[code.load(total) for total in own] for own in totals]
        numbers = [[_numbers(code, part) for part in own] for own in parts]
    found = [[code.variable("double", code.total(part)) for part in own] for own in numbers]
    if whole < count:
        with code.loop(count, whole) as k:
            entries = [code.load(pointer, k) for pointer in pointers]
            for vector, own in zip(vectors, found, strict=True):
                value = code.load(vector, k)
                for entry, total in zip(entries, own, strict=True):
                    code.store(code.fused(entry, value, code.load(total)), total)
    return [[code.load(total) for total in own] for own in found]


def _numbers(code: Code, vector: str) -> list[str]:
    """The numbers of a register."""
    return [code.extracted(vector, k) for k in range(code.lanes)] if code.lanes > 1 else [vector]


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


def _outer_of_own(
    code: Code, result: str, x: str, y: str, data: tuple[int, int, int, int, int], add: bool
) -> None:
    """The outer products of each group."""
    times, rows, columns, batch, groups = data
    with code.loop(groups) as g, code.loop(rows) as r, code.loop(columns) as c:
        entry = _place(code, _place(code, g, rows, r), columns, c)
        total = code.variable("double", code.load(result, entry) if add else code.number(0.0))
        with code.loop(times) as d, code.loop(batch // groups) as n:
            b = _place(code, n, groups, g)
            one = code.load(x, _place(code, _place(code, d, rows, r), batch, b))
            other = code.load(y, _place(code, _place(code, d, columns, c), batch, b))
            code.store(code.fused(one, other, code.load(total)), total)
        code.store(code.load(total), result, entry)
