"""The degree of the entries of a function in what moves: constant (0), affine (1), or anything else (2)."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from stiffdsl.program.ops import GATHERS, Op
from stiffdsl.program.program import Function

OTHER = 2


def degrees(function: Function, tables: Mapping[str, np.ndarray], arguments: Mapping[str, Any]) -> np.ndarray:
    """The degree of every entry of the result; `arguments`: that of each argument, a number or one for each entry."""
    found: list[np.ndarray] = []
    for op in function.ops:
        own = [found[a] for a in op.args]
        if op.name == "input":
            degree = np.asarray(arguments[op.data])
        elif op.name in ("number", "flag", "table"):
            degree = np.zeros((), dtype=int)
        else:
            degree = _degree(op, own, tables)
        found.append(np.broadcast_to(np.minimum(degree, OTHER), () if op.size is None else (op.size,)))
    return found[-1]


def _degree(op: Op, own: list[np.ndarray], tables: Mapping[str, np.ndarray]) -> Any:
    if op.name in GATHERS:
        (vector,) = own
        match op.name:
            case "element":
                return vector[op.data]
            case "slice":
                return vector[slice(*op.data)]
            case "take":
                return vector[tables[op.data]]
        return np.max(vector[tables[op.data]], axis=-1, initial=0)
    match op.name:
        case "add" | "sub" | "neg":
            return _most(own)
        case "mul":
            return own[0] + own[1]
        case "div":
            return np.where(own[1] == 0, own[0], _unless_constant(own))
        case "select":
            return np.where(own[0] == 0, _most(own[1:]), OTHER)
        case "full":
            return own[0]
        case "sum":
            return np.max(own[0], initial=0)
        case "stack":
            return np.array([int(a) for a in own])
        case "concatenate":
            return np.concatenate(own)
        case "place":
            whole, part = own
            first = op.data
            return np.concatenate([whole[:first], part, whole[first + len(part) :]])
    return _unless_constant(own)


def _most(own: list[np.ndarray]) -> np.ndarray:
    total = own[0]
    for other in own[1:]:
        total = np.maximum(total, other)
    return total


def _unless_constant(own: list[np.ndarray]) -> Any:
    """Constant where all is, entry by entry or, of operations on whole vectors, throughout."""
    constant = all(bool(np.all(a == 0)) for a in own)
    return 0 if constant else OTHER
