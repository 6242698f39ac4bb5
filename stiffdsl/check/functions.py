"""The built-in functions: how many arguments they take, and what they make of dimensions."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Builtin:
    """`rule` says what happens to dimensions:

    `pure`: a pure number in and out. `keep`: all alike, the same out. `sign`: all alike, a pure number out.
    `root`: half the dimension. `reduce`: elements alike, the same out. `product`: elements are multiplied.
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
    **{
        name: Builtin(1, 1, "pure")
        for name in (
            "sin",
            "cos",
            "tan",
            "asin",
            "acos",
            "atan",
            "sinh",
            "cosh",
            "tanh",
            "exp",
            "log",
            "log10",
        )
    },
    "sqrt": Builtin(1, 1, "root"),
    "abs": Builtin(1, 1, "keep"),
    "floor": Builtin(1, 1, "keep"),
    "ceil": Builtin(1, 1, "keep"),
    "sign": Builtin(1, 1, "sign"),
    "mod": Builtin(2, 2, "keep"),
    "atan2": Builtin(2, 2, "sign"),
    "smooth_step": Builtin(2, 2, "sign"),
    "min": Builtin(1, None, "keep"),
    "max": Builtin(1, None, "keep"),
    "sum": Builtin(1, 1, "reduce"),
    "prod": Builtin(1, 1, "product"),
}

# Forms that look like functions and belong to another place of a model.
ELSEWHERE = {"csv": "a `table` declaration"}
