"""POLLU, 25 reactions among 20 species."""

import numpy as np

from benchmarks.problem import BenchmarkProblem

NAMES = (
    *("NO2", "NO", "O3P", "O3", "HO2", "OH", "HCHO", "CO", "ALD", "MEO2"),
    *("C2O3", "CO2", "PAN", "CH3O", "HNO3", "O1D", "SO2", "SO4", "NO3", "N2O5"),
)


# Rate constants of the 25 reactions, per minute.
RATES = (
    *(0.35, 26.6, 1.23e4, 8.6e-4, 8.2e-4, 1.5e4, 1.3e-4, 2.4e4, 1.65e4, 9e3, 0.022, 1.2e4, 1.88),
    *(1.63e4, 4.8e6, 3.5e-4, 0.0175, 1e8, 4.44e11, 1.24e3, 2.1, 5.78, 0.0474, 1.78e3, 3.12),
)


def equations(t, y, m, k=RATES):
    r1, r2, r3 = k[0] * y[0], k[1] * y[1] * y[3], k[2] * y[4] * y[1]
    r4, r5, r6 = k[3] * y[6], k[4] * y[6], k[5] * y[6] * y[5]
    r7, r8, r9 = k[6] * y[8], k[7] * y[8] * y[5], k[8] * y[10] * y[1]
    r10, r11, r12 = k[9] * y[10] * y[0], k[10] * y[12], k[11] * y[9] * y[1]
    r13, r14, r15 = k[12] * y[13], k[13] * y[0] * y[5], k[14] * y[2]
    r16, r17, r18 = k[15] * y[3], k[16] * y[3], k[17] * y[15]
    r19, r20, r21 = k[18] * y[15], k[19] * y[16] * y[5], k[20] * y[18]
    r22, r23, r24 = k[21] * y[18], k[22] * y[0] * y[3], k[23] * y[18] * y[0]
    r25 = k[24] * y[19]
    return m.stack(
        [
            -r1 - r10 - r14 - r23 - r24 + r2 + r3 + r9 + r11 + r12 + r22 + r25,
            -r2 - r3 - r9 - r12 + r1 + r21,
            -r15 + r1 + r17 + r19 + r22,
            -r2 - r16 - r17 - r23 + r15,
            -r3 + 2 * r4 + r6 + r7 + r13 + r20,
            -r6 - r8 - r14 - r20 + r3 + 2 * r18,
            -r4 - r5 - r6 + r13,
            r4 + r5 + r6 + r7,
            -r7 - r8,
            -r12 + r7 + r9,
            -r9 - r10 + r8 + r11,
            r9,
            -r11 + r10,
            -r13 + r12,
            r14,
            -r18 - r19 + r16,
            -r20,
            r20,
            -r21 - r22 - r24 + r23 + r25,
            -r25 + r24,
        ]
    )


def pollu() -> BenchmarkProblem:
    """Source: J. G. Verwer (1994); Test Set for IVP Solvers 2.4."""
    y0 = np.zeros(20)
    y0[[1, 3, 6, 7, 8, 16]] = 0.2, 0.04, 0.1, 0.3, 0.01, 0.007
    return BenchmarkProblem(
        "pollu",
        "chemistry/pollu",
        equations,
        y0,
        (0.0, 60.0),
        rtol=1e-6,
        atol=1e-12,
        checked={name: k for k, name in enumerate(NAMES)},
    )
