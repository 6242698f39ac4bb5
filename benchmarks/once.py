"""Cost in a run of operations on parameters alone: Arrhenius rates, beside the same rates as given numbers.

    python -m benchmarks.once

A ratio of one means that a solve does them once. The first method of each size is that of the kernels.
"""

import math
import time

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


def main() -> None:
    print("reactions  method   tier      after Arrhenius  as numbers  ratio")
    for n, methods in SIZES.items():
        texts = (
            CHAIN.format(parameters=ARRHENIUS, rate="a[i]*exp(-E[i]/(8.314*T))"),
            CHAIN.format(parameters=GIVEN, rate="k[i]"),
        )
        models = [sd.loads(text, constants={"N": n}) for text in texts]
        given = ({}, {"k": [rate(i) for i in range(1, n + 1)]})
        for method in methods:
            best, tier = [math.inf, math.inf], ""
            for k in range(REPEATED + 1):
                for which, (model, params) in enumerate(zip(models, given, strict=True)):
                    begun = time.perf_counter()
                    solution = model.simulate(saveat=[100.0], method=method, params=params)
                    if k:
                        best[which] = min(best[which], time.perf_counter() - begun)
                    tier = solution.stats["tier"]
            milliseconds = [1e3 * seconds for seconds in best]
            print(
                f"{n:9,}  {method:8} {tier:9} {milliseconds[0]:12.2f} ms {milliseconds[1]:8.2f} ms"
                f"  {best[0] / best[1]:5.2f}"
            )


if __name__ == "__main__":
    main()
