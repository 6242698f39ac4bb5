"""Predictive step size control keeps to the tolerance where errors change at a steady rate."""

import jax.numpy as jnp
import pytest

from stiffdsl.solve.base import control

ORDER = 5


def controlled(rate: float, steps: int = 40) -> list[float]:
    """Errors of steps whose error is `h^ORDER` times what grows by `rate` each; rejected ones are tried again."""
    h, size, expected, rejections = 0.5, 1.0, jnp.zeros(()), 0
    errors = []
    while len(errors) < steps:
        error = size * h**ORDER
        accept = error <= 1.0
        factor, expected = control.predictive(
            jnp.asarray(accept), jnp.asarray(error), expected, jnp.asarray(rejections), ORDER
        )
        h, rejections = h * float(factor), 0 if accept else rejections + 1
        if accept:
            errors.append(error)
            size *= rate
    return errors


@pytest.mark.parametrize("rate", [1.0, 1.5, 4.0])
def test_a_growing_error_is_kept_at_what_is_aimed_at(rate):
    aim = control.PREDICTIVE_SAFETY**ORDER
    assert all(abs(error - aim) < 1e-3 * aim for error in controlled(rate)[20:])


def test_a_falling_error_is_not_relied_on():
    rate = 0.5
    expected = rate * control.PREDICTIVE_SAFETY**ORDER
    assert all(abs(error - expected) < 1e-3 * expected for error in controlled(rate)[20:])


def test_after_a_rejection_a_step_does_not_grow_and_one_without_a_number_is_cut_hard():
    yes, no, zero = jnp.array(True), jnp.array(False), jnp.zeros(())
    factor, _ = control.predictive(yes, jnp.array(1e-8), zero, jnp.array(1), ORDER)
    assert float(factor) == 1.0
    factor, _ = control.predictive(no, jnp.array(jnp.nan), zero, jnp.array(0), ORDER)
    assert float(factor) == pytest.approx(control.LEAST)
