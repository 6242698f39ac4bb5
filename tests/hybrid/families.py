"""Families of systems with events: a text, and random parameters for it with all its events in closed form."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import numpy as np


@dataclass(frozen=True)
class Drawn:
    """One system: parameters, inputs, the end of the run, times of events by the text of their `when` and their number
    among repetitions, final values; how far times (absolutely) and values (relatively) may be off."""

    params: dict[str, object]
    end: float
    events: dict[tuple[str, int | None], list[float]]
    final: dict[str, float]
    slack: float
    close: float = 1e-6
    inputs: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class SystemFamily:
    """`text` is the model; `draw` a system of it, or None where a random number fell too near to a tie."""

    name: str
    text: str
    draw: Callable[[Random], Drawn | None]
    rtol: float = 1e-9
    atol: float = 1e-12


def spread(random: Random, low: float, high: float) -> float:
    """A random number between two bounds, whose logarithm is uniform."""
    return math.exp(random.uniform(math.log(low), math.log(high)))


def apart(times: list[float], least: float) -> bool:
    """Whether no two times are nearer than that."""
    ordered = sorted(times)
    return all(b - a > least for a, b in itertools.pairwise(ordered))


# --- balls --------------------------------------------------------------------------------------------

BALL = """
model Ball
  param g = 9.81
  param e = 0.8
  param h0 = 1
  param v0 = 0
  var h start h0
  var v start v0
equations
  der(h) = v
  der(v) = -g
  when h < 0
    v := -e*v
  end
end
"""


def ball(random: Random) -> Drawn:
    g, e = spread(random, 0.1, 100), random.uniform(0.3, 0.98)
    h0, v0 = spread(random, 1e-2, 100), random.uniform(-5, 5)
    speed = math.sqrt(v0 * v0 + 2 * g * h0)
    t, times = (v0 + speed) / g, []
    for _ in range(random.randint(1, 20)):
        times.append(t)
        speed *= e
        flight = 2 * speed / g
        t += flight
    since = random.uniform(0.1, 0.9) * flight
    final = {"h": speed * since - g * since**2 / 2, "v": speed - g * since}
    params = {"g": g, "e": e, "h0": h0, "v0": v0}
    end = times[-1] + since
    return Drawn(params, end, {("when h < 0", None): times}, final, 1e-10 * end, 1e-7)


WALLS = """
model Walls
  param v0 = 1
  param wide = 1
  param x0 = 0.5
  var x start x0
  var v start v0
  discrete n = 0
equations
  der(x) = v
  der(v) = 0
  when x > wide
    v := -v
    n := n + 1
  end
  when x < 0
    v := -v
    n := n + 1
  end
end
"""


def walls(random: Random) -> Drawn:
    v, wide = spread(random, 1e-3, 1e3), spread(random, 1e-3, 1e3)
    x0 = wide * random.uniform(0.01, 0.99)
    count = random.randint(2, 30)
    times = [((wide - x0) + k * wide) / v for k in range(count)]
    end = times[-1] + random.uniform(0.1, 0.9) * wide / v
    past = v * (end - times[-1])
    x = wide - past if count % 2 else past
    events = {("when x > wide", None): times[::2], ("when x < 0", None): times[1::2]}
    return Drawn({"v0": v, "wide": wide, "x0": x0}, end, events, {"x": x, "n": count}, 1e-10 * end)


# --- relays -------------------------------------------------------------------------------------------

RELAY = """
model Relay
  param tau = 1
  param out = 0
  param gain = 2
  param low = 0.9
  param high = 1.1
  param T0 = 0
  var T start T0
  discrete on = 1
equations
  tau*der(T) = out + gain*on - T
  when T > high
    on := 0
  elsewhen T < low
    on := 1
  end
