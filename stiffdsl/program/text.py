"""The program as Python text over `xp`, which is `numpy` or `jax.numpy`, and a few helpers.

One text serves three uses: it is run in memory, printed by `show`, and written into the module of `compile
-o`. A value that the model names has a line of its own; what is used once stands where it is used.

    k1 = p[0]
    A = y[0]
    # der(A) = -k1*A + k3*B*C
    der_A = k3*B*C - k1*A
"""

import keyword
import re
from itertools import pairwise

import numpy as np

from stiffdsl.program.operations import OPERATIONS
from stiffdsl.program.ops import Op, divided_by
from stiffdsl.program.program import Function

# Functions that the text calls beside `xp`; `runtime/export/array_library.py` defines them.
HELPERS = ("take", "take_sum", "stack", "place", "root_of", "power_of", "arcsine", "arccosine", "angle_of")
HELPERS += (
    "locate",
    "fetch",
    "scatter",
    "matmul",
    "outer",
    "split",
    "bounded_exp",
    "bounded_sinh",
    "bounded_cosh",
)

_CHANGING = ("t", "y", "u", "side")
# Precedence of text. `-a*b` is `-(a*b)` to the last bit; `a*(-b)` keeps its brackets.
_SIGN, _ATOM = 1.5, 9
# An expression longer than this gives up a part of itself to a line of its own.
_LONG = 80
_WIDTH = 110
# Functions with the equations as comments beside the text; once each is enough for a reader.
_NOTED = ("rhs",)


def write(function: Function, tables: dict[str, np.ndarray], name: str | None = None) -> str:
    """The text of one function, called `name` where that is given. Tables are global names.

    Inputs may be left out where nothing follows them that may not: they are `input_defaults(p)` then.
    """
    return _Writer(function, tables).write(name or function.name)


def identifier(text: str) -> str:
    """The name of a scalar or a block as a Python name: `rooms[3].T` is `rooms_3_T`, `der(x)` is `der_x`."""
    name = re.sub(r"\W+", "_", text).strip("_")
    return f"_{name}" if not name or name[0].isdigit() else name


