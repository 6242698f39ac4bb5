"""Conserved quantities are found, in the names of the model, and nothing else is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stiffdsl.diagnostics import Source
from stiffdsl.graph.conservation.conserved import conserved
from stiffdsl.graph.conservation.nullspace import left_null_space
from stiffdsl.pipeline import compile_model


def texts(body: str) -> list[str]:
    return conserved(compile_model(Source("test.sml", body), stop_after="graph").flat).texts


def test_moieties_of_a_network():
    """Michaelis-Menten: enzyme and substrate, free and bound."""
    body = "model M\n var E start 1\n var S start 1\n var ES start 0\n var P start 0\nreactions\n"
    body += " E + S <-> ES @ 2, 3\n ES -> E + P @ 4\nend\n"
    assert texts(body) == ["E + ES", "S + ES + P"]


def test_capacities_may_be_parameters():
    body = "model M\n param C1 = 2\n param C2 = 3\n param G = 1\n var T1 start 1\n var T2 start 0\n var q\n"
    body += "equations\n q = G*(T1 - T2)\n C1*der(T1) = -q\n der(T2) = q/C2\nend\n"
    assert texts(body) == ["C1*T1 + C2*T2"]


def test_nonlinear_flows_cancel_through_components():
    """Three tanks in a closed loop of pipes: the volume is the sum of area times level."""
    body = "model M\n const N = 3\n param A[N] = 2\n param k = 0.1\n var h[N] start 1\n var q[N]\nequations\n"
    body += " for i in 1..N-1\n  q[i] = k*(h[i] - h[i+1])*abs(h[i] - h[i+1])\n end\n q[N] = k*(h[N] - h[1])\n"
    body += " for i in 2..N\n  A[i]*der(h[i]) = q[i-1] - q[i]\n end\n A[1]*der(h[1]) = q[N] - q[1]\nend\n"
    assert texts(body) == ["A[1]*h[1] + A[2]*h[2] + A[3]*h[3]"]


@pytest.mark.parametrize("leak", ["0.1*y", "0.1", "sin(time)", "0.1*u"])
def test_what_leaks_is_not_conserved(leak):
    body = "model M\n input u = 0\n var x start 1\n var y start 0\nequations\n"
    body += f" der(x) = -x\n der(y) = x - {leak}\nend\n"
    assert texts(body) == []


@settings(max_examples=60)
@given(st.integers(2, 12), st.integers(1, 25), st.integers(0, 2**32 - 1))
def test_random_networks_have_the_null_space_of_their_stoichiometry(species, reactions, seed):
    rng = np.random.default_rng(seed)
    left, right = rng.multinomial(1, np.full(species, 1 / species), (2, reactions)) + (
        rng.random((2, reactions, species)) < 0.15
    )
    entries = (right - left).T
    row, column = np.nonzero(entries)
    space = left_null_space(species, row, column, entries[row, column])
    vectors = np.zeros((len(space), species), dtype=np.int64)
    for k in range(len(space)):
        mine = slice(space.start[k], space.start[k + 1])
        vectors[k, space.row[mine]] = space.value[mine]
    assert space.complete
    assert not np.any(vectors @ entries)
    assert len(space) == species - np.linalg.matrix_rank(entries.astype(float))
    assert len(space) == 0 or np.linalg.matrix_rank(vectors.astype(float)) == len(space)
    if not np.all(np.bincount(np.nonzero((left + right).T)[0], minlength=species)):
        return  # a species of no reaction is an author's mistake
    # In the language: the same number, since the rates are unlike one another.
    lines = [f" var s{k} start 1" for k in range(species)]
    steps = []
    for k in range(reactions):
        sides = (" + ".join(f"{n}*s{i}" for i, n in enumerate(side[k]) if n) for side in (left, right))
        before, after = sides
        steps.append(f" {before} -> {after} @ k[{k + 1}]")
    body = "\n".join(["model M", f" param k[{reactions}] = 1", *lines, "reactions", *steps, "end", ""])
    system = compile_model(Source("test.sml", body), stop_after="graph")
    found = conserved(system.flat)
    moving = np.unique(row)
    assert len(found) >= len(moving) - np.linalg.matrix_rank(entries.astype(float))
    for quantity in found.quantities:
        if any(factor != 1 for factor, _, _ in quantity.factors):
            continue  # two products of one substance, each divided by its rate
        weights = np.zeros(species)
        np.add.at(weights, quantity.states, quantity.numbers)
        assert not np.any(weights @ entries)
