"""For named outputs, what they do not depend on is not computed; what is computed keeps its values."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stiffdsl as sd
from stiffdsl.runtime.output_slice import names_of, output_slice

MODEL = """
model M
  param k = 0.3
  var A start 1
  var B start 2
  var C start 0
  var D start 0
  var q
  var z guess 1
equations
  der(A) = -k*A
  der(B) = k*A - q
  q = B*(B + A)
  der(C) = z
  z + 0.1*z^3 + sin(z) = B
  der(D) = C + q
experiment
  time 0..5, rtol 1e-9, atol 1e-10
end
"""


@pytest.fixture(scope="module")
def model():
    return sd.loads(MODEL)


@pytest.mark.parametrize(
    ("outputs", "left"),
    [("A", ["A"]), ("q", ["A", "B"]), ("z", ["A", "B", "z"]), ("D", ["A", "B", "C", "D", "z"])],
)
def test_only_what_an_output_depends_on_is_left(model, outputs, left):
    assert output_slice(model, (outputs,)).model.states.names == left
    start = {"C": 0.1, "B": 1.5}
    whole = model.simulate(points=5, initial=start)
    part = model.simulate(points=5, initial=start, outputs=[outputs])
    assert part.names == [outputs]
    np.testing.assert_allclose(part[outputs], whole[outputs], rtol=1e-7, atol=1e-8)
    solve = model.solver(saveat=whole.t, outputs=(outputs,))
    np.testing.assert_allclose(solve(initial=start)[:, 0], whole[outputs], rtol=1e-7, atol=1e-8)


def test_what_was_not_asked_for_is_an_error_that_says_so(model):
    part = model.simulate(points=3, outputs=("A",))
    with pytest.raises(KeyError, match="`B` was not computed"):
        part["B"]
    with pytest.raises(KeyError, match="did you mean"):
        model.simulate(points=3, outputs=("AA",))


def test_ensembles_and_derivatives_are_those_of_the_part(model):
    batch = model.ensemble({"k": np.array([0.1, 0.2])}, saveat=[1.0], outputs=("A",))
    np.testing.assert_allclose(batch["A"][:, 0], np.exp([-0.1, -0.2]), rtol=1e-8)
    solve = model.solver(saveat=[1.0], outputs=("A",))
    assert jax.grad(lambda k: solve({"k": k})[0, 0])(0.1) == pytest.approx(-np.exp(-0.1), rel=1e-7)


@st.composite
def systems(draw):
    """States, computed variables and implicit unknowns that mention one another at random, none in a loop."""
    size = draw(st.integers(2, 7))
    lines, equations, earlier = [], [], []
    for k in range(size):
        kind = draw(st.sampled_from(("state", "computed", "implicit")))
        others = [draw(st.sampled_from(earlier)) for _ in range(draw(st.integers(0, 2)))] if earlier else []
        rest = " + ".join(["0.3", *(f"sin({o})" for o in others)])
        if kind == "state":
            lines.append(f" var v{k} start {0.1 * k}")
            equations.append(f" der(v{k}) = {rest} - v{k}")
        elif kind == "computed":
            lines.append(f" var v{k}")
            equations.append(f" v{k} = {rest}")
        else:
            lines.append(f" var v{k} guess 0.1")
            equations.append(f" v{k} + 0.2*sin(v{k}) = {rest}")
        earlier.append(f"v{k}")
    lines.append(" var last start 0")
    equations.append(f" der(last) = {earlier[-1]} - last")
    return "\n".join(["model M", *lines, "equations", *equations, "experiment", " time 0..1", "end", ""])


@settings(max_examples=8)
@given(systems(), st.integers(0, 2**32 - 1))
def test_f_and_jacobian_of_the_part_are_those_of_the_whole(text, seed):
    model = sd.loads(text)
    rng = np.random.default_rng(seed)
    output = rng.choice(model.variables.names)
    found = output_slice(model, (str(output),))
    y, p = rng.normal(size=model.program.size), np.asarray(model.default_parameters)
    f, part = model.interpreted.rhs(0.0, y, p, np.zeros(0)), y[found.kept]
    np.testing.assert_allclose(
        found.model.interpreted.rhs(0.0, part, p, np.zeros(0)), f[found.kept], atol=1e-12
    )
    whole, small = (m.jacobian_pattern.toarray() * 0.0 for m in (model, found.model))
    whole[model.program.rows, model.program.columns] = model.interpreted.jacobian(0.0, y, p, np.zeros(0))
    pattern = found.model.program
    small[pattern.rows, pattern.columns] = found.model.interpreted.jacobian(0.0, part, p, np.zeros(0))
    np.testing.assert_allclose(small, whole[np.ix_(found.kept, found.kept)], atol=1e-12)
    # Nothing that stays depends on what is gone.
    gone = np.setdiff1d(np.arange(len(y)), found.kept)
    assert not np.any(whole[np.ix_(found.kept, gone)])
    value = model.interpreted.variables(0.0, y, p, np.zeros(0))
    at = model.variable_names.find(str(output)).scalars
    np.testing.assert_allclose(
        found.model.interpreted.variables(0.0, part, p, np.zeros(0))[at], value[at], atol=1e-12
    )


def test_outputs_are_names_in_any_sequence():
    assert names_of(np.array(["a", "b"])) == ("a", "b")
    assert names_of(np.array("a")) == ("a",)
    for value in (np.array(0.5), np.array([0.5]), 3):
        with pytest.raises(TypeError, match="`outputs` takes a list of names"):
            names_of(value)
