"""Derivatives of the solution of every model in models/: forward and reverse mode agree with each other, and with
differences of the solution, for all parameters at once and for the time of each jump alone."""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stiffdsl as sd


@dataclass(frozen=True)
class Case:
    """A library model with small `constants`. Parameters in `bound` follow others, or would contradict the start of a
    mechanism if they were moved alone; those in `jumps` set the time of a jump."""

    model: str
    constants: dict[str, int] = field(default_factory=dict)
    bound: tuple[str, ...] = ()
    jumps: tuple[str, ...] = ()
    rtol: float = 1e-6

    def __str__(self) -> str:
        return self.model


CASES = (
    Case("chemistry.robertson"),
    Case("chemistry.akzo_nobel"),
    Case("chemistry.brusselator2d", {"N": 4}, jumps=("begin",)),
    Case("chemistry.hires"),
    Case("chemistry.oregonator"),
    Case("chemistry.pollu"),
    Case("examples.building", {"N": 3}),
    Case("examples.capacitor_loop"),
    Case("examples.drive_train", jumps=("motor.at",)),
    Case("examples.heat_rod", {"N": 5}),
    Case("examples.rc_circuit", jumps=("src.at",)),
    Case("examples.rc_ladder", {"N": 4}, bound=("src.at",)),
    Case("examples.spring_mass"),
    Case("examples.two_tank"),
    Case("mechanics.pendulum", bound=("rod.L", "pivot.x", "pivot.y"), rtol=1e-5),
    Case("problems.transistor_amplifier", rtol=1e-4),
    Case("problems.van_der_pol", rtol=1e-3),
)


def _follows_the_solution(case: Case) -> None:
    model = sd.load(case.model, constants=case.constants)
    begin, end = model.experiment["time"]
    times = np.linspace(begin, end, 4)[1:]
    atol = float(model.experiment.get("atol", 1e-9)) * 1e-3
    solve = model.solver(saveat=times, rtol=1e-9, atol=atol)
    at = {row.name: float(row.value) for row in model.parameters if row.name not in case.bound}
    draw = np.random.default_rng(0)
    along = {name: (value or 1.0) * draw.normal() for name, value in at.items()}
    values = np.asarray(solve(at))
    largest = np.abs(values).max(axis=0)
    # Unknowns that stay at zero would weigh rounding alone.
    weights = draw.normal(size=values.shape) * np.where(largest > 1e-6, 1 / np.maximum(largest, 1e-6), 0.0)

    def loss(params):
        return jnp.sum(weights * solve(params))

    for moving in (along, *({name: along[name]} for name in case.jumps)):

        def line(s, moving=moving):
            return loss({name: value + s * moving.get(name, 0.0) for name, value in at.items()})

        gradient = jax.grad(loss)(at)
        reverse = sum(float(gradient[name]) * change for name, change in moving.items())
        _, forward = jax.jvp(line, (0.0,), (1.0,))
        size = sum(abs(float(gradient[name]) * change) for name, change in moving.items())
        assert float(forward) == pytest.approx(reverse, abs=1e-7 * size)
        errors = [abs(_difference(line, h) - reverse) for h in (1e-2, 3e-3, 1e-3, 3e-4, 1e-4)]
        assert min(errors) <= case.rtol * size


def _difference(line, h: float) -> float:
    """Fourth-order central difference at zero."""
    f = [float(line(k * h)) for k in (-2, -1, 1, 2)]
    return (8 * (f[2] - f[1]) - (f[3] - f[0])) / (12 * h)


def test_derivatives_of_a_small_model_follow_its_solution():
    _follows_the_solution(CASES[0])


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES[1:], ids=str)
def test_derivatives_of_a_library_model_follow_its_solution(case: Case):
    _follows_the_solution(case)
