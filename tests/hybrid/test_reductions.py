"""Events over many members: conditions and actions with sums and maxima over all of them."""

import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.diagnostics import Source
from stiffdsl.pipeline import compile_model

# Neurons that integrate and fire, all to all: where one reaches 1 it begins anew, the others come nearer to it.
NEURONS = """
model Neurons
  const N = 12
  param w = 0.02
  param I[N] = (1.1 + 0.3*i/N for i in 1..N)
  var V[N] start (0.07*(i - 1) for i in 1..N)
equations
  for i in 1..N
    der(V[i]) = I[i] - V[i]
  end
  when max(V) > 1
    V := (if V[i] >= 1 then 0 else V[i] + w*(1 - V[i])*sum((if V[j] >= 1 then 1 else 0) for j in 1..N) for i in 1..N)
  end
end
"""


def neurons(end: float, N: int = 12, w: float = 0.02) -> tuple[np.ndarray, int]:
    """V at `end`, and the number of events: the closed form between two of them."""
    current = 1.1 + 0.3 * np.arange(1, N + 1) / N
    V, t, count = 0.07 * np.arange(N), 0.0, 0
    while True:
        wait = -np.log((current - 1) / (current - V))
        if t + wait.min() > end:
            return current + (V - current) * np.exp(-(end - t)), count
        first = wait.min()
        V, t, count = current + (V - current) * np.exp(-first), t + first, count + 1
        fired = np.isclose(V, 1, rtol=0, atol=1e-9)
        V = np.where(fired, 0, V + w * (1 - V) * fired.sum())


def test_neurons_fire_as_their_closed_form_says():
    run = sd.loads(NEURONS).simulate(time=(0, 4), rtol=1e-10, atol=1e-12)
    expected, count = neurons(4)
    assert len(run.events) == count
    assert [run[f"V[{i}]"][-1] for i in range(1, 13)] == pytest.approx(expected, rel=1e-8)


def test_a_maximum_over_many_members_costs_no_more_text():
    """Written out, `max` of N numbers in the condition of an event had 2^N branches."""
    sizes = []
    for count in (64, 512):
        text = NEURONS.replace("N = 12", f"N = {count}")
        program = compile_model(Source("m.sml", text), stop_after="program")
        sizes.append(len(program.by_name["guards"].ops) + len(program.by_name["reset"].ops))
    assert sizes[1] < 1.5 * sizes[0]


def _nested(depth: int, leaf: str, k: int = 1) -> str:
    own = leaf.format(k=k)
    return own if k == depth else f"{own} {'and' if k % 2 else 'or'} ({_nested(depth, leaf, k + 1)})"


@pytest.mark.parametrize("leaf", ["x > a[{k}]", "sqrt(x)/p > a[{k}]"])
def test_nested_conditions_cost_no_more_than_their_text(leaf):
    """`a and (b or (c and …))` doubled with each level."""
    sizes = []
    for depth in (40, 80):
        text = f"""
model M
  param p = 1
  param a[80] = (0.01*i for i in 1..80)
  var x start 0
  var z start 0
  discrete n = 0
equations
  der(x) = 1
  der(z) = if {_nested(depth, leaf)} then 2 else 1
  when {_nested(depth, leaf)}
    n := n + 1
  end
end
"""
        program = compile_model(Source("m.sml", text), stop_after="program")
        sizes.append(len(program.by_name["guards"].ops) + len(program.by_name["reset"].ops))
    assert sizes[1] < 2 * sizes[0] < 6000


def test_a_time_that_is_a_sum_of_parameters_is_met_exactly():
    text = """
model M
  param d[12] = (0.1*i for i in 1..12)
  var x start 0
equations
  der(x) = 1
  when time >= sum(d)
    x := 0
  end
end
"""
    run = sd.loads(text).simulate(time=(0, 10))
    assert run.events[0].time == sum(0.1 * i for i in range(1, 13)) or run.events[0].time == pytest.approx(
        7.8, rel=1e-15
    )
    assert run["x"][-1] == pytest.approx(2.2, rel=1e-12)


@pytest.mark.parametrize("joined", ["and", "or"])
def test_many_conditions_of_one_event_cost_a_text_in_proportion(joined):
    count = 40
    lines = [f"  var x{k} start -{k}" for k in range(count)] + ["  discrete done = 0", "equations"]
    lines += [f"  der(x{k}) = 1" for k in range(count)]
    lines += [f"  when {f' {joined} '.join(f'x{k} > 1' for k in range(count))}", "    done := 1", "  end"]
    model = sd.loads("\n".join(["model M", *lines, "end", ""]))
    assert len(model.program.by_name["guards"].ops) < 8 * count
    run = model.simulate(time=(0, 60))
    assert run.events[0].time == pytest.approx(count if joined == "and" else 1, rel=1e-12)