class _Writer:
    """Lines of one function. `pieces[k]` is the text of operation k and how tightly it holds together."""

    def __init__(self, function: Function, tables: dict[str, np.ndarray]):
        self.function, self.tables = function, tables
        self.lines: list[str] = []
        self.pieces: list[tuple[str, float]] = []
        self.taken = {"xp", "input_defaults", *HELPERS, *function.arguments, *tables, *keyword.kwlist}
        self.unnamed = 0
        self.last_note = ""
        self.uses = np.zeros(len(function.ops), dtype=np.int64)
        self.bounded = divided_by(function.ops)
        self.changes: list[bool] = []
        for op in function.ops:
            np.add.at(self.uses, list(op.args), 1)
            own = op.name == "input" and op.data in _CHANGING
            self.changes.append(own or any(self.changes[a] for a in op.args))
        self.parts = _parts(function)

    def write(self, name: str) -> str:
        ops = self.function.ops
        optional = self._optional()
        if "u" in optional and any(op.name == "input" and op.data == "u" for op in ops):
            self.lines.append("u = input_defaults(p) if u is None else u")
        for op in ops if "side" in optional else ():
            if op.name == "input" and op.data == "side":
                self.lines.append(f"side = xp.full({op.size}, t) if side is None else side")
        if self.parts:
            # Parts taken one by one would each have a derivative as long as p.
            split = self._fresh("parts")
            self.parts = {place: f"{split}[{k}]" for k, place in enumerate(self.parts)}
            sizes = ", ".join(str(stop - start) for start, stop in self.parts)
            self.lines += _wrapped(f"{split} = ", f"split(p, [{sizes}])")
        for k, op in enumerate(ops):
            piece = self._piece(k, op)
            self.pieces.append(piece)
            if k == len(ops) - 1:
                self.lines += _wrapped("return ", piece[0])
            elif self._is_worth_a_line(k, op):
                self._own_line(k)
        signature = ", ".join(a + optional.get(a, "") for a in self.function.arguments)
        head = f'def {name}({signature}):\n    """{self.function.doc}"""\n'
        return head + "".join(f"    {line}\n" for line in self.lines)

    def _optional(self) -> dict[str, str]:
        """Defaults of the last arguments."""
        found = {}
        for argument in reversed(self.function.arguments[1:]):
            if argument not in ("u", "t") and (argument, self.function.arguments[0]) != ("side", "t"):
                break
            found[argument] = "=0.0" if argument == "t" else "=None"
        return found

    def _is_worth_a_line(self, k: int, op: Op) -> bool:
        if op.name in ("input", "number", "flag", "table"):
            return False
        if op.name in ("element", "slice") and self.function.ops[op.args[0]].name != "input":
            return bool(self.uses[k] > 1)
        return k in self.function.labels or bool(self.uses[k] > 1)

    def _own_line(self, k: int) -> None:
        """Gives operation k a name and a line, below the equation that it solves."""
        name = self._name(k)
        note = self.function.notes.get(k, "") if self.function.name in _NOTED else ""
        if note and note != self.last_note:
            self.lines.append(f"# {note}" if len(note) <= _LONG else f"# {note[:_LONG]} …")
            self.last_note = note
        self.lines += _wrapped(f"{name} = ", self.pieces[k][0])
        self.pieces[k] = (name, _ATOM)

    def _name(self, k: int) -> str:
        if k in self.function.labels:
            stem = name = identifier(self.function.labels[k])
            count = 1
            while name in self.taken:
                count += 1
                name = f"{stem}_{count}"
        else:
            name = ""
            while not name or name in self.taken:
                self.unnamed += 1
                name = f"v{self.unnamed}"
        self.taken.add(name)
        return name

    def _piece(self, k: int, op: Op) -> tuple[str, float]:
        piece = self._composed(k, op)
        while len(piece[0]) > _LONG and op.name not in ("stack", "concatenate"):
            longest = max(op.args, key=lambda a: len(self.pieces[a][0]))
            if len(self.pieces[longest][0]) < _LONG / 4 or self.pieces[longest][0].isidentifier():
                break
            self._own_line(longest)
            piece = self._composed(k, op)
        return piece

    def _composed(self, k: int, op: Op) -> tuple[str, float]:
        args = [self.pieces[a] for a in op.args]
        texts = [a[0] for a in args]
        match op.name:
            case "input":
                return op.data, _ATOM
            case "number":
                return _number(op.data)
            case "flag":
                return repr(op.data), _ATOM
            case "table":
                return (op.data if len(self.tables[op.data]) else "xp.zeros(0)"), _ATOM
            case "element" if (part := self._part(op)) is not None:
                return part, _ATOM
            case "slice" if (part := self._part(op)) is not None:
                return part, _ATOM
            case "element":
                return f"{_held(args[0], _ATOM)}[{op.data}]", _ATOM
            case "slice":
                start, stop, step = op.data
                stride = "" if step == 1 else f":{step}"
                return f"{_held(args[0], _ATOM)}[{start or ''}:{stop}{stride}]", _ATOM
            case "take" | "take_sum":
                return f"{op.name}({texts[0]}, {op.data})", _ATOM
            case "sum":
                return f"xp.sum({texts[0]}, keepdims=True)", _ATOM
            case "full":
                return f"xp.full({op.size}, {texts[0]})", _ATOM
            case "stack":
                return f"stack([{', '.join(texts)}])", _ATOM
            case "concatenate":
                return f"xp.concatenate([{', '.join(texts)}])", _ATOM
            case "place":
                return f"place({texts[0]}, {op.data}, {texts[1]})", _ATOM
            case "locate" | "fetch":
                return f"{op.name}({texts[0]}, {texts[1]}, {', '.join(map(str, op.data))})", _ATOM
            case "scatter":
                return f"scatter({texts[0]}, {texts[1]}, {op.size}, {', '.join(map(str, op.data))})", _ATOM
            case "matmul" | "outer":
                return f"{op.name}({texts[0]}, {texts[1]}, {', '.join(map(str, op.data))})", _ATOM
            case "relu":
                return f"xp.maximum({texts[0]}, 0.0)", _ATOM
            case "neg":
                return f"-{_held(args[0], _SIGN)}", _SIGN
            case name if (infix := OPERATIONS[name].infix) is not None:
                pattern, strength = infix
                left, right = _held(args[0], min(strength, _SIGN)), _held(args[1], strength + 0.6)
                return pattern.format(left, right), strength
            case name:
                operation = OPERATIONS[name]
                called = f"xp.{operation.meaning.__name__}"
                if any(self.changes[a] for a in op.args) and not self._smooth(op):
                    called = (
                        f"bounded_{name}" if k in self.bounded else operation.at_singular_points or called
                    )
                return f"{called}({', '.join(texts)})", _ATOM

    def _part(self, op: Op) -> str | None:
        """An entry of p, or a whole part of it, where p is split."""
        source = self.function.ops[op.args[0]]
        if not self.parts or source.name != "input" or source.data != "p":
            return None
        if op.name == "slice":
            return self.parts.get(op.data[:2]) if op.data[2] == 1 else None
        name, start = next((n, a) for (a, b), n in self.parts.items() if a <= op.data < b)
        return f"{name}[{op.data - start}]"

    def _fresh(self, name: str) -> str:
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def _smooth(self, op: Op) -> bool:
        """A power whose slope, and that of its slope, is finite at zero."""
        exponent = self.function.ops[op.args[-1]]
        return op.name == "pow" and exponent.name == "number" and exponent.data >= 2


