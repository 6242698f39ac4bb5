"""Whatever the system: assignments use earlier targets, and every equation that is not a residual holds."""

from dataclasses import replace

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stiffdsl.diagnostics import ModelError
from stiffdsl.flat.model import Sum, slot
from stiffdsl.graph import sort

from .build import family, flat_model, model, variables
from .evaluate import run, unsatisfied


@st.composite
def texts(draw):
    """A structurally regular system: equation k holds its own unknown, and some others in any form."""
    size = draw(st.integers(1, 9))
    states = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    lines = [f"var v{k} start 1" for k in range(size)] + ["param p = 1.5", "input u"]
    unknowns = [f"der(v{k})" if states[k] else f"v{k}" for k in range(size)]
    terms = ["{0}", "-{0}", "2*{0}", "p*{0}"]
    if draw(st.booleans()):
        terms += ["{0}*{1}", "{0}^3", "cos({0})", "time*{0}", "u*{0}"]
    equations = []
    for k in range(size):
        own = draw(st.sampled_from(terms)).format(unknowns[k], f"v{draw(st.integers(0, size - 1))}")
        parts = [own]
        for _ in range(draw(st.integers(0, 3))):
            a, b = draw(st.integers(0, size - 1)), draw(st.integers(0, size - 1))
            name = draw(st.sampled_from([unknowns[a], f"v{a}"]))
            parts.append(draw(st.sampled_from(terms)).format(name, f"v{b}"))
        equations.append(" + ".join(parts) + f" = {draw(st.integers(0, 3))}")
    return "\n".join(lines + draw(st.permutations(equations)))


@settings(max_examples=100)
@given(texts(), st.integers(0, 2**32 - 1))
def test_assignments_satisfy_their_equations(text, seed):
    try:
        system = sort(model(text))
    except ModelError:
        # Cancelling terms (`v0 - v0`) may take an unknown away: then there is a message, never another
        # exception.
        assume(False)
        return
    assert sum(f.size for f in system.residuals) == len(system.implicit)
    y = np.random.default_rng(seed).normal(size=system.size)
    with np.errstate(all="ignore"):
        values = run(system, y, [1.5], [0.8])
        size = max(np.nanmax(np.abs(values.of["var"])), np.nanmax(np.abs(np.nan_to_num(values.of["der"]))))
        assume(np.isfinite(size) and size < 1e3)
        assert unsatisfied(system, values, 1e-8 * (1 + size**3)) <= len(system.implicit)


@settings(max_examples=60)
@given(st.integers(2, 30), st.integers(0, 2**32 - 1))
def test_random_linear_networks_of_families(n, seed):
    """Families with sums, matched in any way: every equation but the residuals holds."""
    rng = np.random.default_rng(seed)
    m = int(rng.integers(1, 3 * n))
    blocks = variables(("x", n), ("f", m), ("s", n))
    tail, head = rng.integers(0, n, m), rng.integers(0, n, m)
    f = n + np.arange(m)
    owner = np.concatenate([tail, head, np.arange(n)])
    order = np.argsort(owner, kind="stable")
    column = np.concatenate([f, f, n + m + np.arange(n)])
    sign = np.concatenate([np.zeros(m, int), np.full(m, 2), np.full(n, 2)])
    balance = Sum(slot(0) * slot(1), ("const", "var"), np.column_stack([sign, column])[order], owner[order])
    dynamic = rng.random() < 0.5
    equations = (
        family("f - p*(a - b)", f=("var", f), p=("param", [0]), a=("var", tail), b=("var", head)),
        family("g0 - d", sums=(balance,), d=("der", np.arange(n)))
        if dynamic
        else family("g0 - x", sums=(balance,), x=("var", np.arange(n))),
        family("s - 3*x - 1", s=("var", n + m + np.arange(n)), x=("var", np.arange(n))),
    )
    parameters = [replace(block, kind="param") for block in variables(("p", 1))]
    system = sort(flat_model(blocks, equations, parameters=parameters))
    y = rng.normal(size=system.size)
    values = run(system, y, [1.25])
    size = 1 + np.max(np.abs(values.of["var"]))
    assert unsatisfied(system, values, 1e-8 * size) <= len(system.implicit)
