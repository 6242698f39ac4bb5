"""Loops over long vectors: sums and combinations in wide registers. Lengths are padded with zeros to `BLOCK`."""

from stiffdsl.native.ir.code import Code, IRModule

LANES, REGISTERS = 8, 4
BLOCK = LANES * REGISTERS


def emit_vectors(module: IRModule) -> None:
    """`dot(x, y, blocks)`, `add_multiple(c, x, y, blocks)`: y += c x, and `rescale(c, x, blocks)`: x *= c."""
    _emit_dot(module)
    code = Code(
        module, "add_multiple", [("double", "c"), ("ptr", "x"), ("ptr", "y"), ("i64", "blocks")], lanes=LANES
    )
    c = code.same("%c")
    with code.loop("%blocks") as block:
        for x, y in _places(code, block, "%x", "%y"):
            code.store(code.apply("add", code.load(y), code.apply("mul", c, code.load(x))), y)
    _return(code)
    code = Code(module, "rescale", [("double", "c"), ("ptr", "x"), ("i64", "blocks")], lanes=LANES)
    c = code.same("%c")
    with code.loop("%blocks") as block:
        for (x,) in _places(code, block, "%x"):
            code.store(code.apply("mul", c, code.load(x)), x)
    _return(code)


def _emit_dot(module: IRModule) -> None:
    parameters = [("ptr", "x"), ("ptr", "y"), ("i64", "blocks")]
    code = Code(module, "dot", parameters, result="double", lanes=LANES)
    sums = [code.variable(code.real, "zeroinitializer") for _ in range(REGISTERS)]
    with code.loop("%blocks") as block:
        for (x, y), total in zip(_places(code, block, "%x", "%y"), sums, strict=True):
            product = code.apply("mul", code.load(x), code.load(y))
            code.store(code.apply("add", code.load(total), product), total)
    whole = code.total([code.load(s) for s in sums])
    symbol = f"@llvm.vector.reduce.fadd.v{LANES}f64"
    module.declare(f"declare double {symbol}(double, {code.real})")
    result = code.made(f"call reassoc double {symbol}(double {_ZERO}, {code.real} {whole})")
    code.put(f"ret double {result}")
    code.finish()


_ZERO = "0.0"


def _places(code: Code, block: str, *pointers: str) -> list[list[str]]:
    start = code.integer("mul", block, str(BLOCK))
    places = [code.integer("add", start, str(LANES * r)) for r in range(REGISTERS)]
    return [[code.at(pointer, place, "double") for pointer in pointers] for place in places]


def _return(code: Code) -> None:
    code.put("ret void")
    code.finish()