end
"""


def relay_times(random: Random, count: int) -> tuple[dict[str, float], list[float], float, float]:
    """Parameters of a relay, its first switchings (off, on, off …), the end of the run, and T there."""
    tau, out, gain = spread(random, 0.01, 100), random.uniform(-10, 10), spread(random, 1, 100)
    middle = out + gain * random.uniform(0.1, 0.9)
    room = min(middle - out, out + gain - middle)
    half = room * spread(random, 1e-4, 0.5)
    low, high = middle - half, middle + half
    T0 = random.uniform(low, high) if random.random() < 0.5 else out + random.uniform(0, low - out)
    params = {"tau": tau, "out": out, "gain": gain, "low": low, "high": high, "T0": T0}
    t, T, on, times = 0.0, T0, True, []
    for _ in range(count):
        goal, edge = (out + gain, high) if on else (out, low)
        t += tau * math.log((goal - T) / (goal - edge))
        times.append(t)
        T, on = edge, not on
    goal, edge = (out + gain, high) if on else (out, low)
    since = random.uniform(0.1, 0.9) * tau * math.log((goal - T) / (goal - edge))
    return params, times, t + since, goal + (T - goal) * math.exp(-since / tau)


def relay(random: Random) -> Drawn:
    params, times, end, T = relay_times(random, random.randint(1, 40))
    events = {("when T > high", None): times[::2], ("elsewhen T < low", None): times[1::2]}
    size = max(abs(params[k]) for k in ("low", "high", "out")) + params["gain"]
    slack = 1e-6 * params["tau"] * len(times) + 1e-9 * end
    return Drawn(params, end, events, {"T": T, "on": 1.0 - len(times) % 2}, slack, 1e-5 * size)


HOUSE = """
model House
  param taus[4] = {1, 2, 3, 4}
  param outs[4] = {0, 0, 0, 0}
  param gains[4] = {2, 2, 2, 2}
  param lows[4] = {0.9, 0.9, 0.9, 0.9}
  param highs[4] = {1.1, 1.1, 1.1, 1.1}
  param starts[4] = {0, 0, 0, 0}
  discrete switched = 0
  var T[4] start starts
  discrete on[4] = {1, 1, 1, 1}
equations
  for i in 1..4
    taus[i]*der(T[i]) = outs[i] + gains[i]*on[i] - T[i]
    when T[i] > highs[i]
      on[i] := 0
    elsewhen T[i] < lows[i]
      on[i] := 1
    end
  end
end
"""


def house(random: Random) -> Drawn | None:
    relays = [relay_times(random, 60) for _ in range(4)]
    end = min(r[1][-1] for r in relays) * random.uniform(0.3, 0.99)
    names = {"taus": "tau", "outs": "out", "gains": "gain", "lows": "low", "highs": "high", "starts": "T0"}
    params = {many: [r[0][one] for r in relays] for many, one in names.items()}
    events, final, switched = {}, {}, []
    for i, (own, times, _, _) in enumerate(relays):
        within = [t for t in times if t < end]
        switched += [*within, *(t for t in times if abs(t - end) < 1e-4 * own["tau"])]
        events["when T[i] > highs[i]", i + 1] = within[::2]
        events["elsewhen T[i] < lows[i]", i + 1] = within[1::2]
        final[f"on[{i + 1}]"] = 1.0 - len(within) % 2
    tau = max(params["taus"])
    if not apart([*switched, end], 1e-5 * min(params["taus"])):
        return None
    return Drawn(params, end, events, final, 2e-5 * tau + 1e-8 * end)


# --- more than one crossing in a step -----------------------------------------------------------------

CURVE = """
model Curve
  param c[5] = {1, 0, 0, 0, 0}
  var x start c[1]
  var v start c[2]
  var a start 2*c[3]
  var j start 6*c[4]
  param s = 0
  discrete ups = 0
  discrete downs = 0
equations
  der(x) = v
  der(v) = a
  der(a) = j
  der(j) = 24*c[5]
  when x > 0
    ups := ups + 1
  end
  when x < 0
    downs := downs + 1
  end
