"""The mean of Gaussian processes given samples, as a map from parameters to scores.

    m_j(z) = sum_i w_ij k(|S_j (z - z_i)|) + z b_j + a_j,      k(r) = (1 + sqrt(5) r + 5 r^2 / 3) exp(-sqrt(5) r)

(Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, sections 2.2 and 4.2). Widths S_j are shared by
the components of a group; b_j and a_j come from a linear kernel."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class PosteriorMean:
    """`centres` (n, d), `weights` (n, r), `slope` (d, r), `offset` (r,); group g has `scales` (g, d), and the next
    `counts[g]` components."""

    centres: np.ndarray
    scales: np.ndarray
    counts: np.ndarray
    weights: np.ndarray
    slope: np.ndarray
    offset: np.ndarray

    def __call__(self, xp: Any, z: Float[Any, "k d"]) -> Any:
        parts, begin = [], 0
        for scales, count in zip(self.scales, self.counts, strict=True):
            kernel = matern(xp, squared(xp, z * scales, self.centres * scales))
            parts.append(kernel @ self.weights[:, begin : begin + count])
            begin += int(count)
        return xp.concatenate(parts, axis=1) + z @ self.slope + self.offset

    def leading(self, count: int) -> "PosteriorMean":
        """The map to the first `count` scores."""
        ends = np.minimum(np.cumsum(self.counts), count)
        counts = np.diff(ends, prepend=0)
        return replace(
            self,
            scales=self.scales[counts > 0],
            counts=counts[counts > 0],
            weights=np.ascontiguousarray(self.weights[:, :count]),
            slope=np.ascontiguousarray(self.slope[:, :count]),
            offset=self.offset[:count].copy(),
        )


def squared(xp: Any, a: Float[Any, "k d"], b: Float[Any, "n d"]) -> Any:
    """(k, n) squared distances."""
    found = xp.sum(a * a, axis=1)[:, None] + xp.sum(b * b, axis=1) - 2 * a @ b.T
    return xp.maximum(found, 0.0)


def matern(xp: Any, r2: Any) -> Any:
    """The Matérn kernel of order 5/2, for squared distances."""
    r = xp.sqrt(5 * xp.maximum(r2, 1e-300))
    return (1 + r + r * r / 3) * xp.exp(-r)
