"""Elementary functions as code without branches, for one number or a vector of lanes: `exp, log, tanh, sinh, cosh`,
`sin` and `cos`.

A lane gets the same bits as a number alone: every operation is written out, and none is left to be contracted. Errors
are below one unit in the last place of `exp, log, sin, cos`, and below two of the others (`tests/native/
test_elementary.py`).

Reductions and what is done about rounding are those of FDLIBM (e_exp.c, e_log.c, k_sin.c, k_cos.c; Copyright 1993 Sun
Microsystems, freely granted), but for the reduction of angles, in three parts of pi/2 after Cody and Waite, *Software
Manual for the Elementary Functions*, 1980. Polynomials were fitted here, by the exchange of Remez in 60 digits.
"""

from collections.abc import Callable, Sequence

from stiffdsl.native.ir.writer import FunctionWriter

_INFINITE, _UNDEFINED = float("inf"), float("nan")
# Added to a number below 2^51, this rounds it to an integer, and that is then in the last bits.
_ROUND = 1.5 * 2.0**52
_BIAS = 1023
# log 2 and pi/2 in parts: an integer of 20 bits times one is exact, but for the last part.
_LOG2 = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_HALF_PI = 1.57079632673412561417e00, 6.07710050630396597660e-11, 2.02226624879595063154e-21
# The angle from which a part of pi/2 times the quotient is no longer exact: larger ones go to the C library.
_LARGE_ANGLE = 524_288.0
# exp of what is larger is infinite, of its negative zero.
_FAR = 800.0
_NOTHING = 1e-60
# (exp x - 1 - x)/x^2 for |x| <= log(2)/2, with a relative error of exp of 2^-58.
_EXP = (
    *(
        0.5000000000000012,
        0.166666666666667,
        0.04166666666651541,
        0.008333333333307217,
        0.0013888888947017428,
    ),
    *(0.0001984126991735879, 2.4801489940787947e-05, 2.755721631932406e-06, 2.7631280803116233e-07),
    2.5117856395826074e-08,
)
# (log((1 + s)/(1 - s)) - 2 s)/s^3 in s^2, for 1 + f from sqrt(1/2) to sqrt(2) and s = f/(2 + f): 2^-51 of what is 2^-7.
_LOG = (
    *(0.666666666666667, 0.39999999999898367, 0.2857142862643115, 0.22222211067815467, 0.1818289357742779),
    *(0.15331585202024584, 0.146180165254153),
)
# (sin x - x)/x^3 and (cos x - 1 + x^2/2)/x^4 in x^2, for |x| <= pi/4: 2^-55 and 2^-59.
_SIN = (
    *(-0.16666666666666666, 0.008333333333330948, -0.00019841269836757183, 2.755731610170579e-06),
    *(-2.5051131646796515e-08, 1.5918113716138065e-10),
)
_COS = (
    *(0.041666666666666664, -0.0013888888888887398, 2.480158729876462e-05, -2.7557317271112174e-07),
    *(2.0876146128366137e-09, -1.138262165009433e-11),
)
# (tanh x - x)/x^3 in x^2, for |x| <= 0.625, above and below: 2^-58.
_TANH_FROM = 0.625
_TANH = (-0.3333333333333333, -0.020498998520277773, -0.0001991868486168111)
_TANH_BELOW = 1.0, 0.46149699556083024, 0.023291596865517444, 0.0002065431675163918
# (sinh x - x)/x^3 in x^2, for |x| <= 1: 2^-61.
_SINH = (
    *(0.16666666666666666, 0.008333333333333299, 0.00019841269841324247, 2.755731919136197e-06),
    *(2.505211769969665e-08, 1.605767928932883e-10, 7.746189687948193e-13),
)