end
"""


def curve(random: Random) -> Drawn | None:
    """A polynomial of degree two to four, whose roots may lie as near as 1e-5 of the run, which is a single step."""
    degree = random.choice((2, 3, 4))
    roots = [random.uniform(0.02, 0.98) for _ in range(degree)]
    if random.random() < 0.8:
        k = random.randrange(1, degree)
        roots[k] = roots[k - 1] + spread(random, 1e-5, 1e-1)
    if degree == 4 and random.random() < 0.5:
        roots[3] = roots[2] + spread(random, 1e-5, 1e-2)
    roots = sorted(roots)
    if roots[-1] > 0.999 or not apart(roots, 9e-6):
        return None
    sign = random.choice((-1.0, 1.0))
    c = sign * np.poly(roots)[::-1]
    scale = spread(random, 1e-3, 1e3)
    c = np.concatenate([c, np.zeros(5 - len(c))]) / scale ** np.arange(5)
    times = [r * scale for r in roots]
    negative = c[0] < 0
    first, second = times[::2], times[1::2]
    ups, downs = (first, second) if negative else (second, first)
    events = {("when x > 0", None): ups, ("when x < 0", None): downs}
    final = {"ups": float(len(ups)), "downs": float(len(downs))}
    # What lies between two roots is no rounding.
    middles = [(a + b) / 2 for a, b in itertools.pairwise(roots)]
    if min(abs(np.prod([m - r for r in roots])) for m in middles) < 1e-12:
        return None
    # Near a double root, rounding moves single ones.
    gap = min(b - a for a, b in itertools.pairwise(roots)) if degree > 1 else 1.0
    slope = min(abs(np.prod([r - q for q in roots if q != r])) for r in roots)
    return Drawn({"c": c.tolist()}, scale, events, final, scale * min(0.4 * gap, 1e-13 / slope + 1e-10))


WAVE = """
model Wave
  param w = 1
  param x0 = 0
  param v0 = 1
  param level = 0.9
  var x start x0
  var v start v0
  discrete n = 0
equations
  der(x) = v
  der(v) = -w^2*x
  when x > level
    n := n + 1
  end
  when x < -level
    n := n + 1
  end
end
"""


def sine_times(w: float, phase: float, part: float, end: float) -> list[float]:
    """When A*sin(w*t + phase) rises through `part` of A, at most 1."""
    begin = math.asin(part)
    first = (begin - phase) % (2 * math.pi)
    return [float(t) for t in (first + 2 * math.pi * np.arange(math.ceil(w * end / 6) + 1)) / w if t < end]


def wave(random: Random) -> Drawn | None:
    w, A, phase = spread(random, 1e-2, 1e2), spread(random, 1e-2, 1e2), random.uniform(-3, 3)
    part = 1 - spread(random, 1e-5, 0.5)
    end = random.uniform(0.5, 30) / w
    ups = sine_times(w, phase, part, end)
    downs = sine_times(w, phase + math.pi, part, end)
    # What is too near to the start or the end to be told apart.
    near = 1e-2 * math.sqrt(1 - part * part) / w
    edges = sine_times(w, phase, part, end + near) + sine_times(w, phase + math.pi, part, end + near)
    if len(edges) > len(ups) + len(downs) or any(min(t, end - t) < near for t in edges):
        return None
    if A * math.sin(phase) > part * A or A * math.sin(phase) < -part * A:
        return None
    params = {"w": w, "x0": A * math.sin(phase), "v0": A * w * math.cos(phase), "level": A * part}
    events = {("when x > level", None): ups, ("when x < -level", None): downs}
    slack = 1e-7 * (w * end + 1) / math.sqrt(1 - part * part) / w
    return Drawn(params, end, events, {"n": float(len(ups) + len(downs))}, slack)


GATE = """
model Gate
  param a = 1
  param b = 1
  param p = 0.5
  param q = 0.6
  var x start 0
  var y start 0
  discrete n = 0
  discrete m = 0
equations
  der(x) = a
  der(y) = b
  when x > a*p and y < b*q
    n := n + 1
  end
  when x < a*p or y > b*q
    m := m + 1
  end
