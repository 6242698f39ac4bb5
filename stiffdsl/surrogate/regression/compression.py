"""Many outputs as combinations of few: a randomised singular value decomposition over samples and times.

Halko, Martinsson, Tropp, SIAM Review 53 (2011). Outputs of a large model move together, and 10^4 of them cost
no more to learn than the few dozen shapes that they are made of."""

import numpy as np

# Up to this many outputs nothing is gained.
FEW = 64
# The root mean square of what is left out, in scaled outputs.
TOLERANCE = 1e-7
_FIRST = 48


def output_modes(scaled: np.ndarray, seed: int) -> np.ndarray | None:
    """(q, k) orthonormal columns that hold the scaled outputs (n, m, q) to `TOLERANCE`, or None for few
    outputs.
    """
    q = scaled.shape[-1]
    if q <= FEW:
        return None
    rows = scaled.reshape(-1, q)
    rng = np.random.default_rng([seed, 5])
    count = _FIRST
    while count < min(q, len(rows)):
        sketch = rows.T @ (rows @ rng.normal(size=(q, count)))
        basis = np.linalg.qr(sketch)[0]
        inner = rows @ basis
        left = np.sqrt(max(0.0, float(np.mean(rows**2) - np.sum(inner**2) / rows.size)))
        if left < TOLERANCE or count >= q // 2:
            _, sigma, Vt = np.linalg.svd(inner, full_matrices=False)
            tail = np.sqrt(np.cumsum(sigma[::-1] ** 2)[::-1] / rows.size)
            return basis @ Vt[: max(1, int(np.sum(tail > TOLERANCE)))].T
        count *= 2
    return None


def sample_modes(coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (c,), scores (n, r) and modes (r, c) of `coefficients` (n, c): mean + scores @ modes."""
    mean = coefficients.mean(0)
    U, sigma, Vt = np.linalg.svd(coefficients - mean, full_matrices=False)
    rank = max(1, int(np.sum(sigma > 1e-10 * max(sigma[0], 1e-300))))
    return mean, U[:, :rank] * sigma[:rank], Vt[:rank]
