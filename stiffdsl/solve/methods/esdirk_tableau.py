"""Coefficients of the ESDIRK methods, as published: an explicit first stage, one matrix for all, stiffly accurate.

M k_i = f(t + c_i h, Y_i),   Y_i = y + h sum_j<i a_ij k_j + h gamma k_i,   y1 = Y_s,   error = h sum_i e_i k_i
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stiffdsl.solve.base.dense_output import rows_of_powers


@dataclass(frozen=True)
class ESDIRKTableau:
    """An ESDIRK method of stage order two; `order` is the power of h in its error.

    `a` holds the rows below the diagonal. `guess` has weights of the stages before for the first iterate of each k_i; a
    row without any takes the value of the stage before. Without `e` that value, too, is the embedded method's.
    """

    name: str
    order: int
    gamma: float
    a: tuple[tuple[float, ...], ...]
    guess: tuple[tuple[float, ...], ...]
    e: tuple[float, ...] | None = None

    @property
    def stages(self) -> int:
        return len(self.a)

    @cached_property
    def lower(self) -> np.ndarray:
        return self._square(self.a)

    @cached_property
    def a_matrix(self) -> np.ndarray:
        return self.lower + np.diag([0.0] + [self.gamma] * (self.stages - 1))

    @cached_property
    def c(self) -> np.ndarray:
        return self.a_matrix.sum(axis=1)

    @cached_property
    def guess_matrix(self) -> np.ndarray:
        return self._square(self.guess)

    @cached_property
    def K_matrix(self) -> np.ndarray:
        """The rows of dense output from the stages."""
        return rows_of_powers(self._dense_weights())

    def _square(self, rows: tuple[tuple[float, ...], ...]) -> np.ndarray:
        matrix = np.zeros((self.stages, self.stages))
        for i, row in enumerate(rows):
            matrix[i, : len(row)] = row
        return matrix

    def _dense_weights(self) -> np.ndarray:
        """w_iq of y(theta) = y + h sum_i sum_q w_iq theta^q k_i: the smallest that meet the conditions of order four.

        As A c = c^2/2, five are left of these eight. The sixth makes cubic algebraic unknowns exact: their stages are
        values, and k_2 ... k_s follow from these by the inverse of A.
        """
        A, c, s = self.a_matrix, self.c, self.stages
        inverse = np.zeros((s, s))
        inverse[1:, 1:] = np.linalg.inv(A[1:, 1:])
        conditions = np.stack([np.ones(s), c, c**2, c**3, A @ c**2, inverse @ c**3])
        wanted = np.zeros((6, 4))
        wanted[[0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 3, 2]] = [1, 1 / 2, 1 / 3, 1 / 4, 1 / 12, 1]
        at_end = np.kron(np.eye(s), np.ones((1, 4)))
        everywhere = np.kron(conditions, np.eye(4))
        left, right = np.vstack([everywhere, at_end]), np.concatenate([wanted.ravel(), A[-1]])
        return np.linalg.lstsq(left, right, rcond=1e-12)[0].reshape(s, 4)


# Kvaerno, Singly diagonally implicit Runge-Kutta methods with an explicit first stage, BIT 44:489-502, 2004. Both Y_7
# and Y_6, of order four, satisfy the algebraic equations. Guesses as used by OrdinaryDiffEq.jl.
KVAERNO5 = ESDIRKTableau(
    name="kvaerno5",
    order=5,
    gamma=0.26,
    a=(
        (),
        (0.26,),
        (0.13, 0.84033320996790809),
        (0.22371961478320505, 0.47675532319799699, -0.06470895363112615),
        (0.16648564323248321, 0.1045001884159172, 0.03631482272098715, -0.13090704451073998),
        (0.13855640231268224, 0.0, -0.04245337201752043, 0.02446657898003141, 0.61943039072480676),
        (
            0.13659751177640291,
            0.0,
            -0.05496908796538376,
            -0.04118626728321046,
            0.62993304899016403,
            0.06962479448202728,
        ),
    ),
    guess=(
        (),
        (1.0,),
        (-1.366025403784441, 2.3660254037844357),
        (-0.19650552613122207, 0.8113579546496623, 0.38514757148155954),
        (0.10375304369958693, 0.937994698066431, -0.04174774176601781),
        (-0.17281112873898072, 0.6235784481025847, 0.5492326806363959),
        (),
    ),
)

# Kennedy and Carpenter, Higher-order additive Runge-Kutta schemes for ordinary differential equations, Applied
# Numerical Mathematics 136:183-205, 2019: the implicit method of ARK4(3)7L[2]SA1. Guesses as used by OrdinaryDiffEq.jl.
KENCARP47 = ESDIRKTableau(
    name="kencarp47",
    order=4,
    gamma=0.1235,
    a=(
        (),
        (0.1235,),
        (624185399699 / 4186980696204, 624185399699 / 4186980696204),
        (
            1258591069120 / 10082082980243,
            1258591069120 / 10082082980243,
            -322722984531 / 8455138723562,
        ),
        (
            -436103496990 / 5971407786587,
            -436103496990 / 5971407786587,
            -2689175662187 / 11046760208243,
            4431412449334 / 12995360898505,
        ),
        (
            -2207373168298 / 14430576638973,
            -2207373168298 / 14430576638973,
            242511121179 / 3358618340039,
            3145666661981 / 7780404714551,
            5882073923981 / 14490790706663,
        ),
        (
            0,
            0,
            9164257142617 / 17756377923965,
            -10812980402763 / 74029279521829,
            1335994250573 / 5691609445217,
            2273837961795 / 8368240463276,
        ),
    ),
    guess=(
        (),
        (1.0,),
        (-0.7071067811865470, 1.7071067811865470),
        (0.06204413686832800, 0.3463628369552021, 0.5915930261764700),
        (0.6963562753036438, 0.3036437246963562),
        (0.3028097120262387, -2.3247264381062580, 3.0219167260800195),
        (
            2.2108950483566140,
            0.8027317830504913,
            -0.3789216234804798,
            -2.1217240363671453,
            -2.1301823377402383,
            2.6172011661807580,
        ),
    ),
    # The weights of order four minus those of order three.
    e=(
        0,
        0,
        9164257142617 / 17756377923965 - 4469248916618 / 8635866897933,
        -10812980402763 / 74029279521829 + 621260224600 / 4094290005349,
        1335994250573 / 5691609445217 - 696572312987 / 2942599194819,
        2273837961795 / 8368240463276 - 1532940081127 / 5565293938103,
        0.1235 - 2441 / 20000,
    ),
)