end
"""


def gate(random: Random) -> Drawn:
    """A condition that holds between two crossings, as near as 1e-5 of the run."""
    p = random.uniform(0.02, 0.9)
    q = p + spread(random, 1e-5, 0.05)
    a, b = spread(random, 1e-3, 1e3), spread(random, 1e-3, 1e3)
    end = spread(random, 1e-2, 1e2)
    times = [p * end, q * end]
    events = {
        ("when x > a*p and y < b*q", None): times[:1],
        ("when x < a*p or y > b*q", None): times[1:],
    }
    params = {"a": a, "b": b, "p": p * end, "q": q * end}
    return Drawn(params, end, events, {"n": 1.0, "m": 1.0}, 1e-9 * end)


FORCED = """
model Forced
  param w = 1
  param phase = 0
  param level = 0.5
  var x start 1
  discrete n = 0
equations
  der(x) = -0.1*x
  when sin(w*time + phase) > level
    n := n + 1
  end
end
"""


def forced(random: Random) -> Drawn | None:
    """A condition of time alone, of which steps know nothing."""
    w, phase, part = spread(random, 0.1, 10), random.uniform(-3, 3), random.uniform(-0.95, 0.95)
    end = random.uniform(1, 60) / w
    times = sine_times(w, phase, part, end + 0.01 / w)
    if any(min(t, abs(end - t)) < 1e-3 / w for t in times) or abs(math.sin(phase) - part) < 1e-3:
        return None
    times = [t for t in times if t < end]
    params = {"w": w, "phase": phase, "level": part}
    events = {("when sin(w*time + phase) > level", None): times}
    final = {"n": float(len(times)), "x": math.exp(-0.1 * end)}
    return Drawn(params, end, events, final, 1e-9 * end)


TABLE = """
model Listening
  input u
  param level = 0.5
  var x start 1
  discrete n = 0
equations
  der(x) = -x
  when u > level
    n := n + 1
  end
end
"""


def listening(random: Random) -> Drawn:
    """Narrow pulses of an input that nothing else reads."""
    count, end, level = random.randint(1, 12), spread(random, 0.1, 100), random.uniform(0.1, 0.9)
    t, u, times = [0.0], [0.0], []
    for k in range(count):
        wide = spread(random, 1e-5, 0.3) / count
        begin = (k + random.uniform(0.1, 0.5)) / count
        t += [begin, begin + wide / 2, begin + wide]
        u += [0.0, 1.0, 0.0]
        times.append((begin + level * wide / 2) * end)
    t, u = [*(end * x for x in t), end], [*u, 0.0]
    inputs = {"u": (np.array(t), np.array(u))}
    events = {("when u > level", None): times}
    final = {"n": float(count), "x": math.exp(-end)}
    return Drawn({"level": level}, end, events, final, 1e-9 * end, inputs=inputs)


# --- neurons, counters, clocks ------------------------------------------------------------------------

NEURON = """
model Neuron
  param tau = 1
  param drive = 2
  param v0 = 0
  var v start v0
  discrete spikes = 0
  discrete bursts = 0
equations
  tau*der(v) = drive - v
  when v > 1
    v := 0
    spikes := spikes + 1
  end
  when spikes >= 3
    spikes := 0
    bursts := bursts + 1
    v := -1
  end
end
"""


def neuron(random: Random) -> Drawn:
    tau, drive, v = spread(random, 0.01, 100), random.uniform(1.01, 20), random.uniform(-1, 0.9)
    params = {"tau": tau, "drive": drive, "v0": v}
    t, spikes, bursts, fired, burst = 0.0, 0, 0, [], []
    for _ in range(random.randint(1, 30)):
        t += tau * math.log((drive - v) / (drive - 1))
        fired.append(t)
        v, spikes = 0.0, spikes + 1
        if spikes == 3:
            burst.append(t)
            v, spikes, bursts = -1.0, 0, bursts + 1
    since = random.uniform(0.1, 0.9) * tau * math.log((drive - v) / (drive - 1))
    end, v = t + since, drive + (v - drive) * math.exp(-since / tau)
    events = {("when v > 1", None): fired, ("when spikes >= 3", None): burst}
    final = {"v": v, "spikes": float(spikes), "bursts": float(bursts)}
    return Drawn(params, end, events, final, 1e-6 * tau * len(fired) / (drive - 1), 1e-5)


CLOCK = """
model Clock
  param P = 1
  param F = 0.5
  param k = 1
  param at[3] = {0, 1, 2}
  param much[3] = {1, 1, 1}
  var x start 0
  discrete n = 0