def _parts(function: Function) -> dict[tuple[int, int], str]:
    """The parts that p is split into for the matrices of networks, from where to where; none where it has none."""
    ops = function.ops
    read = {a for op in ops if op.name in ("matmul", "add", "mul") for a in op.args if ops[a].name == "slice"}
    wanted = {
        ops[k].data[:2]
        for k in read
        if ops[k].data[2] == 1 and (ops[ops[k].args[0]].name, ops[ops[k].args[0]].data) == ("input", "p")
    }
    ordered = sorted(wanted)
    if not any(op.name == "matmul" for op in ops) or any(a[1] > b[0] for a, b in pairwise(ordered)):
        return {}
    size = next((op.size or 0 for op in ops if op.name == "input" and op.data == "p"), 0)
    ends = sorted({0, size, *(end for part in ordered for end in part)})
    return dict.fromkeys(pairwise(ends), "")


def _held(piece: tuple[str, float], strength: float) -> str:
    """The text of an operand, in brackets where it would fall apart."""
    return piece[0] if piece[1] >= strength else f"({piece[0]})"


def _number(value: float) -> tuple[str, float]:
    if np.isnan(value):
        return "xp.nan", _ATOM
    text = repr(abs(value)) if np.isfinite(value) else "xp.inf"
    return (f"-{text}", _SIGN) if np.signbit(value) else (text, _ATOM)


def _wrapped(head: str, text: str) -> list[str]:
    """`head + text`, a list of many items over several lines."""
    line = head + text
    found = re.match(r"(\w+(?:\.\w+)*)\(\[(.*)\]\)$", text)
    if len(line) <= _WIDTH - 4 or not found:
        return [line]
    lines, row = [f"{head}{found[1]}(["], ""
    for item in _items(found[2]):
        if row and len(row) + len(item) > _WIDTH - 12:
            lines.append(f"    {row.rstrip()}")
            row = ""
        row += f"{item}, "
    return [*lines, f"    {row.rstrip()}", "])"]


def _items(text: str) -> list[str]:
    """The items of a list, split at the commas outside all brackets."""
    items, depth, start = [], 0, 0
    for k, character in enumerate(text):
        if character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "," and not depth:
            items.append(text[start:k])
            start = k + 2
    return [*items, text[start:]]
