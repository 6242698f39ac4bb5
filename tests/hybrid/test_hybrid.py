"""The part of `python -m tests.hybrid` that every test run makes: the same systems each time."""

import pytest

from stiffdsl.runtime import tier

from .cases import differences, drawn, model
from .families import FAMILIES

SEED = 14


@pytest.mark.parametrize("name", FAMILIES)
def test_events_are_those_of_the_closed_form(name):
    for index in range(12):
        system = drawn(FAMILIES[name], SEED, index)
        wrong = differences(name, system)
        assert not wrong, f"{name} {index}: {system.params}, to {system.end!r}\n" + "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_the_loop_in_jax_takes_the_same_steps(name, monkeypatch):
    family = FAMILIES[name]
    limits = {"rtol": family.rtol, "atol": family.atol, "method": "rodas5p"}
    systems = [drawn(family, SEED, index) for index in range(4)]
    calls = [((0.0, s.end), s.params, s.inputs or None) for s in systems]
    native = [model(name).simulate(*call, **limits) for call in calls]
    monkeypatch.setattr(tier, "kernel", lambda *_: None)
    for system, call, own in zip(systems, calls, native, strict=True):
        portable = model(name).simulate(*call, **limits)
        assert portable.stats["accepted"] == own.stats["accepted"]
        assert not differences(name, system, method="rodas5p")