equations
  der(x) = -k*x
  when every P from F
    n := n + 1
    x := x + 1
  end
  for i in 1..3
    when time >= at[i]
      x := x + much[i]
    end
  end
end
"""


def clock(random: Random) -> Drawn | None:
    P, k, end = spread(random, 0.05, 2), spread(random, 0.1, 100), random.uniform(1, 10)
    F = random.choice((0.0, random.uniform(0, 3)))
    at = [random.choice((0.0, random.uniform(0, end))) for _ in range(3)]
    much = [random.uniform(-2, 2) for _ in range(3)]
    ticks = [F + i * P for i in range(math.ceil(max(0.0, end - F) / P) + 1) if F + i * P < end]
    if any(abs(end - t) < 1e-6 for t in [*ticks, F + len(ticks) * P]):
        return None
    # Events of one instant act on the value before: of two that set x, both must agree.
    if not apart([*ticks, *at], 1e-6):
        return None
    given = [(t, 1.0) for t in ticks] + list(zip(at, much, strict=True))
    x = sum(amount * math.exp(-k * (end - t)) for t, amount in given)
    events: dict[tuple[str, int | None], list[float]] = {("when every P from F", None): ticks}
    events |= {("when time >= at[i]", i + 1): [t] for i, t in enumerate(at)}
    params = {"P": P, "F": F, "k": k, "at": at, "much": much}
    return Drawn(params, end, events, {"n": float(len(ticks)), "x": x}, 1e-12 * end)


# --- an algebraic unknown between ---------------------------------------------------------------------

IMPLICIT = """
model Implicit
  param rate = 1
  param level = 0.5
  var x start 1
  var y guess 1
  discrete k = 1
  discrete n = 0
equations
  der(x) = -rate*x
  y^3 + y = 2*k*x
  when y < level
    k := 2*k
    n := n + 1
  end
end
"""


def implicit(random: Random) -> Drawn:
    rate, level, count = spread(random, 0.01, 100), random.uniform(0.2, 0.9), random.randint(1, 6)
    # y reaches the level at level^3 + level = 2*k*x; each time k doubles.
    edge = level**3 + level
    times = [math.log(2 * 2**k / edge) / rate for k in range(count)]
    end = times[-1] + random.uniform(0.1, 0.9) * math.log(2) / rate
    right = 2 * 2**count * math.exp(-rate * end)
    y = next(r.real for r in np.roots([1, 0, 1, -right]) if abs(r.imag) < 1e-9)
    final = {"y": y, "k": 2.0**count, "n": float(count)}
    return Drawn({"rate": rate, "level": level}, end, {("when y < level", None): times}, final, 1e-6 / rate)


# --- actions that wait --------------------------------------------------------------------------------

WAITING = """
model Waiting
  param w = 1
  param x0 = 0
  param v0 = 1
  param level = 0.5
  param D = 1
  param S = 1
  var x start x0
  var v start v0
  discrete n = 0
  discrete total = 0
  discrete kept = 0
  discrete stayed = 0
equations
  der(x) = v
  der(v) = -w^2*x
  when x > level after D
    n := n + 1
    total := total + x
  end
  when x > level after D holding
    kept := kept + time
  end
  when x > level after S while
    stayed := stayed + 1
  end
