"""A state that a conserved quantity gives takes the values that it had as a state."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stiffdsl as sd

TANKS = """
model Tanks
  param C1 = 3
  param C2 = 5
  param k = 0.3
  var A start 1
  var B start 2*k
  var C start 0
  var T1 [degC] start 30
  var T2 [degC] start 20
  output mean = (T1 + T2)/2
equations
  der(A) = -k*A*C
  der(B) = k*A*C - 2*B
  der(C) = 2*B
  C1*der(T1) = 2*(T2 - T1)
  der(T2) = 2*(T1 - T2)/C2
experiment
  time 0..3, rtol 1e-9, atol 1e-11
end
"""


@pytest.fixture(scope="module")
def models():
    return sd.loads(TANKS), sd.loads(TANKS, eliminate_conserved=True)


def test_conserved_quantities_are_told_in_the_names_of_the_model(models):
    full, reduced = models
    assert list(full.conserved) == ["A + B + C", "C1*T1 + C2*T2"] == list(reduced.conserved)
    assert len(full.states) == 5
    assert len(reduced.states) == 3
    assert reduced.parameters.names == ["C1", "C2", "k"]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"params": {"k": 0.7, "C1": 9.0}},
        {"initial": {"C": 0.4, "T2": 45.0}},
        {"initial": {"A": 3.0, "T1": 0.0}, "params": {"C2": 1.0}},
    ],
)
def test_solutions_are_the_same(models, given):
    full, reduced = (m.simulate(saveat=np.linspace(0, 3, 7), **given) for m in models)
    for name in (*full.names, "der(A)", "der(C)", "der(T2)"):
        np.testing.assert_allclose(reduced[name], full[name], rtol=1e-6, atol=1e-6)


def test_derivatives_are_the_same(models):
    def end(model):
        solve = model.solver(saveat=[3.0], outputs=("A", "C", "T2"))
        return jax.jacfwd(lambda k, c: solve({"k": k}, initial={"C": c})[-1], argnums=(0, 1))(0.4, 0.2)

    np.testing.assert_allclose(end(models[0]), end(models[1]), rtol=1e-5, atol=1e-6)


def test_a_total_that_initial_equations_decide_keeps_its_states():
    text = "model M\n var A\n var B start 1\nequations\n der(A) = -A + B\n der(B) = A - B\ninitial\n A + 2*B = 5\n"
    model = sd.loads(text + "experiment\n time 0..1\nend\n", eliminate_conserved=True)
    assert model.conserved == ["A + B"]
    assert len(model.states) == 2


@st.composite
def networks(draw):
    species = draw(st.integers(2, 6))
    names = [f"s{k}" for k in range(species)]
    lines = [f" var {n} start {draw(st.integers(0, 4))}" for n in names]
    side = st.lists(st.sampled_from(names), min_size=1, max_size=2)
    steps = [f" {a} + {b} -> 2*{a} @ 0.8" for a, b in zip(names, [*names[1:], names[0]], strict=True)]
    for k in range(draw(st.integers(1, 6))):
        before, after = draw(side), draw(side)
        steps.append(f" {' + '.join(before)} -> {' + '.join(after)} @ {0.1 + 0.37 * k}")
    return "\n".join(["model M", *lines, "reactions", *steps, "experiment", " time 0..1", "end", ""])


@settings(max_examples=8)
@given(networks(), st.integers(0, 2**32 - 1))
def test_random_networks_keep_their_derivatives(text, seed):
    """f and its Jacobian of the smaller system are those of the larger one on its manifold."""
    full, reduced = sd.loads(text), sd.loads(text, eliminate_conserved=True)
    names, kept = full.states.names, reduced.states.names
    y = np.random.default_rng(seed).uniform(0.5, 2.0, len(kept))
    args = reduced.args()
    whole = np.asarray(reduced.interpreted.variables(0.0, y, np.asarray(args.p), args.inputs.table([0.0])[0]))
    large = np.array([whole[full.variable_names.find(n).scalars] for n in names])
    place = [names.index(n) for n in kept]
    f = np.asarray(full.interpreted.rhs(0.0, large, np.asarray(full.default_parameters), np.zeros(0)))
    np.testing.assert_allclose(
        reduced.interpreted.rhs(0.0, y, np.asarray(args.p), np.zeros(0)), f[place], rtol=1e-9, atol=1e-9
    )
    pattern = reduced.jacobian_pattern
    matrix = np.zeros(pattern.shape)
    matrix[pattern.row, pattern.col] = reduced.jacobian(0.0, y)
    np.testing.assert_allclose(jax.jacfwd(lambda y: reduced.rhs(0.0, y))(y), matrix, rtol=1e-9, atol=1e-9)
