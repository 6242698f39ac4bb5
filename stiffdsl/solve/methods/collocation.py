"""The Radau IIA formulas with any odd number of stages, from their definition.

`M Y_i' = f(t + c_i h, Y_i)` with Y the polynomial of degree s through y and Y_1 ... Y_s: collocation at the zeros of
`d^(s-1)/dx^(s-1) x^(s-1) (x - 1)^s`, the last of which is one. Hairer and Wanner, Solving Ordinary Differential
Equations II, sections IV.5 and IV.8; for more than three stages: J. Comput. Appl. Math. 111:93-111, 1999.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import roots_jacobi

# Where the two stages between the others are looked for. Elsewhere, too, there are roots, less well apart.
BETWEEN = {3: ((0.05, 0.14), (0.3, 0.62)), 5: ((0.1, 0.27), (0.4, 0.57))}


@dataclass(frozen=True, eq=False)
class Collocation:
    """The coefficients; letters as in Hairer and Wanner.

    `T^-1 A^-1 T` is block diagonal: first `gamma`, then blocks `[[alpha, beta], [-beta, alpha]]`. The error of the step
    is `(gamma/h M - J)^-1 (f(t, y) + M sum_i e_i z_i / h)` with `z_i = Y_i - y`. `powers` gives the coefficients of
    `Y(t + theta h) - y` by powers 1 ... s of theta from the z_i. `between`: stages for dense output.
    """

    c: np.ndarray
    A: np.ndarray
    A_inverse: np.ndarray
    T: np.ndarray
    T_inverse: np.ndarray
    gamma: float
    alphas: np.ndarray
    betas: np.ndarray
    e: np.ndarray
    powers: np.ndarray
    between: "DenseStages"

    @property
    def stages(self) -> int:
        return len(self.c)


@dataclass(frozen=True, eq=False)
class DenseStages:
    """Two more stages, at times `c`, for dense output, each with the factors of gamma:
    `M gamma/h (Y - y - base z) = f(t + c h, Y)`.

    Their base and weight integrate polynomials of degree s exactly, so they are of an order more than the others. What
    they differ by from the collocation polynomial, whose values are `on z`, is what that is off there: some of the
    integral of `prod (x - c_i)`, as where nothing is stiff, and some of `x prod (x - c_i)`, as where all is. `rows`
    gives the rows of dense output for it.
    """

    c: np.ndarray
    base: np.ndarray
    on: np.ndarray
    rows: np.ndarray


def _between(c: np.ndarray, gamma: float, A_inverse: np.ndarray, powers: np.ndarray) -> DenseStages:
    s = len(c)
    q = np.arange(1, s + 2)

    def weights(x: float) -> np.ndarray:
        return np.linalg.solve((np.r_[c, x][:, None] ** (q - 1)).T, x**q / q)

    roots = [brentq(lambda x: weights(x)[-1] - 1.0 / gamma, *bounds) for bounds in BETWEEN[s]]
    found = np.array(roots, dtype=float)
    product = np.poly(c)
    shapes = [np.polyint(product), np.r_[product, 0.0]]
    at = np.array([[np.polyval(shape, x) for shape in shapes] for x in found])
    # Both are zero at both ends: theta (1 - theta) is in them.
    inner = np.array([np.polydiv(shape, [-1.0, 1.0, 0.0])[0][::-1] for shape in shapes]).T
    base = np.array([weights(x)[:-1] for x in found]) @ A_inverse
    return DenseStages(found, base, found[:, None] ** q[:-1] @ powers, inner @ np.linalg.inv(at))


@cache
def radau_iia(stages: int) -> Collocation:
    """The formula of order `2*stages - 1`; `stages` is odd and at least three."""
    inner, _ = roots_jacobi(stages - 1, 1.0, 0.0)
    c = np.r_[(inner + 1.0) / 2.0, 1.0]
    q = np.arange(1, stages + 1)
    # A maps values of x^(q-1) at c to those of x^q/q.
    A = np.linalg.solve((c[:, None] ** (q - 1)).T, (c[:, None] ** q / q).T).T
    A_inverse = np.linalg.inv(A)
    values: Any
    vectors: Any
    values, vectors = np.linalg.eig(A_inverse)
    real = int(np.argmin(np.abs(values.imag)))
    upper = sorted((k for k in range(stages) if values[k].imag > 1e-8), key=lambda k: values[k].imag)
    columns = [vectors[:, real].real]
    for k in upper:
        columns += [vectors[:, k].real, vectors[:, k].imag]
    T = np.array(columns).T
    gamma = float(values[real].real)
    # A formula with y' at the start in it, of order s: gamma0 f(t, y) + sum b^_i f(Y_i), gamma0 = 1/gamma.
    wanted = 1.0 / q
    wanted[0] -= 1.0 / gamma
    b_hat = np.linalg.solve((c[:, None] ** (q - 1)).T, wanted)
    powers = np.linalg.inv(c[:, None] ** q)
    return Collocation(
        c,
        A,
        A_inverse,
        T,
        np.linalg.inv(T),
        gamma,
        values[upper].real,
        values[upper].imag,
        gamma * (b_hat - A[-1]) @ A_inverse,
        powers,
        _between(c, gamma, A_inverse, powers),
    )
