"""Baselines by scikit-learn on principal components of scaled outputs: Gaussian processes, kernel ridge, a network."""

import warnings
from typing import Any

import numpy as np

from benchmarks.baselines.case import BaselineCase
from benchmarks.baselines.plain import Predict

# Components below this share of the first one, and beyond so many, are not learnt.
_SHARE, _COMPONENTS = 1e-4, 15


def gaussian_process(case: BaselineCase, budget: float, seed: int) -> Predict:
    """A process with a Matérn kernel for each component, with a width for each parameter and a noise."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    def fitted(column: np.ndarray) -> Any:
        widths = Matern(np.ones(case.z.shape[1]), (1e-2, 1e3), nu=2.5)
        kernel = ConstantKernel(1.0) * widths + WhiteKernel(1e-4, (1e-10, 1))
        return GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed).fit(case.z, column)

    def regress(scores: np.ndarray) -> Predict:
        models = [fitted(column) for column in scores.T]
        return lambda z: np.stack([m.predict(z) for m in models], axis=1)

    return _by_components(case, regress)


def kernel_ridge(case: BaselineCase, budget: float, seed: int) -> Predict:
    """Kernel, width and ridge by five-fold cross-validation."""
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.model_selection import GridSearchCV, KFold

    grid = {"kernel": ("rbf", "laplacian"), "alpha": np.logspace(-10, 0, 6), "gamma": np.logspace(-3, 1, 9)}
    folds = KFold(5, shuffle=True, random_state=seed)

    def regress(scores: np.ndarray) -> Predict:
        search = GridSearchCV(KernelRidge(), grid, cv=folds, scoring="neg_mean_squared_error")
        return search.fit(case.z, scores).predict

    return _by_components(case, regress)


def network(case: BaselineCase, budget: float, seed: int) -> Predict:
    """Two layers of 64 units, trained by L-BFGS; the penalty of weights by a fifth of the samples left out."""
    from sklearn.neural_network import MLPRegressor

    out = np.random.default_rng(seed).permutation(len(case.z))
    valid, fit = out[: len(out) // 5], out[len(out) // 5 :]

    def of(alpha: float) -> Any:
        return MLPRegressor(
            hidden_layer_sizes=(64, 64),
            activation="tanh",
            solver="lbfgs",
            alpha=alpha,
            max_iter=1000,
            random_state=seed,
        )

    def regress(scores: np.ndarray) -> Predict:
        size = scores[:, 0].std()
        y = scores / size

        def error(alpha: float) -> float:
            return float(np.mean((_table(of(alpha).fit(case.z[fit], y[fit]), case.z[valid]) - y[valid]) ** 2))

        found = of(min((1e-4, 1e-2, 1e-1), key=error)).fit(case.z, y)
        return lambda z: size * _table(found, z)

    return _by_components(case, regress)


def _table(model: Any, z: np.ndarray) -> np.ndarray:
    return model.predict(z).reshape(len(z), -1)


def _by_components(case: BaselineCase, regress: Any) -> Predict:
    """The regression of the leading components of all outputs and times."""
    n, m, q = case.y.shape
    y = case.y.reshape(n, m * q)
    mean = y.mean(0)
    U, sigma, Vt = np.linalg.svd(y - mean, full_matrices=False)
    count = max(1, min(_COMPONENTS, int(np.sum(sigma > _SHARE * sigma[0]))))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predict = regress(U[:, :count] * sigma[:count])
    return lambda values: case.raw(
        (mean + predict(case.parameters.scale(np, values)) @ Vt[:count]).reshape(-1, m, q)
    )
