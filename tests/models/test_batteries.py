"""The cells of the benchmark give the voltages that PyBaMM 26.10 gives on the same mesh, at rtol = atol = 1e-8."""

import numpy as np
import pytest

import stiffdsl as sd
from benchmarks.batteries import FOLDER

AT = [60.0, 600, 1800, 3000, 3300]
VOLTS = {
    "spm": [3.991662, 3.867894, 3.568377, 3.293079, 3.061478],
    "spme": [3.942226, 3.811661, 3.511835, 3.236123, 3.004239],
    "dfn": [3.945641, 3.815674, 3.512612, 3.226096, 3.001316],
    "dfn_parts": [3.945641, 3.815674, 3.512612, 3.226096, 3.001316],
}
SLOW = {"dfn", "dfn_parts"}


@pytest.mark.parametrize("name", [pytest.param(k, marks=[pytest.mark.slow] * (k in SLOW)) for k in VOLTS])
def test_one_discharge(name: str):
    solution = sd.load(FOLDER / f"{name}.sml").simulate(
        time=(0, 3300), saveat=[0.0, *AT], rtol=1e-8, atol=1e-8
    )
    # The mean potentials of the SPMe are integrals there, sums over cells in PyBaMM.
    np.testing.assert_allclose(solution["V"][1:], VOLTS[name], atol=1e-4 if name == "spme" else 5e-6)
