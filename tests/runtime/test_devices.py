"""On a device that is no CPU nothing is machine code and KLU is unknown: the same numbers, by lanes in slots."""

import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.model import CompiledModel
from stiffdsl.runtime.thresholds import Thresholds
from stiffdsl.solve.base import kernels


@pytest.fixture
def elsewhere(monkeypatch):
    """A pretended device other than the CPU."""
    monkeypatch.setattr(kernels, "on_cpu", lambda: False)


def both(name, monkeypatch, use, **constants):
    """The same with few slots there, and here."""
    program = sd.load(name, constants=constants).program
    there = use(CompiledModel(program, thresholds=Thresholds(slots=8)))
    monkeypatch.setattr(kernels, "on_cpu", lambda: True)
    return there, use(sd.load(name, constants=constants))


def test_an_ensemble_larger_than_its_slots(elsewhere, monkeypatch):
    values = np.linspace(0.5, 2.0, 21)
    times = [1.0, 100.0, 1e4]

    def use(model):
        return model.ensemble({"k1": 0.04 * values}, times, outputs=["A", "C"])

    there, here = both("chemistry.robertson", monkeypatch, use)
    assert np.all(there.success)
    assert there.stats["accepted"] == here.stats["accepted"]
    np.testing.assert_allclose(there.values, here.values, rtol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "constants", "method"),
    [
        ("examples.building", {"N": 45}, "fbdf"),
        ("examples.building", {"N": 45}, "rodas5p"),
        ("chemistry.brusselator2d", {"N": 16}, "fbdf"),
        ("mechanics.pendulum", {}, "rodas5p"),
        ("chemistry.pollu", {}, "kvaerno5"),
    ],
)
def test_large_systems_and_constraints(elsewhere, monkeypatch, name, constants, method):
    def use(model):
        return model.simulate(method=method, points=5)

    there, here = both(name, monkeypatch, use, **constants)
    assert there.stats["tier"] == "portable"
    assert there.status == here.status
    np.testing.assert_allclose(there.y, here.y, rtol=1e-4, atol=1e-7)
