"""One program, three ways to run it: the interpreter, its text over NumPy, its text over JAX."""

import jax
import numpy as np
import pytest

from stiffdsl.runtime.emit import functions, numpy_functions

from .programs import FILES, LABELS, arguments, called, close, dense, interpreted, program


@pytest.mark.parametrize("file", FILES, ids=LABELS)
def test_every_way_to_run_a_model_agrees(file):
    p = program(file)
    given = arguments(p)
    expected = interpreted(p, given)
    with np.errstate(all="ignore"):
        over_numpy = called(p, numpy_functions(p), given)
    emitted = functions(p)
    over_jax, jacobian = jax.jit(
        lambda g: (called(p, emitted, g), jax.jacfwd(_rhs_of_y(emitted, g))(g["y"]))
    )(given)
    for name, value in expected.items():
        assert value.ndim == 1, name
        assert np.array_equal(value, over_numpy[name], equal_nan=True), name
        assert value.shape == over_jax[name].shape, name
        assert close(value, np.asarray(over_jax[name])), name
    assert close(np.asarray(jacobian), dense(p, expected["jacobian"]))


@pytest.mark.parametrize("file", FILES, ids=LABELS)
def test_shapes_are_those_of_the_contract(file):
    p = program(file)
    found = interpreted(p, arguments(p))
    flat = p.system.flat
    assert len(found["rhs"]) == p.size
    assert len(found["jacobian"]) == len(p.rows) == len(p.columns)
    assert len(found["parameters"]) == sum(b.size for b in flat.parameters)
    assert len(found["input_defaults"]) == sum(b.size for b in flat.inputs)
    for name in ("variables", "derivatives", "start", "guess"):
        assert len(found[name]) == flat.size, name
    assert len(found["initial_jacobian"]) == len(p.initial_rows) == len(p.initial_columns)
    order = np.lexsort((p.columns, p.rows))
    assert np.array_equal(order, np.arange(len(order))), "row by row"
    states = p.system.states
    assert np.array_equal(found["derivatives"][states], found["rhs"][: len(states)])


def _rhs_of_y(emitted, given):
    return lambda y: emitted.rhs(given["t"], y, given["p"], given["u"])
