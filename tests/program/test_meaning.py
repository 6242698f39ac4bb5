"""One program, three ways to run it; its Jacobians against JAX; the shapes of the contract."""

import jax
import numpy as np

from stiffdsl.runtime.emit import functions, numpy_functions

from .programs import EVERY_PROGRAM, arguments, called, close, interpreted


@EVERY_PROGRAM
def test_every_way_to_run_a_model_agrees(make):
    p = make()
    given = arguments(p)
    expected = interpreted(p, given)
    with np.errstate(all="ignore"):
        over_numpy = called(p, numpy_functions(p), given)
    emitted = functions(p)
    over_jax, slopes = jax.jit(lambda g: (called(p, emitted, g), _slopes(p, emitted, g)))(given)
    for name, value in expected.items():
        assert value.ndim == 1, name
        assert np.array_equal(value, over_numpy[name], equal_nan=True), name
        assert value.shape == over_jax[name].shape, name
        assert close(value, np.asarray(over_jax[name])), name
    free = p.system.initial.free
    for name, slope, rows, columns in (
        ("jacobian", slopes["rhs"], p.rows, p.columns),
        ("initial_jacobian", slopes["initial_residual"][:, free], p.initial_rows, p.initial_columns),
        ("invariants_jacobian", slopes.get("invariants"), p.invariant_rows, p.invariant_columns),
    ):
        if slope is not None:
            analytic = np.zeros(slope.shape)
            analytic[rows, columns] = expected[name]
            assert close(np.asarray(slope), analytic), name
            # Nothing is in the pattern that is zero by structure; a zero may stand there by its value.
            assert np.mean(expected[name] != 0) >= 0.5 if len(rows) else True, name


def _slopes(p, emitted, given):
    """Full derivatives by y of what has an analytic Jacobian, by JAX."""
    names = [n for n in ("rhs", "initial_residual", "invariants") if n in p.by_name]

    def at(name):
        arguments = p.by_name[name].arguments
        return lambda y: getattr(emitted, name)(*((given | {"y": y})[a] for a in arguments))

    return {name: jax.jacfwd(at(name))(given["y"]) for name in names}


@EVERY_PROGRAM
def test_shapes_are_those_of_the_contract(make):
    p = make()
    found = interpreted(p, arguments(p))
    flat = p.system.flat
    assert len(found["rhs"]) == p.size
    assert len(found["jacobian"]) == len(p.rows) == len(p.columns)
    assert len(found["parameters"]) == sum(b.size for b in flat.parameters)
    assert len(found["input_defaults"]) == sum(b.size for b in flat.inputs)
    for name in ("variables", "derivatives", "start", "guess"):
        assert len(found[name]) == flat.size, name
    assert len(found["initial_jacobian"]) == len(p.initial_rows) == len(p.initial_columns)
    assert len(found["initial_residual"]) == len(p.system.initial.free)
    if "relations" in p.by_name:
        assert len(found["relations"]) == 2 * len(p.relation_rises)
        assert close(found["held"], found["rhs"]), "conditions that are held as they are"
    order = np.lexsort((p.columns, p.rows))
    assert np.array_equal(order, np.arange(len(order))), "row by row"
    states = p.system.states
    assert np.array_equal(found["derivatives"][states], found["rhs"][: len(states)])


@EVERY_PROGRAM
def test_gradients_in_reverse_are_those_of_the_jacobian(make):
    p = make()
    given, emitted = arguments(p), functions(p)
    weight = np.random.default_rng(1).uniform(0.5, 1.5, p.size)
    gradient = jax.jit(jax.grad(lambda y: weight @ emitted.rhs(given["t"], y, given["p"], given["u"])))(
        given["y"]
    )
    expected = np.zeros(p.size)
    np.add.at(expected, p.columns, interpreted(p, given)["jacobian"] * weight[p.rows])
    assert close(expected, np.asarray(gradient))
