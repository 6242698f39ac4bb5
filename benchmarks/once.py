"""Cost in a run of operations on parameters alone: Arrhenius rates, beside the same rates as given numbers.

Milliseconds of `simulate`, the least of many in turns. A ratio of one means that a solve does such operations once. The
first method of each size is that of the kernels.
"""

import math
import time
from typing import Any

from rich.console import Console
from rich.table import Table

import stiffdsl as sd

CHAIN = """
model Chain
  const N = 100
  {parameters}
  var x[N] start (1/i for i in 1..N)
  var r[N]
equations
  for i in 1..N
    r[i] = {rate}*x[i]^2
  end
  der(x[1]) = r[N] - r[1]
  for i in 2..N
    der(x[i]) = r[i-1] - r[i]
  end
experiment
  time 0..100, rtol 1e-6, atol 1e-9
end
"""
ARRHENIUS = """param T = 350
  param a[N] = (1e7*(1 + mod(i, 5)) for i in 1..N)
  param E[N] = (5e4 + 300*mod(i, 7) for i in 1..N)"""
GIVEN = "param k[N] = (0 for i in 1..N)"
SIZES = {40: ("rodas5p", "radau5", "fbdf"), 100: ("rodas5p", "radau5", "fbdf"), 3000: ("rodas5p", "fbdf")}
REPEATED = 30


def rate(i: int) -> float:
    return 1e7 * (1 + i % 5) * math.exp(-(5e4 + 300 * (i % 7)) / (8.314 * 350))


def once(console: Console) -> list[dict[str, Any]]:
    """Runs all, prints a table, and returns one record for each number of reactions and method."""
    table = Table(title="rates after Arrhenius, and as numbers", title_justify="left")
    for name in ("reactions", "method", "tier", "Arrhenius, ms", "numbers, ms", "ratio"):
        table.add_column(name, justify="left" if name in ("method", "tier") else "right")
    records = []
    for n, methods in SIZES.items():
        texts = (
            CHAIN.format(parameters=ARRHENIUS, rate="a[i]*exp(-E[i]/(8.314*T))"),
            CHAIN.format(parameters=GIVEN, rate="k[i]"),
        )
        models = [sd.loads(text, constants={"N": n}) for text in texts]
        given = ({}, {"k": [rate(i) for i in range(1, n + 1)]})
        for method in methods:
            r = {"reactions": n, "method": method, **_in_turns(models, given, method)}
            records.append(r)
            ratio = r["Arrhenius"] / r["numbers"]
            milliseconds = (f"{1e3 * r[key]:.2f}" for key in ("Arrhenius", "numbers"))
            table.add_row(f"{n:,}", method, r["tier"], *milliseconds, f"{ratio:.2f}")
    console.print(table)
    return records


def _in_turns(models: list[Any], given: tuple[dict[str, Any], ...], method: str) -> dict[str, Any]:
    best, tier = [math.inf, math.inf], ""
    for k in range(REPEATED + 1):
        for which, (model, params) in enumerate(zip(models, given, strict=True)):
            begun = time.perf_counter()
            solution = model.simulate(saveat=[100.0], method=method, params=params)
            if k:
                best[which] = min(best[which], time.perf_counter() - begun)
            tier = solution.stats["tier"]
    return {"tier": tier, "Arrhenius": best[0], "numbers": best[1]}
