"""The module that `compile -o` writes: the functions of memory to the last bit, and only JAX beside it."""

import importlib.util
import subprocess
import sys

import jax
import numpy as np
import pytest

from stiffdsl.model import CompiledModel
from stiffdsl.runtime.emit import functions
from stiffdsl.runtime.export.module_file import module_name
from stiffdsl.runtime.export.python_module import source, write

from .programs import EVERY_PROGRAM, TEXTS, arguments, of_text, program


def _imported(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@EVERY_PROGRAM
def test_a_written_model_is_the_model(make, tmp_path):
    p = make()
    module, emitted, given = _imported(write(CompiledModel(p), tmp_path)), functions(p), arguments(p)
    point = (given["t"], given["y"], given["p"], given["u"])

    def all_of(f):
        return jax.jit(lambda *point: (f.rhs(*point), f.jacobian(*point), f.variables(*point)))(*point)

    for ours, theirs in zip(all_of(emitted), all_of(module), strict=True):
        assert np.array_equal(ours, theirs, equal_nan=True)
    start = np.linspace(0.1, 1.0, p.system.flat.size)
    for name in ("initial_residual", "initial_jacobian", "checks", "invariants", "invariants_jacobian"):
        if hasattr(module, name):
            known = (start,) if p.by_name[name].arguments[-1] == "start" else ()
            assert np.array_equal(
                getattr(module, name)(*point, *known), getattr(emitted, name)(*point, *known)
            )
    assert hasattr(module, "initial_residual") == bool(len(p.system.initial.free))
    assert hasattr(module, "checks") == bool(p.system.initial.checks)
    assert hasattr(module, "invariants") == bool(p.system.invariants)
    flat = p.system.flat
    assert list(module.names) == [b.scalar_name(k) for b in flat.variables for k in range(b.size)]
    assert list(module.parameter_names) == [b.scalar_name(k) for b in flat.parameters for k in range(b.size)]
    assert np.array_equal(module.parameters(), given["p"], equal_nan=True)
    assert len(module.states) == len(module.initial(given["p"])) == p.size
    assert np.array_equal(module.rows, p.rows)
    assert np.array_equal(module.columns, p.columns)
    assert np.array_equal(module.mass, p.mass)


def test_it_runs_in_an_empty_folder(tmp_path):
    write(CompiledModel(program("examples/building.sml")), tmp_path)
    code = (
        "import sys; sys.modules['stiffdsl'] = sys.modules['sympy'] = sys.modules['scipy'] = None\n"
        "import building as m, jax\n"
        "@jax.jit\n"
        "def run(area):\n"
        "    p = m.parameters({'rooms[2].window_area': area, 'G_partition': 30})\n"
        "    y = m.initial(p)\n"
        "    return y, m.rhs(0.0, y, p), m.matrix(m.jacobian(0.0, y, p))\n"
        "y, f, j = run(2.5)\n"
        "print(m.states[0], float(y[0]), j.shape, m.__doc__.splitlines()[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    expected = "rooms[1].inside.T 293.15 (80, 80) Building: a row of rooms under a daily weather"
    assert done.stdout.strip() == expected


def test_parameters_are_given_by_name_in_declared_units(tmp_path):
    module = _imported(write(CompiledModel(program("examples/building.sml")), tmp_path))
    k = module.parameter_names.index("rooms[2].T_set")
    assert float(module.parameters({"rooms[2].T_set": 20})[k]) == pytest.approx(293.15)
    with pytest.raises(KeyError, match="did you mean `G_partition`"):
        module.parameters({"G_partitions": 1})
    slope = jax.grad(lambda g: module.parameters({"G_partition": g}).sum())(30.0)
    assert slope > 1, "parameters that depend on it follow"


@pytest.mark.parametrize("name", TEXTS)
def test_initial_values_are_those_of_the_model_for_any_parameters(name, tmp_path):
    model = CompiledModel(of_text(TEXTS[name]))
    module = _imported(write(model, tmp_path))
    for factor in (1.0, 1.3):
        # A longer pendulum would contradict its start.
        given = {r.name: (r.value or 0.0) * (1.0 if r.name == "L" else factor) for r in model.parameters}
        y = module.initial(module.parameters(given))
        assert np.allclose(y, model.initial_state(given), rtol=1e-12, atol=1e-14)


def test_what_contradicts_has_no_initial_state(tmp_path):
    module = _imported(write(CompiledModel(of_text(TEXTS["pendulum"])), tmp_path))
    assert np.isnan(module.initial(module.parameters({"L": 3.0}))).all()


def test_initial_values_are_differentiated(tmp_path):
    model = CompiledModel(of_text(TEXTS["steady"]))
    module = _imported(write(model, tmp_path))

    def first(a):
        return module.initial(module.parameters({"a": a}))[0]

    step = 1e-4
    slope = (first(3 + step) - first(3 - step)) / (2 * step)
    assert float(jax.jacfwd(first)(3.0)) == pytest.approx(float(slope), rel=1e-6)
    assert float(jax.grad(first)(3.0)) == pytest.approx(float(slope), rel=1e-6)


def test_a_written_model_of_higher_index_is_simulated_with_its_invariants(tmp_path):
    model = CompiledModel(of_text(TEXTS["pendulum"]))
    module = _imported(write(model, tmp_path))
    times = np.linspace(0, 5, 6)
    ours = model.simulate(time=(0, 5), saveat=times, rtol=1e-6, atol=1e-6)
    theirs = module.simulate(time=(0.0, 5.0), saveat=times, rtol=1e-6, atol=1e-6)
    assert np.allclose(ours.y, theirs.y, rtol=1e-9, atol=1e-9)
    p, y = module.parameters(), theirs.y[-1]
    assert module.invariants(0.0, y, p) == pytest.approx(0, abs=1e-9)
    assert module.invariants(0.0, module.project(0.0, y + 1e-3, p), p) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda m, p, y: m.simulate((0, 3)), r"not \(0, 3\); a module is run by .*time=\(0.0, 1.0\)"),
        (lambda m, p, y: m.simulate([0, 3], {"g": 9.81}), r"not \[0, 3\]; a module is run by"),
        (lambda m, p, y: m.simulate({"g": 9.81}), "p is the vector that `parameters"),
        (lambda m, p, y: m.simulate(p, (0, 3)), "u is the vector that `input_defaults"),
        (lambda m, p, y: m.simulate(p, None, 3.0), "time is the start and the end"),
        (lambda m, p, y: m.simulate(params={"g": 9.81}), "takes no `params`: a module is run by"),
        (lambda m, p, y: m.simulate(rtoll=1e-3), "did you mean `rtol`"),
        (
            lambda m, p, y: m.simulate(p[:0], time=(0, 1)),
            "`simulate`: p is .* numbers, not an array of shape",
        ),
        (
            lambda m, p, y: m.rhs(y, 0.0, p),
            r"`rhs`: y is the vector that `initial\(p\)` returns, 4 numbers, not 0.0",
        ),
        (lambda m, p, y: m.jacobian(0.0, y[:3], p), "`jacobian`: y is"),
        (lambda m, p, y: m.variables(0.0, y, {"g": 9.81}), "`variables`: p is"),
        (lambda m, p, y: m.initial(0.0), "`initial`: p is"),
        (lambda m, p, y: m.initial(p, 2.0), "`initial`: u is"),
        (lambda m, p, y: m.project(0.0, p, y), "`project`: y is"),
        (lambda m, p, y: m.parameters([9.81, 1.0]), "values by name"),
    ],
)
def test_a_call_that_a_module_would_misread_is_refused(call, told, pendulum):
    p = pendulum.parameters()
    with pytest.raises(TypeError, match=told):
        call(pendulum, p, np.ones(len(pendulum.states)))


@pytest.fixture(scope="module")
def pendulum(tmp_path_factory):
    return _imported(write(CompiledModel(of_text(TEXTS["pendulum"])), tmp_path_factory.mktemp("module")))


def test_a_large_model_is_a_short_text():
    small, large = (source(CompiledModel(program("examples/building.sml", N=n))) for n in (200, 400))
    assert len(small.splitlines()) == len(large.splitlines()) < 700


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("Robertson", "robertson"),
        ("VanDerPol", "van_der_pol"),
        ("Brusselator2D", "brusselator2d"),
        ("Random", "random_model"),
        ("JAX", "jax_model"),
    ],
)
def test_names_of_modules(model, expected):
    assert module_name(model) == expected
