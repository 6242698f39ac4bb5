"""Surrogates that several tests look at are trained once."""

import pytest

from stiffdsl.surrogate.core.surrogate import Surrogate
from stiffdsl.surrogate.learn.train import train

from . import tasks


@pytest.fixture(scope="session")
def chain() -> Surrogate:
    """LPCTESN of a stiff chain over eight decades of time."""
    return train(tasks.chain(), samples=40)


@pytest.fixture(scope="session")
def mixed() -> Surrogate:
    """LPCTESN with every kind of output, and a full model that answers."""
    return train(tasks.mixed(full=tasks.Full(), fixed={"mass": 2.0}), samples=30)


@pytest.fixture(scope="session")
def six() -> Surrogate:
    """Splines over six parameters with array names."""
    return train(tasks.six(), "rbf", samples=64)
