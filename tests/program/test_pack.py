"""Long programs over numbers, packed into vectors for XLA."""

import jax
import numpy as np

from stiffdsl.model import CompiledModel
from stiffdsl.program.pack import packed
from stiffdsl.runtime.emit import functions
from stiffdsl.runtime.export.python_module import write

from .programs import EVERY_PROGRAM, arguments, called, close, interpreted, of_text


def unlike(n: int) -> str:
    """A model of n equations of which no two are alike."""
    functions = ("sin", "cos", "tanh", "exp")
    lines = ["model Unlike", *(f"  param p{k} = {0.1 + k / n}" for k in range(n))]
    lines += [*(f"  var x{k} start {0.1 + k / n}" for k in range(n)), "equations"]
    for k in range(n):
        a, b, c = (f"x{(k * m + m) % n}" for m in (3, 5, 7))
        f = functions[k % 4]
        terms = [f"p{k}*{f}(-{a})*{b}^{1 + k % 3}", f"max({b}, {c})/(1 + {a}^2)", f"{k + 2}*{c}/({c} + p{k})"]
        terms += [
            "*".join([a] * (1 + k % 5)),
            f"noevent(if {a} > {b} and not {c} < 0.3 then {a} else {c}*{b})",
        ]
        lines.append(
            f"  der(x{k}) = -x{k} + "
            + " - ".join(terms[: 2 + k % 4])
            + f" + {'sin(' * (k // 8)}x0{')' * (k // 8)}"
        )
    return "\n".join([*lines, "end"])


@EVERY_PROGRAM
def test_packed_models_mean_the_same(make):
    p = make()
    given = arguments(p)
    expected = interpreted(p, given)
    short = packed(p, most=0)
    # Networks have vectors of their own.
    assert short is not p or not p.scalar or any(op.name == "matmul" for f in p.functions for op in f.ops)
    for name, value in interpreted(short, given).items():
        assert close(expected[name], value, 1e-13), name


def test_a_large_model_of_unlike_equations_is_a_short_program():
    p = of_text(unlike(84))
    assert p.scalar
    short = packed(p)
    given = arguments(p)
    assert p.by_name["jacobian"].operations > 1_500
    assert short.by_name["jacobian"].operations < 400
    emitted = functions(p)
    values, slope = jax.jit(lambda g: (called(short, emitted, g), jax.jacrev(_rhs(emitted, g))(g["y"])))(
        given
    )
    expected = interpreted(p, given)
    for name, value in expected.items():
        assert close(value, np.asarray(values[name])), name
    jacobian = np.zeros((p.size, p.size))
    jacobian[p.rows, p.columns] = expected["jacobian"]
    assert close(np.asarray(slope), jacobian)


def test_the_written_module_is_packed_as_well(tmp_path):
    p = of_text(unlike(84))
    path = write(CompiledModel(p), tmp_path)
    space: dict = {"__file__": str(path)}
    exec(path.read_text(), space)
    given = arguments(p)
    point = (given["t"], given["y"], given["p"])
    ours = jax.jit(functions(p).rhs)(*point, given["u"])
    assert np.array_equal(ours, jax.jit(space["rhs"])(*point))
    assert len(path.read_text().splitlines()) < 1_500


def _rhs(emitted, given):
    return lambda y: emitted.rhs(given["t"], y, given["p"], given["u"])
