"""The native tier behind the calls of a model: the same results, with what a user may give."""

import jax
import numpy as np
import pytest

import stiffdsl
from stiffdsl import native
from stiffdsl.model import CompiledModel
from stiffdsl.native.host import engine
from stiffdsl.resources import folder
from stiffdsl.runtime.thresholds import Thresholds
from stiffdsl.solve.base.status import Status

pytestmark = pytest.mark.skipif(not engine.available(), reason="LLVM is not installed")

TABLE = (np.array([0.0, 10.0, 20.0]), np.array([1.0, 0.2, 0.6]))
TIMES = np.linspace(0.0, 30.0, 5)


@pytest.fixture(scope="module")
def tanks():
    return stiffdsl.load(folder("models") / "examples" / "two_tank.sml")


def test_tables_drive_lanes_as_they_drive_one_solve(tanks):
    tanks = CompiledModel(tanks.program, thresholds=Thresholds(calls=native.CallSizes(side_by_side=1)))
    areas = np.array([0.8, 1.0, 1.3])
    inputs = {"drain.opening": TABLE}
    lanes = tanks.ensemble(params={"upper.area": areas}, inputs=inputs, saveat=TIMES)
    for lane, area in enumerate(areas):
        one = tanks.simulate(params={"upper.area": area}, inputs=inputs, saveat=TIMES)
        assert one.stats["tier"] == "native"
        np.testing.assert_allclose(lanes["upper.level"][lane], one["upper.level"], rtol=1e-12)
    other = {"drain.opening": (TABLE[0], 0.5 * TABLE[1])}
    again = tanks.ensemble(params={"upper.area": areas}, inputs=other, saveat=TIMES)
    assert not np.allclose(again["lower.level"], lanes["lower.level"], rtol=1e-3)


def test_gradients_with_tables_and_functions_of_time_which_are_the_portable_tier(tanks):
    solve = tanks.solver(saveat=TIMES, outputs=["lower.level"])

    def last(area):
        return solve(params={"upper.area": area}, inputs={"drain.opening": TABLE})[-1, 0]

    step = 1e-2
    difference = (last(1.0 + step) - last(1.0 - step)) / (2 * step)
    np.testing.assert_allclose(jax.grad(last)(1.0), difference, rtol=1e-3)
    driven = {"drain.opening": lambda t: 0.5 + 0.0 * t}
    assert tanks.simulate(inputs=driven, saveat=TIMES).stats["tier"] == "portable"


def test_auto_takes_the_kernel_where_jax_alone_would_take_bdf():
    ladder = stiffdsl.load(folder("models") / "examples" / "rc_ladder.sml", constants={"N": 500})
    stats = ladder.simulate().stats
    assert (stats["method"], stats["tier"]) == ("rodas5p", "native")
    assert (ladder.report["method"], ladder.report["tier"]) == ("rodas5p", "native")


def test_a_kernel_that_is_short_of_steps_is_not_repeated(tanks):
    few = tanks.simulate(max_steps=3)
    assert (few.status, few.stats["tier"]) == (Status.MAX_STEPS, "native")
