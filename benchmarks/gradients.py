"""The gradient of a fit: 20 rate constants of POLLU, to all 20 species at 20 times, by every way that JAX users have.

Each peer in a process of its own, compiled once; then what Jacobians and second derivatives cost in the native tier.
The data are the model's own solution with other rates; the loss is a sum of squares, in units of each species' maximum.
`python -m benchmarks.gradients PEER` prints one line of JSON, `python -m benchmarks.gradients orders` the second part.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.integrate import solve_ivp

from benchmarks.compare import seconds
from benchmarks.problem import NUMPY
from benchmarks.problems.pollu import NAMES, RATES, equations, pollu
from benchmarks.process import fresh
from benchmarks.timed import portable_tier_only

jax.config.update("jax_enable_x64", True)

PARAMETERS = 20
TIMES = np.linspace(3.0, 60.0, 20)
PEERS = ("stiffdsl", "stiffdsl, forward", "stiffdsl, portable tier", "diffrax Kvaerno5")
SECONDS, MOST = 3.0, 200
HEADER = """\
The loss of a fit of 20 parameters of POLLU and its gradient, both in one call, rtol 1e-6, atol 1e-12.
first: from the model to the first gradient, nothing kept from before. loss, gradient: median of the calls that follow.
ratio: gradient over loss. error: largest difference to central differences of scipy Radau (rtol 1e-11), of the
largest entry.
"""


def rates(x: Any, xp: Any) -> Any:
    """The rate constants at the logarithms `x` of 20 factors."""
    return xp.concatenate([np.array(RATES[:PARAMETERS]) * xp.exp(x), np.array(RATES[PARAMETERS:])])


def reference(x: np.ndarray) -> np.ndarray:
    """All species at all times, tightly."""
    problem, k = pollu(), rates(x, np)
    found = solve_ivp(
        lambda t, y: equations(t, y, NUMPY, k),
        problem.time,
        problem.y0,
        "Radau",
        TIMES,
        rtol=1e-11,
        atol=1e-16,
    )
    return found.y.T


def weighted(data: np.ndarray) -> Callable[[Any], Any]:
    scale = np.max(np.abs(data), axis=0)
    return lambda ys: (((ys - data) / scale) ** 2).sum()


def solution(peer: str) -> Callable[[Any], Any]:
    """`(x) -> (times, species)`."""
    problem = pollu()
    if peer.startswith("diffrax"):
        return _by_diffrax(problem)
    import stiffdsl

    if peer.endswith("portable tier"):
        portable_tier_only()
    model = stiffdsl.load(problem.file)
    solve = model.solver(
        saveat=TIMES, outputs=list(NAMES), time=problem.time, rtol=problem.rtol, atol=problem.atol
    )
    base = RATES[:PARAMETERS]

    def of(x):
        return solve(params={f"k{k + 1}": rate * jnp.exp(x[k]) for k, rate in enumerate(base)})

    return of


def _by_diffrax(problem: Any) -> Callable[[Any], Any]:
    import diffrax

    from benchmarks.peers.jax_arrays import JAX

    term: Any = diffrax.ODETerm(lambda t, y, k: equations(t, y, JAX, k))
    controller: Any = diffrax.PIDController(rtol=problem.rtol, atol=problem.atol)
    start, end = problem.time

    def of(x):
        solved = diffrax.diffeqsolve(
            term,
            diffrax.Kvaerno5(),
            start,
            end,
            None,
            jnp.asarray(problem.y0),
            args=rates(x, jnp),
            saveat=diffrax.SaveAt(ts=jnp.asarray(TIMES)),
            stepsize_controller=controller,
            max_steps=4096,
        )
        assert solved.ys is not None
        return solved.ys

    return of


def measure(peer: str, data: np.ndarray) -> dict[str, Any]:
    start = time.perf_counter()
    of, loss_of = solution(peer), weighted(data)

    def loss(x):
        return loss_of(of(x))

    x = jnp.zeros(PARAMETERS)
    plain = jax.jit(loss)
    if peer.endswith("forward"):
        both = jax.jit(lambda x: (loss(x), jax.jacfwd(loss)(x)))
    else:
        both = jax.jit(jax.value_and_grad(loss))
    gradient = np.asarray(both(x)[1])
    first = time.perf_counter() - start
    return {
        "state": "done",
        "first": first,
        "loss": _median(lambda: plain(x)),
        "gradient": _median(lambda: both(x)),
        "values": gradient.tolist(),
    }


def _median(call: Callable[[], Any]) -> float:
    jax.block_until_ready(call())
    times: list[float] = []
    while len(times) < MOST and sum(times) < SECONDS:
        start = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def observed() -> np.ndarray:
    """The data: what other rates give."""
    return reference(0.1 * np.cos(np.arange(PARAMETERS)))


def differences(data: np.ndarray, step: float = 1e-3) -> np.ndarray:
    loss, unit = weighted(data), np.eye(PARAMETERS)
    ends = [[loss(reference(sign * step * e)) for sign in (1, -1)] for e in unit]
    return np.array([(above - below) / (2 * step) for above, below in ends])


def gradients(limit: float, console: Console) -> list[dict[str, Any]]:
    """Runs all peers and prints a table; returns one record for each."""
    console.print(HEADER, highlight=False)
    expected = differences(observed())
    table = Table(title="gradient of a fit, 20 parameters", title_justify="left")
    table.add_column("peer")
    for column in ("first", "loss", "gradient", "ratio", "error"):
        table.add_column(column, justify="right")
    records = []
    for peer in PEERS:
        record = fresh(["benchmarks.gradients", peer], limit, {"STIFFDSL_CACHE": ""})
        if record["state"] == "done":
            off = np.abs(np.array(record["values"]) - expected)
            record["error"] = float(np.max(off) / np.max(np.abs(expected)))
            shown = [seconds(record[k]) for k in ("first", "loss", "gradient")]
            ratio = record["gradient"] / record["loss"]
            table.add_row(peer, *shown, f"{ratio:.1f}", f"{record['error']:.1e}")
        else:
            table.add_row(peer, "-", "-", "-", "-", f"{record['state']}: {record['why']}")
        records.append({"peer": peer, **record})
    console.print(table)
    return [*records, _more_than_a_gradient(limit, console)]


def _more_than_a_gradient(limit: float, console: Console) -> dict[str, Any]:
    record = fresh(["benchmarks.gradients", "orders"], limit, {"STIFFDSL_CACHE": ""})
    table = Table(title="what is more than a gradient, native tier", title_justify="left")
    table.add_column("derivative")
    table.add_column("processor time in solves, or as named", justify="right")
    if record.pop("state", "done") == "done":
        for name, value in record.items():
            table.add_row(name, f"{value:.2g}")
    console.print(table)
    return {"peer": "orders", **record}


def orders() -> dict[str, float]:
    """Processor time of what is more than a gradient: in solves, or in gradients where the name says so."""
    of, loss_of = solution("stiffdsl"), weighted(observed())
    x, along = jnp.zeros(PARAMETERS), jnp.asarray(np.cos(np.arange(PARAMETERS)))

    def loss(x):
        return loss_of(of(x))

    def product(x):
        return jax.jvp(jax.grad(loss), (x,), (along,))[1]

    seconds_of = {
        name: _processor(jax.jit(function), x)
        for name, function in {
            "solve": of,
            "gradient": jax.grad(loss),
            "jacrev": jax.jacrev(of),
            "jacfwd": jax.jacfwd(of),
            "product": product,
            "hessian": jax.hessian(loss),
        }.items()
    }
    solve, gradient = seconds_of["solve"], seconds_of["gradient"]
    rows = len(NAMES) * len(TIMES)
    step = 1e-4
    slope = jax.jit(jax.grad(loss))
    expected = (slope(x + step * along) - slope(x - step * along)) / (2 * step)
    hessian = jax.jit(jax.hessian(loss))(x)
    return {
        "gradient": gradient / solve,
        "row of jacrev": seconds_of["jacrev"] / rows / solve,
        "direction of jacfwd": seconds_of["jacfwd"] / PARAMETERS / solve,
        "product with the Hessian, in gradients": seconds_of["product"] / gradient,
        "row of the Hessian, in gradients": seconds_of["hessian"] / PARAMETERS / gradient,
        "largest asymmetry of the Hessian": float(
            jnp.max(jnp.abs(hessian - hessian.T)) / jnp.max(jnp.abs(hessian))
        ),
        "product against differences of gradients": float(
            jnp.max(jnp.abs(hessian @ along - expected)) / jnp.max(jnp.abs(expected))
        ),
    }


def _processor(function: Callable[[Any], Any], x: Any) -> float:
    jax.block_until_ready(function(x))
    times: list[float] = []
    while len(times) < MOST and sum(times) < SECONDS:
        start = time.process_time()
        jax.block_until_ready(function(x))
        times.append(time.process_time() - start)
    return float(np.median(times))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gradients")
    parser.add_argument("peer", choices=(*PEERS, "orders"))
    peer = parser.parse_args().peer
    json.dump(orders() if peer == "orders" else measure(peer, observed()), sys.stdout)


if __name__ == "__main__":
    main()
