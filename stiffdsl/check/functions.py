"""The built-in functions: how many arguments they take, and what they make of dimensions."""

from dataclasses import dataclass

from stiffdsl.elementary import ELEMENTARY


@dataclass(frozen=True, slots=True)
class Builtin:
    """`rule` says what happens to dimensions:

    `pure`: a pure number in and out. `keep`: all alike, the same out. `sign`: all alike, a pure number out.
    `delay`: the first is kept, the others are times. `root`: half the dimension. `reduce`: elements alike, the same
    out. `product`: elements are multiplied.
    """

    least: int
    most: int | None
    rule: str

    def accepts(self, count: int) -> bool:
        return self.least <= count and (self.most is None or count <= self.most)

    @property
    def wants(self) -> str:
        if self.most is None:
            return f"at least {self.least}"
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"


BUILTINS: dict[str, Builtin] = {
    **{name: Builtin(1, 1, "pure") for name in (*ELEMENTARY, "log10")},
    "sqrt": Builtin(1, 1, "root"),
    "abs": Builtin(1, 1, "keep"),
    "floor": Builtin(1, 1, "keep"),
    "ceil": Builtin(1, 1, "keep"),
    "sign": Builtin(1, 1, "sign"),
    "mod": Builtin(2, 2, "keep"),
    "atan2": Builtin(2, 2, "sign"),
    "smooth_step": Builtin(2, 2, "sign"),
    "noevent": Builtin(1, 1, "keep"),
    "delay": Builtin(2, 3, "delay"),
    "min": Builtin(1, None, "keep"),
    "max": Builtin(1, None, "keep"),
    "sum": Builtin(1, 1, "reduce"),
    "prod": Builtin(1, 1, "product"),
}

# Forms that look like functions and belong to another place of a model.
ELSEWHERE = {"csv": "a `table` or `input` declaration", "epw": "an `input` declaration"}

# Names of functions in other languages → advice on the spelling here.
OTHER_NAMES = {
    "ln": "the natural logarithm is `log`, that of base ten `log10`",
    "log2": "write `log(x)/log(2)`",
    "log1p": "write `log(1 + x)`",
    "expm1": "write `exp(x) - 1`",
    "pow": "a power is written `x^n`",
    "power": "a power is written `x^n`",
    "sqr": "a square is written `x^2`",
    "arcsin": "write `asin`",
    "arccos": "write `acos`",
    "arctan": "write `atan`",
    "arctan2": "write `atan2`",
    "arcsinh": "write `asinh`",
    "arccosh": "write `acosh`",
    "arctanh": "write `atanh`",
    "maximum": "write `max`",
    "minimum": "write `min`",
    "fabs": "write `abs`",
    "sgn": "write `sign`",
    "fmod": "write `mod`",
    "rem": "write `mod`",
    "heaviside": "write `if x > 0 then 1 else 0`, or `smooth_step(x, width)`",
    "step": "write `if time > at then 1 else 0`, or `smooth_step(x, width)`",
    "piecewise": "a choice is written `if condition then a else b`",
    "ifelse": "a choice is written `if condition then a else b`",
    "iff": "a choice is written `if condition then a else b`",
    "where": "a choice is written `if condition then a else b`",
    "pre": "in a `when`, right sides see the values just before the event: leave `pre` out",
    "edge": "a `when` fires when its condition turns true: write the condition alone",
    "sample": "a periodic event is `when every period from first`",
    "initial": "what is to be done once at the beginning is `when start`",
    "reinit": "in a `when`, a state is restarted by `x := value`",
    "smooth": "write its second argument alone",
    "homotopy": "write its first argument alone; a start is helped by `guess`",
    "deriv": "a derivative by time is `der(x)`",
    "ddt": "a derivative by time is `der(x)`",
    "d": "a derivative by time is `der(x)`",
    "dt": "a derivative by time is `der(x)`",
    "lg": "the logarithm of base ten is `log10`, the natural one `log`",
    "square": "a power is written `x^2`",
    "cbrt": "a root is a power: `x^(1/3)`",
    "diff": "a derivative by time is `der(x)`",
    "derivative": "a derivative by time is `der(x)`",
    "integral": "an integral over time is a state: `der(total) = x`",
    "ones": "write `(1 for i in 1..N)`",
    "zeros": "write `(0 for i in 1..N)`",
    "linspace": "write `(a + (b - a)*(i - 1)/(N - 1) for i in 1..N)`",
    "range": "a range is written `1..N`",
    "size": "the size of an array is the `const N` that it was declared with",
    "length": "the size of an array is the `const N` that it was declared with",
    "len": "the size of an array is the `const N` that it was declared with",
    "delay": "the language has no delays; a lag is a state: `tau*der(y) = x - y`",
    "integrate": "an integral over time is a state: `der(total) = x`",
    "mean": "write `sum(x)/N`",
    "inner": "write `dot(x, y)`",
    "matvec": "write `matmul(A, x)`",
    "mtimes": "write `matmul(A, x)`",
    "cat": "arrays are put end to end by `join(a, b)`",
    "concat": "arrays are put end to end by `join(a, b)`",
    "concatenate": "arrays are put end to end by `join(a, b)`",
    "vcat": "arrays are put end to end by `join(a, b)`",
    "vertcat": "arrays are put end to end by `join(a, b)`",
    "hcat": "arrays are put end to end by `join(a, b)`",
    "append": "arrays are put end to end by `join(a, b)`",
    "norm": "write `sqrt(sum(x[i]^2 for i in 1..N))`",
}
