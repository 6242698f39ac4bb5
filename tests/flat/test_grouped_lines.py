"""Lines of one shape are read as one statement: the model, and what is told of it, are those of line by line."""

import numpy as np
import pytest

from stiffdsl.diagnostics import ModelError, Source
from stiffdsl.pipeline import compile_model
from stiffdsl.syntax import grouped_lines
from tests.program.programs import arguments, interpreted

SIZE = 60


def _network(change: dict[int, str] | None = None) -> str:
    rng = np.random.default_rng(1)
    lines = ["model Network", "  const two = 2"]
    lines += ["  param k1 = 0.3 [1/s]", "  param k2 = 0.7 [1/s]", "  param k3 = 2 [1/s]"]
    lines += [f"  var S{i} start {i % 4}" for i in range(SIZE)]
    lines += [f"  param p{i} = 0.{i + 1} [1/s] in 0..{i + 1}" for i in range(SIZE)]
    lines += ["  var total", "equations", "  total = S1 + S2", "reactions"]
    for i in range(3 * SIZE):
        a, b, c = rng.integers(SIZE, size=3)
        k = rng.integers(1, 4)
        lines.append(
            (
                f"  S{a} + S{b} -> S{c} @ k{k}",
                f"  S{a} -> 2*S{b} @ {rng.integers(0, 4)}*p{i % SIZE}  # {i}",
                f"  S{a} -> S{c} @ p{i % SIZE}*{['two', 'time', 'S0', 'k1'][i % 4]}",
            )[i % 3]
        )
    for at, line in (change or {}).items():
        lines[at] = line
    return "\n".join([*lines, "end", ""])


def _equations(change: dict[int, str] | None = None) -> str:
    n = SIZE
    lines = ["model Rod", "  param a = 2", f"  var T[{n}] start 1", f"  var F[{n + 1}]", "  input u = 1"]
    lines += [f"  var x{i} start {i}.5e-1" for i in range(n)]
    lines += ["equations", "  F[1] = 0", f"  F[{n + 1}] = u"]
    lines += [f"  F[{i}] = a*(T[{i - 1}] - T[{i}])*{1 + i % 3}.0" for i in range(2, n + 1)]
    lines += [f"  der(T[{i}]) = F[{i}] - F[{i + 1}] + 0.0{i}*x{i - 1}^2" for i in range(1, n + 1)]
    lines += [f"  der(x{i}) = -{'x' if i % 2 else 'a*x'}{i}*T[1]" for i in range(n)]
    for at, line in (change or {}).items():
        lines[at] = line
    return "\n".join([*lines, "end", ""])


TEXTS = {"network": _network(), "equations": _equations()}


@pytest.mark.parametrize("case", TEXTS)
def test_lines_of_one_shape_mean_what_they_mean_one_by_one(case):
    source = Source("model.sml", TEXTS[case])
    assert grouped_lines.parse_grouped(source)[1]
    together = compile_model(source, stop_after="program")
    single = compile_model(source, stop_after="program", by_shape=False)
    a, b = together.system, single.system
    names = [[s.flat.variable_name(int(v)) for v in s.states] for s in (a, b)]
    assert sorted(names[0]) == sorted(names[1])
    given = arguments(single)
    at = {name: k for k, name in enumerate(names[1])}
    order = np.array([at[name] for name in names[0]])
    found, wanted = interpreted(together, {**given, "y": given["y"][order]}), interpreted(single, given)
    assert np.allclose(found["rhs"], wanted["rhs"][order], rtol=1e-12, atol=1e-12)
    assert len(a.flat.equations) < 20


@pytest.mark.parametrize("line", [70, 150, 160, 250])
@pytest.mark.parametrize(
    "text", ["  S1 -> S900 @ k1", "  S1 -> S2 @ k1*", "  S1 -> S2 @ 3 [m]", "  )", "  end"]
)
def test_a_wrong_line_among_many_gets_its_own_message(line, text):
    source = Source("model.sml", _network({line: text}))
    together = _told(source)
    assert together == _told(source, by_shape=False)


@pytest.mark.parametrize(
    "text", ["  F[7] = a*(T[99] - T[7])*2.0", "  F[7] = F[8]", "  F[7] = a*(T[6] - S)*2.0"]
)
def test_a_wrong_index_or_an_equation_too_many(text):
    source = Source("model.sml", _equations({75: text}))
    together = _told(source)
    assert together == _told(source, by_shape=False)


def test_a_line_that_goes_on_is_left_alone():
    lines = _equations().split("\n")
    lines[100:102] = ["  F[33] = a*(T[32] - T[33])*2.0", "    + 0*u", "  F[34] = 2*", "    u"]
    source = Source("model.sml", "\n".join(lines))
    together = _told(source)
    assert together == _told(source, by_shape=False)


def _told(source: Source, by_shape: bool = True) -> str:
    try:
        system = compile_model(source, stop_after="graph", by_shape=by_shape)
    except ModelError as error:
        return str(error)
    return f"{len(system.states)} states"


def test_every_equation_knows_its_line():
    system = compile_model(Source("model.sml", _equations()), stop_after="graph")
    lines = _equations().split("\n")
    flat = system.flat
    met = set()
    for family in flat.equations:
        for member in range(family.size):
            span = family.origin_of(member)
            met.add(span.line)
            assert "=" in lines[span.line - 1]
    assert len(met) == sum(f.size for f in flat.equations)