class _Exact:
    """Arithmetic in the numbers of a function, as it is written."""

    def __init__(self, code: FunctionWriter):
        self.code = code
        self.real = code.real
        self.whole = "i64" if code.lanes == 1 else f"<{code.lanes} x i64>"

    def number(self, value: float) -> str:
        return self.code.number(value)

    def _binary(self, operation: str, a: str, b: str) -> str:
        return self.code.value(f"{operation} {self.real} {a}, {b}")

    def add(self, a: str, b: str) -> str:
        return self._binary("fadd", a, b)

    def sub(self, a: str, b: str) -> str:
        return self._binary("fsub", a, b)

    def mul(self, a: str, b: str) -> str:
        return self._binary("fmul", a, b)

    def div(self, a: str, b: str) -> str:
        return self._binary("fdiv", a, b)

    def fused(self, a: str, b: str, c: str) -> str:
        """a*b + c, in one where the processor has that."""
        return self.code.fused(a, b, c)

    def with_sign(self, size: str, sign: str) -> str:
        return self.code.intrinsic("copysign", size, sign)

    def size(self, x: str) -> str:
        return self.code.apply("abs", x)

    def less(self, a: str, b: str) -> str:
        return self.code.apply("lt", a, b)

    def select(self, condition: str, one: str, other: str) -> str:
        return self.code.select(condition, one, other)

    def bits(self, x: str) -> str:
        return self.code.value(f"bitcast {self.real} {x} to {self.whole}")

    def of_bits(self, bits: str) -> str:
        return self.code.value(f"bitcast {self.whole} {bits} to {self.real}")

    def integer(self, operation: str, a: str, b: int | str) -> str:
        if isinstance(b, int):
            b = str(b) if self.code.lanes == 1 else f"splat (i64 {b})"
        return self.code.value(f"{operation} {self.whole} {a}, {b}")

    def polynomial(self, coefficients: Sequence[float], x: str, *powers: str) -> str:
        """c0 + c1 x + …, in pairs, pairs of pairs, … (Estrin): few operations wait for each other. `powers` are x^2,
        x^4, … where they are known."""
        terms, known = [self.number(c) for c in coefficients], list(powers)
        while len(terms) > 1:
            rest = terms[-1:] if len(terms) % 2 else []
            terms = [self.fused(b, x, a) for a, b in zip(terms[::2], terms[1::2], strict=False)] + rest
            x = known.pop(0) if known else self.mul(x, x)
        return terms[0]


def known(name: str) -> bool:
    return name in FORMULAS or name in ("sin", "cos")


def side_by_side(code: FunctionWriter, name: str, values: Sequence[str], most: int = 8) -> list[str]:
    """The function of several values, single numbers as many at once as vectors hold: a vector takes little longer than
    a number."""
    if code.lanes > 1:
        return [apply(code, name, value) for value in values]
    results: list[str] = []
    for start in range(0, len(values), most):
        group = values[start : start + most]
        lanes = 1 << (len(group) - 1).bit_length()
        with code.vectors(lanes):
            packed = "poison"
            for k in range(lanes):
                value = group[min(k, len(group) - 1)]
                packed = value if lanes == 1 else code.inserted(packed, value, k)
            found = apply(code, name, packed)
            results += [found if lanes == 1 else code.extracted(found, k) for k in range(len(group))]
    return results


def apply(code: FunctionWriter, name: str, x: str) -> str:
    """The function `name` of x, in the numbers of `code`: by a call, written once for a module."""
    lanes, real = code.lanes, code.real
    if name in ("sin", "cos"):
        _define(code, f"angle.{lanes}", _emit_angle)
        pair = code.value(f"call {{ {real}, {real} }} @angle.{lanes}({real} {x})")
        return code.value(f"extractvalue {{ {real}, {real} }} {pair}, {0 if name == 'sin' else 1}")
    _define(
        code, f"{name}.{lanes}", lambda inner: inner.put(f"ret {real} {FORMULAS[name](_Exact(inner), '%x')}")
    )
    return code.value(f"call {real} @{name}.{lanes}({real} {x})")


def _define(code: FunctionWriter, name: str, body: Callable[[FunctionWriter], None]) -> None:
    if not code.module.begin(name):
        return
    result = code.real if not name.startswith("angle") else f"{{ {code.real}, {code.real} }}"
    inner = type(code)(code.module, name, [(code.real, "x")], result, "noinline", lanes=code.lanes)
    body(inner)
    inner.finish()