end
"""


def waiting(random: Random) -> Drawn | None:
    w, phase, part = spread(random, 1e-2, 1e2), random.uniform(-3, 3), random.uniform(0.1, 0.9)
    D, S, end = random.uniform(0, 30) / w, random.uniform(0, 4) / w, random.uniform(0.5, 60) / w
    above = (math.pi - 2 * math.asin(part)) / w
    edges = sine_times(w, phase, part, end) + sine_times(w, phase + math.pi, -part, end)
    ups = sine_times(w, phase, part, end)
    due, stays = [t + D for t in ups if t + D < end], [t + S for t in ups if t + S < end]
    near = 1e-3 / w
    if math.sin(phase) > part or abs(S - above) < near or any(min(t, abs(end - t)) < near for t in edges):
        return None
    if any(abs(end - t - d) < near for t in ups for d in (D, S)) or not apart([*edges, *due, *stays], near):
        return None
    stays = stays if above > S else []
    # What is held is the sum as it was at the trigger.
    kept, sums = 0.0, []
    for t in sorted([*ups, *due]):
        if t in ups:
            sums.append(kept + t)
        else:
            kept = sums[due.index(t)]
    params = {"w": w, "x0": math.sin(phase), "v0": w * math.cos(phase), "level": part, "D": D, "S": S}
    events: dict[tuple[str, int | None], list[float]] = {("when x > level after D", None): due}
    events |= {("when x > level after D holding", None): due, ("when x > level after S while", None): stays}
    final = {"n": float(len(due)), "kept": kept, "stayed": float(len(stays))}
    final["total"] = sum(math.sin(w * t + phase) for t in due)
    slack = 1e-7 * (w * end + 1) / math.sqrt(1 - part * part) / w
    return Drawn(params, end, events, final, slack, 1e-5)


ORDER = """
model Order
  param at[4] = {1, 1, 1, 1}
  param p[4] = {1, 2, 3, 4}
  param q = 0
  param r = 0
  param D = 0
  discrete y = 0
  discrete z = 0
  var x start 0
equations
  der(x) = 1
  for i in 1..4
    when time >= at[i] priority p[i]
      y := 2*y + i
      z := i
    end
  end
  when z == 2 while priority q
    y := -y
  end
  when z == 3 after D holding priority r
    y := y + 10*z
    z := 0
  end
end
"""


def order(random: Random) -> Drawn:
    at, p = [float(random.randint(1, 3)) for _ in range(4)], [random.randint(1, 4) for _ in range(4)]
    q, r, D = random.randint(0, 5), random.randint(0, 5), random.choice((0.0, 0.25, 1.0))
    y = z = 0.0
    two, three, fired, due, held = False, False, {k: [] for k in range(6)}, [], []
    waiting, wanted = [], False
    for t in sorted({*at, *(a + D for a in at)}):
        waiting += [i for i in range(4) if at[i] == t]
        while True:
            # Conditions are looked at, then the highest of what is due acts.
            wanted = z == 2 and (wanted or not two)
            two = z == 2
            if z == 3 and not three:
                due.append(t + D)
                held.append(y + 30)
            three = z == 3
            ready = [(p[i], -i, i) for i in waiting]
            ready += [(q, -4, 4)] if wanted else []
            ready += [(r, -5, 5)] if due and due[0] <= t else []
            if not ready:
                break
            chosen = max(ready)[2]
            fired[chosen].append(t)
            if chosen < 4:
                waiting.remove(chosen)
                y, z = 2 * y + chosen + 1, chosen + 1.0
            elif chosen == 4:
                wanted, y = False, -y
            else:
                y, z = held.pop(0), 0.0
                due.pop(0)
    events: dict[tuple[str, int | None], list[float]] = {
        ("when time >= at[i] priority p[i]", i + 1): fired[i] for i in range(4)
    }
    events[("when z == 2 while priority q", None)] = fired[4]
    events[("when z == 3 after D holding priority r", None)] = fired[5]
    params = {"at": at, "p": [float(v) for v in p], "q": float(q), "r": float(r), "D": D}
    return Drawn(params, 4.5, events, {"y": y, "z": z}, 1e-9)


FAMILIES = {
    f.name: f
    for f in (
        SystemFamily("ball", BALL, ball),
        SystemFamily("walls", WALLS, walls),
        SystemFamily("relay", RELAY, relay),
        SystemFamily("house", HOUSE, house),
        SystemFamily("curve", CURVE, curve),
        SystemFamily("wave", WAVE, wave),
        SystemFamily("gate", GATE, gate),
        SystemFamily("forced", FORCED, forced),
        SystemFamily("listening", TABLE, listening),
        SystemFamily("neuron", NEURON, neuron),
        SystemFamily("clock", CLOCK, clock),
        SystemFamily("implicit", IMPLICIT, implicit),
        SystemFamily("waiting", WAITING, waiting),
        SystemFamily("order", ORDER, order),
    )
}
