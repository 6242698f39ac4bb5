"""Models with events beside other integrators: processor time of a warm run to a relative error of 1e-6 at its end.

ball: 20 bounces, closed form. converter: a buck converter switched by its current, reference by matrix exponentials.
thermostat: a year, reference by SciPy at 1e-10. doses: 100 doses into a depot, closed form. Each integrator takes the
loosest of the tolerances 1e-4, 1e-6 … 1e-12 that gets there (behind its time). SciPy, scikit-sundae and diffrax end
at each event, and begin anew from Python; pydiffsol (its Tsitouras 5(4)) and casadi
(CVODES) take the events themselves.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

GOAL, TOLERANCES, REPEATS, SLOW = 1e-6, (1e-4, 1e-6, 1e-8, 1e-10, 1e-12), 3, 5.0

BALL = """model Ball
  var h start 1
  var v start 0
equations
  der(h) = v
  der(v) = -9.81
  when h < 0
    v := -0.9*v
  end
end
"""
CONVERTER = """model Converter
  var i start 0
  var v start 0
  discrete on = 1
equations
  der(i) = (24*on - v)/1e-4
  der(v) = (i - v/5)/1e-4
  when i > 2.6
    on := 0
  elsewhen i < 2.2
    on := 1
  end
end
"""
THERMOSTAT = """model Thermostat
  var T start 19.8
  discrete on = 1
equations
  der(T) = (8 - 8*cos(2*pi*time/8760) - 4*cos(2*pi*time/24) - T)/20 + 1.5*on
  when T > 20.5
    on := 0
  elsewhen T < 19.5
    on := 1
  end
end
"""
DOSES = """model Doses
  param at[100] = (8*(i - 1) for i in 1..100)
  var depot start 0
  var c start 0
equations
  der(depot) = -depot
  der(c) = depot - 0.1*c
  for i in 1..100
    when time >= at[i]
      depot := depot + 1
    end
  end