def _exponential(m: _Exact, x: str, halvings: int = 0) -> str:
    """exp(x)/2^halvings."""
    k = m.sub(m.fused(x, m.number(1.4426950408889634), m.number(_ROUND)), m.number(_ROUND))
    above = m.fused(k, m.number(-_LOG2[0]), x)
    below = m.mul(k, m.number(_LOG2[1]))
    r = m.sub(above, below)
    left = m.sub(m.sub(above, r), below)
    # exp(r) - 1 = r + r^2 (c0 + … + c3 r^3) + r^6 (c4 + … + c9 r^5), so that little waits for the last power.
    square = _square(m, r)
    fourth = m.mul(square, square)
    p = m.fused(square, m.polynomial(_EXP[:4], r, square), left)
    p = m.fused(m.mul(square, fourth), m.polynomial(_EXP[4:], r, square, fourth), p)
    p = m.add(r, p)
    # By 2^k in two steps: what is not in the range of normal numbers is only so at the last.
    biased = m.number(_ROUND + _BIAS)
    first = m.fused(k, m.number(0.5), biased)
    rest = m.add(m.sub(k, m.sub(first, biased)), m.number(_ROUND + _BIAS - halvings))
    power, rest = (m.of_bits(m.integer("shl", m.bits(v), 52)) for v in (first, rest))
    value = m.mul(m.fused(power, p, power), rest)
    value = m.select(m.less(x, m.number(-_FAR)), m.number(0.0), value)
    return m.select(m.less(m.number(_FAR), x), m.number(_INFINITE), value)


def _square(m: _Exact, x: str) -> str:
    """x^2; what is lost beside 1 anyway is made a number that no product of it falls below the normal range:
    processors take a hundred cycles for those."""
    return m.fused(x, x, m.number(_NOTHING))


def _exp(m: _Exact, x: str) -> str:
    return _exponential(m, x)


def _log(m: _Exact, x: str) -> str:
    tiny = m.less(x, m.number(2.0**-1022))
    scaled = m.bits(m.select(tiny, m.mul(x, m.number(2.0**54)), x))
    # x = 2^k (1 + f), with 1 + f from sqrt(1/2) to sqrt(2).
    one, root = 0x3FF0000000000000, 0x3FE6A09E667F3BCD
    shifted = m.integer("add", scaled, one - root)
    mantissa = m.integer("add", m.integer("and", shifted, (1 << 52) - 1), root)
    exponent = m.of_bits(m.integer("or", m.integer("lshr", shifted, 52), 0x4330000000000000))
    bias = m.select(tiny, m.number(2.0**52 + _BIAS + 54), m.number(2.0**52 + _BIAS))
    k, f = m.sub(exponent, bias), m.sub(m.of_bits(mantissa), m.number(1.0))
    s = m.div(f, m.add(m.number(2.0), f))
    z = m.mul(s, s)
    half = m.mul(m.mul(m.number(0.5), f), f)
    inner = m.fused(z, m.polynomial(_LOG, z), half)
    inner = m.fused(s, inner, m.mul(k, m.number(_LOG2[1])))
    value = m.fused(k, m.number(_LOG2[0]), m.sub(f, m.sub(half, inner)))
    relation = m.code.apply
    ordinary = relation("and", relation("gt", x, m.number(0.0)), relation("lt", x, m.number(_INFINITE)))
    other = m.select(m.less(x, m.number(0.0)), m.number(_UNDEFINED), x)
    other = m.select(relation("eq", x, m.number(0.0)), m.number(-_INFINITE), other)
    return m.select(ordinary, value, other)


def _tanh(m: _Exact, x: str) -> str:
    """x + x^3 P/Q near zero, else 1 - 2/(exp(2x) + 1): one division for both."""
    a, one = m.size(x), m.number(1.0)
    near, z = m.less(a, m.number(_TANH_FROM)), _square(m, a)
    e = _exponential(m, m.add(a, a))
    above = m.mul(m.mul(a, z), m.polynomial(_TANH, z))
    above = m.select(near, above, m.number(-2.0))
    below = m.select(near, m.polynomial(_TANH_BELOW, z), m.add(e, one))
    return m.with_sign(m.add(m.select(near, a, one), m.div(above, below)), x)


