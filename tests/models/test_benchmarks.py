"""The benchmarks compare like with like: hand-written Jacobians are right, peers and library say the same."""

import numpy as np
import pytest

from benchmarks import reference
from benchmarks.problem import MODELS
from benchmarks.problems import PROBLEMS
from benchmarks.problems.akzo import akzo
from benchmarks.problems.brusselator import brusselator
from benchmarks.problems.building import building
from benchmarks.problems.hires import hires
from benchmarks.problems.orego import orego
from benchmarks.problems.pollu import pollu
from benchmarks.problems.rober import rober
from benchmarks.problems.vdpol import vdpol
from benchmarks.symbolic import python
from tests.models import reference as library
from tests.solve.problems import REFERENCES as PUBLISHED

SMALL = {"rober": rober, "hires": hires, "pollu": pollu}
LARGE = {"building": lambda: building(5), "brusselator": lambda: brusselator(4)}
SAME = {
    "rober": library.robertson,
    "hires": library.hires,
    "pollu": library.pollu,
    "building": lambda: library.building(5),
    "brusselator": lambda: library.brusselator2d(4),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_hand_written_jacobian_is_the_derivative(name: str):
    problem = LARGE[name]()
    y = problem.y0 * (1 + 1e-4 * np.sin(np.arange(problem.size))) + 0.01
    step = 1e-6
    columns = [
        (problem.rhs(1.0, y + step * e) - problem.rhs(1.0, y - step * e)) / (2 * step)
        for e in np.eye(problem.size)
    ]
    scale = np.abs(problem.jacobian(1.0, y).toarray()).max()
    np.testing.assert_allclose(problem.jacobian(1.0, y).toarray(), np.array(columns).T, atol=1e-6 * scale)


@pytest.mark.parametrize("name", SMALL | LARGE)
def test_benchmark_and_reference_have_the_same_equations(name: str):
    problem = (SMALL | LARGE)[name]()
    y = problem.y0 * (1 + 1e-3 * np.cos(np.arange(problem.size))) + 1e-3
    np.testing.assert_allclose(problem.rhs(5e4, y), SAME[name]().f(5e4, y), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", SMALL)
def test_scalar_python_says_what_numpy_says(name: str):
    problem = SMALL[name]()
    rhs, _ = python(problem)
    y = problem.y0 + 1e-3
    np.testing.assert_allclose(rhs(0.0, y), problem.rhs(0.0, y), rtol=1e-12)


@pytest.mark.parametrize(
    "problem",
    [make() for make in PROBLEMS.values()],
    ids=lambda p: p.name,
)
def test_a_problem_has_its_model_and_its_reference(problem):
    assert problem.text or (MODELS / f"{problem.model}.sml").is_file()
    assert np.isfinite(reference.load(problem)).all()


@pytest.mark.parametrize("problem", [vdpol(), orego(), akzo()], ids=lambda p: p.name)
def test_references_are_the_published_values(problem):
    """Test Set for IVP Solvers 2.4; the peers' chemical Akzo Nobel has its algebraic unknown computed."""
    published = PUBLISHED[problem.name].value[: problem.size]
    np.testing.assert_allclose(reference.load(problem), published, rtol=1e-8)
