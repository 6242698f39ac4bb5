"""A gradient by the weights of a network in a stiff model, beside the solve that it is of.

dx/dt = g(x) - k x with rates k from 1 to 1000 and a network g of two hidden layers, over one unit of time at rtol 1e-6:
the sum of squares of x at five times, and its gradient by all weights, compiled once. Tiers: kernels, and XLA alone;
methods beside the default one are XLA's. solve, gradient: the least processor time of the calls. ratio: gradient over
solve.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

import stiffdsl as sd

MODEL = """
network g(x[2]) -> dx[2] hidden {width}, {width} activation {activation} seed 2
model Learned
  param k[2] = {{1, 1000}}
  var x[2] start 1
equations
  der(x) = g(x) - k*x
end
"""
CASES = (
    (15, "tanh", "auto"),
    (50, "tanh", "auto"),
    (97, "tanh", "auto"),
    (97, "gelu", "auto"),
    (97, "relu", "auto"),
    (97, "tanh", "kvaerno5"),
)
REPEATED = 30


def networks(console: Console) -> list[dict[str, Any]]:
    """Runs all, prints a table, and returns one record for each network and method."""
    table = Table(title="a gradient by weights, and its solve", title_justify="left")
    for name in ("weights", "activation", "method", "tier", "solve, ms", "gradient, ms", "ratio"):
        table.add_column(name, justify="left" if name in ("activation", "method", "tier") else "right")
    records = []
    for width, activation, method in CASES:
        r = _measured(width, activation, method)
        records.append(r)
        milliseconds = (f"{1e3 * r[key]:.2f}" for key in ("solve", "gradient"))
        words = (f"{r['weights']:,}", activation, r["method"], r["tier"])
        table.add_row(*words, *milliseconds, f"{r['gradient'] / r['solve']:.1f}")
    console.print(table)
    return records


def _measured(width: int, activation: str, method: str) -> dict[str, Any]:
    model = sd.loads(MODEL.format(width=width, activation=activation))
    network = model.parameters["g"]
    solve = model.solver(saveat=np.linspace(0, 1, 5), rtol=1e-6, atol=1e-8, method=method)

    def loss(g: Any) -> Any:
        return jnp.sum(solve({"g": g}) ** 2)

    stats = model.simulate(time=(0, 1), rtol=1e-6, atol=1e-8, method=method).stats
    return {
        "weights": network.size,
        "activation": activation,
        "method": stats["method"],
        "tier": stats["tier"],
        "solve": _least(jax.jit(loss), network),
        "gradient": _least(jax.jit(jax.grad(loss)), network),
    }


def _least(function: Callable[[Any], Any], network: Any) -> float:
    jax.block_until_ready(function(network))
    best = math.inf
    for _ in range(REPEATED):
        begun = time.process_time()
        jax.block_until_ready(function(network))
        best = min(best, time.process_time() - begun)
    return best