def _sinh(m: _Exact, x: str) -> str:
    a = m.size(x)
    z, half = _square(m, a), _exponential(m, a, halvings=1)
    near = m.fused(m.mul(a, z), m.polynomial(_SINH, z), a)
    far = m.sub(half, m.div(m.number(0.25), half))
    return m.with_sign(m.select(m.less(a, m.number(1.0)), near, far), x)


def _cosh(m: _Exact, x: str) -> str:
    half = _exponential(m, m.size(x), halvings=1)
    return m.add(half, m.div(m.number(0.25), half))


FORMULAS: dict[str, Callable[[_Exact, str], str]] = {
    "exp": _exp,
    "log": _log,
    "tanh": _tanh,
    "sinh": _sinh,
    "cosh": _cosh,
}


def _emit_angle(code: FunctionWriter) -> None:
    """Sine and cosine together; the C library has large angles, and what is no number."""
    m, lanes = _Exact(code), code.lanes
    values: dict[str, str] = dict(zip(("sin", "cos"), _sine_and_cosine(m, "%x"), strict=True))
    far = code.apply("not", code.apply("le", m.size("%x"), m.number(_LARGE_ANGLE)))
    some = far
    if lanes > 1:
        packed = code.value(f"bitcast {code.boolean} {far} to i{lanes}")
        some = code.value(f"icmp ne i{lanes} {packed}, 0")
    places = {name: code.variable(code.real, value) for name, value in values.items()}
    with code.when(some):
        for name, place in places.items():
            code.store(code.select(far, code.each(name, "%x"), values[name]), place)
    result = "poison"
    for k, name in enumerate(places):
        result = code.made(
            f"insertvalue {{ {code.real}, {code.real} }} {result}, {code.real} {code.load(places[name])}, {k}"
        )
    code.put(f"ret {{ {code.real}, {code.real} }} {result}")


def _sine_and_cosine(m: _Exact, x: str) -> tuple[str, str]:
    """For angles up to `_LARGE_ANGLE`."""
    rounded = m.fused(x, m.number(0.6366197723675814), m.number(_ROUND))
    quotient, quadrant = m.sub(rounded, m.number(_ROUND)), m.bits(rounded)
    # y + rest, what is left of x: the first difference is exact, of the second what is lost is kept.
    y = m.fused(quotient, m.number(-_HALF_PI[0]), x)
    y, lost = _sum(m, y, m.mul(quotient, m.number(-_HALF_PI[1])))
    y, rest = _sum(m, y, m.fused(quotient, m.number(-_HALF_PI[2]), lost))
    z = _square(m, y)
    cube, half = m.mul(z, y), m.mul(m.number(0.5), z)
    # sin: y + (rest - z rest/2 + cube (S0 + z S1 + …)); cos: 1 - z/2 + (z^2 C - y rest).
    small = m.sub(m.mul(m.number(0.5), rest), m.mul(cube, m.polynomial(_SIN[1:], z)))
    inner = m.sub(m.sub(m.mul(z, small), rest), m.mul(cube, m.number(_SIN[0])))
    sine = m.sub(y, inner)
    one = m.number(1.0)
    most = m.sub(one, half)
    inner = m.sub(m.mul(m.mul(z, z), m.polynomial(_COS, z)), m.mul(y, rest))
    cosine = m.add(most, m.add(m.sub(m.sub(one, most), half), inner))
    zero = "0" if m.code.lanes == 1 else "zeroinitializer"
    odd = m.code.value(f"icmp ne {m.whole} {m.integer('and', quadrant, 1)}, {zero}")

    def turned(value: str, quadrant: str) -> str:
        sign = m.integer("shl", m.integer("and", quadrant, 2), 62)
        return m.of_bits(m.integer("xor", m.bits(value), sign))

    at_zero = m.code.apply("eq", x, m.number(0.0))
    first = turned(m.select(odd, cosine, sine), quadrant)
    second = turned(m.select(odd, sine, cosine), m.integer("add", quadrant, 1))
    return m.select(at_zero, x, first), second


def _sum(m: _Exact, a: str, b: str) -> tuple[str, str]:
    """a + b, and what rounding lost of it (Knuth)."""
    total = m.add(a, b)
    own = m.sub(total, a)
    return total, m.add(m.sub(a, m.sub(total, own)), m.sub(b, own))