end
"""


@dataclass(frozen=True)
class EventCase:
    """A model as a text and as functions over NumPy or JAX (`xp`): slopes, a guard that falls through zero at an event
    (None: at `times`), and what follows there."""

    name: str
    text: str
    y0: tuple[float, ...]
    mode: float
    end: float
    slopes: Callable[..., Any]
    guard: Callable[..., Any] | None
    jump: Callable[[np.ndarray, float], tuple[np.ndarray, float]]
    times: tuple[float, ...] = ()


def _cases() -> list[EventCase]:
    first = np.sqrt(2 / 9.81)
    last = first + 2 * first * sum(0.9**k for k in range(1, 20)) + first * 0.9**20
    return [
        EventCase(
            "ball", BALL, (1.0, 0.0), 0.0, float(last),
            lambda xp, t, y, m: xp.stack([y[1], -9.81 + 0 * y[1]]),
            lambda xp, t, y, m: y[0],
            lambda y, m: (np.array([0.0, -0.9 * y[1]]), m),
        ),
        EventCase(
            "converter", CONVERTER, (0.0, 0.0), 1.0, 3.62e-3,
            lambda xp, t, y, m: xp.stack([(24 * m - y[1]) / 1e-4, (y[0] - y[1] / 5) / 1e-4]),
            lambda xp, t, y, m: xp.where(m > 0.5, 2.6 - y[0], y[0] - 2.2),
            lambda y, m: (y, 1.0 - m),
        ),
        EventCase(
            "thermostat", THERMOSTAT, (19.8,), 1.0, 8760.0,
            lambda xp, t, y, m: (
                8 - 8 * xp.cos(2 * np.pi * t / 8760) - 4 * xp.cos(2 * np.pi * t / 24) - y
            ) / 20 + 1.5 * m,
            lambda xp, t, y, m: xp.where(m > 0.5, 20.5 - y[0], y[0] - 19.5),
            lambda y, m: (y, 1.0 - m),
        ),
        EventCase(
            "doses", DOSES, (0.0, 0.0), 0.0, 800.0,
            lambda xp, t, y, m: xp.stack([-y[0], y[0] - 0.1 * y[1]]),
            None,
            lambda y, m: (y + np.array([1.0, 0.0]), m),
            tuple(8.0 * i for i in range(100)),
        ),
    ]  # fmt: skip


def events(console: Console) -> list[dict[str, Any]]:
    """Runs all, prints a table, and returns one record for each model and integrator."""
    table = Table(title="models with events", title_justify="left")
    for column in ("model", "events", *PEERS):
        table.add_column(column, justify="left" if column == "model" else "right")
    records = []
    for case in _cases():
        right, count = _reference(case)
        cells = []
        for name, prepare in PEERS.items():
            record = {
                "case": case.name,
                "integrator": name,
                "events": count,
                **_at_goal(case, prepare, right),
            }
            records.append(record)
            cells.append(record.get("why") or f"{1e3 * record['seconds']:.3g} ms ({record['rtol']:.0e})")
        table.add_row(case.name, f"{count:,}", *cells)
    console.print(table)
    return records


def _at_goal(case: EventCase, prepare: Callable[..., Any], right: np.ndarray) -> dict[str, Any]:
    try:
        solve = prepare(case)
    except ImportError as error:
        return {"why": f"no {error.name}"}
    for rtol in TOLERANCES:
        began = time.process_time()
        try:
            found = solve(rtol)
        except Exception as error:  # whatever other projects raise
            return {"why": type(error).__name__}
        if time.process_time() - began > SLOW:
            return {"why": f"more than {SLOW:.0f} s"}
        error = float(np.max(np.abs(found - right) / np.maximum(np.abs(right), 1e-3)))
        if error <= GOAL:
            return {
                "seconds": min(_seconds(solve, rtol) for _ in range(REPEATS)),
                "rtol": rtol,
                "error": error,
            }
    return {"why": f"error {error:.0e}"}


def _seconds(solve: Callable[[float], Any], rtol: float) -> float:
    began = time.process_time()
    solve(rtol)
    return time.process_time() - began


# --- what is right ---


def _reference(case: EventCase) -> tuple[np.ndarray, int]:
    """The values at the end, and the number of events."""
    if case.name == "ball":
        first = np.sqrt(2 / 9.81)
        speed, left = 9.81 * first * 0.9**20, first * 0.9**20
        return np.array([speed * left - 9.81 / 2 * left**2, speed - 9.81 * left]), 20
    if case.name == "doses":
        since = case.end - np.array(case.times)
        depot = np.exp(-since)
        return np.array([depot.sum(), ((np.exp(-0.1 * since) - depot) / 0.9).sum()]), len(case.times)
    if case.name == "converter":
        return _switched_exactly(case)
    counted: list[float] = []
    return _scipy(case, counted)(1e-10), len(counted)


def _switched_exactly(case: EventCase) -> tuple[np.ndarray, int]:
    """Piecewise linear equations by matrix exponentials, switchings by bisection along these."""
    from scipy.linalg import expm

    A = np.array([[0.0, -1e4], [1e4, -2e3]])
    step, t, y, mode, count = 1e-7, 0.0, np.array(case.y0), case.mode, 0

    whole, inverse = expm(A * step), np.linalg.inv(A)

    def after(h: float) -> np.ndarray:
        still = -inverse @ np.array([24e4 * mode, 0.0])
        return still + (whole if h == step else expm(A * h)) @ (y - still)

    assert case.guard is not None
    while t < case.end:
        low, high = 0.0, min(step, case.end - t)
        if case.guard(np, t, after(high), mode) >= 0:
            y, t = after(high), t + high
            continue
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if case.guard(np, t, after(middle), mode) >= 0 else (low, middle)
        y, t, count = after(high), t + high, count + 1
        mode = 1.0 - mode
    return y, count


# --- integrators ---


def _stiffdsl(case: EventCase) -> Callable[[float], np.ndarray]:
    import stiffdsl as sd

    model = sd.loads(case.text)
    names = {"ball": "hv", "converter": "iv", "thermostat": "T"}.get(case.name, ("depot", "c"))

    def solve(rtol: float) -> np.ndarray:
        found = model.simulate((0, case.end), saveat=[case.end], rtol=rtol, atol=1e-3 * rtol, max_steps=None)
        return np.array([found[name][-1] for name in names])

    return solve


def _pieces(case: EventCase, solve: Callable[..., Any], counted: list[float] | None = None) -> np.ndarray:
    """A run from event to event: `solve(t, y, mode, end)` gives the time and values that it came to, and whether an
    event was there."""
    t, y, mode = 0.0, np.array(case.y0), case.mode
    ends: Iterator[float] = iter((*case.times, case.end) if case.times else (case.end,))
    end = next(ends)
    while True:
        if t < end:
            t, y, fired = solve(t, y, mode, end)
        else:
            fired = False
        if fired or (t >= end and case.times and end < case.end):
            y, mode = case.jump(y, mode)
            if counted is not None:
                counted.append(t)
        if not fired:
            if end >= case.end:
                return y
            end = next(ends)


def _scipy(case: EventCase, counted: list[float] | None = None) -> Callable[[float], np.ndarray]:
    from scipy.integrate import solve_ivp

    def solve(rtol: float) -> np.ndarray:
        def piece(t: float, y: np.ndarray, mode: float, end: float):
            event = None
            if case.guard is not None:
                guard = case.guard

                def event(t: float, y: np.ndarray) -> Any:
                    return guard(np, t, y, mode)

                event.terminal, event.direction = True, -1.0  # type: ignore[attr-defined]
            found = solve_ivp(
                lambda t, y: case.slopes(np, t, y, mode), (t, end), y, "DOP853", events=event,
                rtol=max(rtol, 3e-14), atol=1e-3 * rtol,
            )  # fmt: skip
            return found.t[-1], found.y[:, -1], found.status == 1

        return _pieces(case, piece, counted)

    return solve


def _sundials(case: EventCase) -> Callable[[float], np.ndarray]:
    from sksundae.cvode import CVODE

    def solve(rtol: float) -> np.ndarray:
        now = [case.mode]

        def slopes(t: float, y: np.ndarray, yp: np.ndarray) -> None:
            yp[:] = case.slopes(np, t, y, now[0])

        options: dict[str, Any] = {"rtol": rtol, "atol": 1e-3 * rtol, "max_num_steps": 100_000}
        if case.guard is not None:
            guard = case.guard

            def watch(t: float, y: np.ndarray, values: np.ndarray) -> None:
                values[0] = guard(np, t, y, now[0])

            watch.terminal, watch.direction = [True], [-1]  # type: ignore[attr-defined]
            options |= {"eventsfn": watch, "num_events": 1}
        integrator = CVODE(slopes, **options)

        def piece(t: float, y: np.ndarray, mode: float, end: float):
            now[0] = mode
            found = integrator.solve(np.array([t, end]), y)
            return found.t[-1], found.y[-1], found.status == 2

        return _pieces(case, piece)

    return solve


def _diffrax(case: EventCase) -> Callable[[float], np.ndarray]:
    import diffrax
    import jax
    import jax.numpy as jnp
    import optimistix

    jax.config.update("jax_enable_x64", True)

    @jax.jit
    def one(t: Any, y: Any, mode: Any, end: Any, rtol: Any):
        event = None
        if case.guard is not None:
            guard = case.guard
            finder = optimistix.Bisection(1e-12, 1e-12)
            event = diffrax.Event(lambda t, y, args, **_: guard(jnp, t, y, args), finder, direction=False)
        found = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, y, args: case.slopes(jnp, t, y, args)), diffrax.Dopri8(), t, end, None, y, mode,
            stepsize_controller=diffrax.PIDController(rtol=rtol, atol=1e-3 * rtol), event=event, max_steps=100_000,
        )  # fmt: skip
        fired = found.result == diffrax.RESULTS.event_occurred
        return found.ts[-1], found.ys[-1], fired

    def solve(rtol: float) -> np.ndarray:
        def piece(t: float, y: np.ndarray, mode: float, end: float):
            reached, values, fired = one(t, jnp.asarray(y), mode, end, rtol)
            return float(reached), np.asarray(values), bool(fired)

        return _pieces(case, piece)

    return solve


# Models of pydiffsol, with the mode, or the number of the next dose, as a state.
DIFFSL = {
    "ball": """
        in_i { a = 1 } u_i { h = 1, v = 0 } F_i { v, -9.81 * a }
        stop_i { h } reset_i { 0, -0.9 * v } out_i { h, v }""",
    "converter": """
        in_i { a = 1 } u_i { i = 0, v = 0, m = 1 } F_i { (24 * m - v) / 1e-4, (i - v / 5) / 1e-4, 0 * a }
        stop_i { m * (2.6 - i) + (1 - m) * (i - 2.2) } reset_i { i, v, 1 - m } out_i { i, v }""",
    "thermostat": """
        in_i { a = 1 } u_i { T = 19.8, m = 1 }
        w { 6.283185307179586 }
        F_i { (8 - 8 * cos(w * t / 8760) - 4 * cos(w * t / 24) - T) / 20 + 1.5 * m, 0 * a }
        stop_i { m * (20.5 - T) + (1 - m) * (T - 19.5) } reset_i { T, 1 - m } out_i { T }""",
    "doses": """
        in_i { a = 1 } u_i { depot = 1, c = 0, k = 1 } F_i { -depot, depot - 0.1 * c, 0 * a }
        stop_i { 8 * k - t + 1e6 * heaviside(k - 99.5) } reset_i { depot + 1, c, k + 1 } out_i { depot, c }""",
}


def _diffsol(case: EventCase) -> Callable[[float], np.ndarray]:
    import pydiffsol

    ode = pydiffsol.Ode(DIFFSL[case.name], matrix_type=pydiffsol.nalgebra_dense, ode_solver=pydiffsol.tsit45)

    def solve(rtol: float) -> np.ndarray:
        ode.rtol, ode.atol = rtol, 1e-3 * rtol
        return np.asarray(ode.solve_dense(np.array([1.0]), np.array([case.end])).ys)[:, -1]

    return solve


def _casadi(case: EventCase) -> Callable[[float], np.ndarray]:
    import casadi

    dae = casadi.DaeBuilder(case.name)
    t = dae.add("t", "independent")
    names = ["y0", "y1"][: len(case.y0)]
    dose = 1.0 if case.times else 0.0  # the first dose is the start
    starts = [case.y0[0] + dose, *case.y0[1:], dose or case.mode]
    *y, m = (
        dae.add(name, "output", {"start": start, "initial": "exact"})
        for name, start in zip([*names, "m"], starts, strict=True)
    )

    class Symbols:
        stack, cos, where = staticmethod(list), staticmethod(casadi.cos), staticmethod(casadi.if_else)

    slopes = case.slopes(Symbols, t, y if len(y) > 1 else y[0], m)
    for own, slope in zip(y, slopes if isinstance(slopes, list) else [slopes], strict=True):
        dae.eq(dae.der(own), slope)
    dae.eq(dae.der(m), 0)
    if case.times:
        changed = [dae.reinit(names[0], dae.pre(y[0]) + 1), dae.reinit("m", dae.pre(m) + 1)]
        dae.when(t > 8 * m + 1e6 * (m > len(case.times) - 0.5), changed)
    elif case.name == "ball":
        dae.when(y[0] < 0, [dae.reinit(names[1], -0.9 * dae.pre(y[1]))])
    else:
        low, high = (2.2, 2.6) if case.name == "converter" else (19.5, 20.5)
        dae.when(y[0] > high, [dae.reinit("m", 0)])
        dae.when(y[0] < low, [dae.reinit("m", 1)])
    fixed = {"transition": dae.transition(), "max_num_steps": 1_000_000, "max_events": 100_000}
    function, start = dae.create(), dae.start(dae.x())
    made: dict[float, Any] = {}

    def solve(rtol: float) -> np.ndarray:
        if rtol not in made:
            options = fixed | {"reltol": rtol, "abstol": 1e-3 * rtol}
            made[rtol] = casadi.integrator("run", "cvodes", function, 0, [case.end], options)
        return np.array(made[rtol](x0=start)["xf"])[: len(y), -1]

    return solve


PEERS: dict[str, Callable[..., Any]] = {
    "stiffdsl": _stiffdsl,
    "pydiffsol": _diffsol,
    "casadi": _casadi,
    "scikit-sundae": _sundials,
    "diffrax": _diffrax,
    "SciPy": _scipy,
}
