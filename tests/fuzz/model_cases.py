"""Random models against their own meaning: parameters, inputs, starts, f, variables, Jacobian."""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any

import numpy as np

from .outcome import Mismatch, Skipped
from .own import Own, SampledValues
from .random_model import RandomModel, random_model

TOLERANCE = 1e-7
# Relative changes of states and parameters beside which rounding is small; values that wrap around may come near to
# themselves, so there are several, and some times the largest change is allowed.
MOVED = (1e-13, -1e-13, 3e-13, -3e-13)
BLURS = 10.0
POINTS = 4


def models(rng: Random, keep: dict[str, Any]) -> None:
    """A random model at random points."""
    compared(random_model(rng, rng.randint(1, 4)), rng, keep)


def edges(rng: Random, keep: dict[str, Any]) -> None:
    """A random model with laws at points where their derivatives are easily written as 0/0."""
    compared(random_model(rng, rng.randint(1, 2), edges=True), rng, keep, special=True)


def compared(made: RandomModel, rng: Random, keep: dict[str, Any], special: bool = False) -> Any:
    """Compiles and compares; raises `Mismatch`."""
    keep["text"] = made.text
    keep["features"] = made.features
    model = compiled(made)
    own = Own(made)
    with np.errstate(all="ignore"):
        given = overridden(made, own, rng)
        p, u = check_parameters(made, own, model, given)
        check_starts(made, own, model, p, u)
        t, x = places(made, own, p, rng, special)
        points = own.points(t, x, p[0], u[0])
        if not points.good.any():
            raise Skipped("no point where the equations can be solved")
        Comparison(made, own, model, p, u).at(points)
    return model


def compiled(made: RandomModel) -> Any:
    import stiffdsl as sd

    try:
        return sd.loads(made.text)
    except sd.ModelError as error:
        # Expressions know nothing of units: a - a and 0.1*a of a temperature in degC differ by its offset.
        if "E0508" in str(error):
            raise Skipped("a temperature with an offset beside a difference") from None
        raise Mismatch("a right model is refused", str(error)) from error


def overridden(made: RandomModel, own: Own, rng: Random) -> dict[int, float]:
    """Other values for some parameters, those that follow from others too."""
    declared = own.parameters()
    rows = range(len(made.parameters))
    return {k: declared[k] * rng.uniform(0.7, 1.3) for k in rows if rng.random() < 0.15}


def check_parameters(made, own: Own, model, given: dict[int, float]):
    """All parameters in SI: ours in our order, the model's in its own; and the inputs."""
    named = {}
    for k, value in given.items():
        row = made.parameters[k]
        named[row.name] = (value - row.unit[2]) / row.unit[1]
    mine = own.parameters(given)
    order = numbers(model.parameter_names, [row.name for row in made.parameters])
    theirs = model.parameter_vector(named)
    near("parameters", [row.name for row in made.parameters], mine, theirs[order])
    inputs = own.inputs(mine)
    defaults = np.asarray(model.interpreted.input_defaults(theirs))
    order = numbers(model.input_names, [row.name for row in made.inputs])
    near("inputs", [row.name for row in made.inputs], inputs, defaults[order])
    return (mine, theirs), (inputs, defaults)


def check_starts(made, own: Own, model, p, u) -> None:
    names = [row.name for row in made.variables]
    theirs = np.asarray(model.interpreted.start(p[1], u[1], 0.0))[numbers(model.variable_names, names)]
    near("starts", names, own.starts(p[0]), theirs)


def numbers(names: Any, wanted: list[str]) -> np.ndarray:
    known = dict(zip(names.scalars(), names.numbers(), strict=True))
    missing = [name for name in wanted if name not in known]
    if missing or len(known) != len(wanted):
        raise Mismatch("names", f"missing {missing}; there are {sorted(known)}, expected {sorted(wanted)}")
    return np.array([known[name] for name in wanted], dtype=np.int64)


def near(what: str, names: list[str], mine: np.ndarray, theirs: np.ndarray, tolerance: float = 1e-11) -> None:
    off = ~(np.abs(mine - theirs) <= tolerance * (1 + np.abs(mine))) & ~(np.isnan(mine) & np.isnan(theirs))
    off &= np.isfinite(mine) | np.isfinite(theirs)
    if off.any():
        told = [f"{names[k]}: {theirs[k]!r}, expected {mine[k]!r}" for k in np.flatnonzero(off)[:5]]
        raise Mismatch(what, "; ".join(told))


def places(made, own: Own, p, rng: Random, special: bool) -> tuple[np.ndarray, np.ndarray]:
    """Times and states, in SI: near the starts, and where `special` also zeros, ones and equal values."""
    random = np.random.default_rng(rng.randrange(2**32))
    start = own.starts(p[0])[own.states]
    scale = np.array([made.variables[k].unit[1] for k in own.states])
    x = start + scale * random.uniform(-0.3, 0.6, (POINTS, len(start)))
    if special:
        shift = np.array([made.variables[k].unit[2] for k in own.states])
        plain = shift == 0
        x[0, plain] = 0.0
        x[1, plain] = scale[plain]
        picked = random.choice([0.0, 1.0, 0.5], len(start))
        x[2, plain] = (picked * scale)[plain]
    return random.choice([0.0, 0.2031, 0.7017, 1.3011], POINTS), x


# The place of a condition that is held in steps.
HELD = -1


class Comparison:
    """The functions of a compiled model at points where our own values are known. `p`, `u`: parameters and inputs in
    the order of `own`, then in the order of the model."""

    def __init__(
        self, made: RandomModel, own: Own, model: Any, p: Sequence[np.ndarray], u: Sequence[np.ndarray]
    ):
        self.made, self.own, self.model, self.p, self.u = made, own, model, p[1], u[1]
        self.given = p[0], u[0]
        self.names = [row.name for row in made.variables]
        program = model.program
        place = numbers(model.variable_names, self.names)
        mine = {int(v): k for k, v in enumerate(place)}
        # Conditions that are held in steps are no variables of ours: they are what holds.
        mine |= {int(v): HELD for v in program.system.flat.held}
        self.place = place
        self.y_of = [
            (mine[int(v)], bool(var)) for v, var in zip(program.unknowns, program.is_variable, strict=True)
        ]
        self.states = len(program.system.states)
        self.of_state = [self.y_of[k][0] for k in range(self.states)]

    def at(self, points: SampledValues) -> None:
        for k in np.flatnonzero(points.good & ~points.jumps):
            self._one(points, int(k))

    def _one(self, points: SampledValues, k: int) -> None:
        functions = self.model.interpreted
        v, d, t = points.v[k], points.d[k], points.t[k]
        y = np.array([0.0 if j == HELD else v[j] if variable else d[j] for j, variable in self.y_of])
        self._hold(t, y)
        where = f"t = {t}, " + ", ".join(f"{n} = {x!r}" for n, x in zip(self.names, v, strict=True))
        found = np.asarray(functions.variables(t, y, self.p, self.u))[self.place]
        self._close("variables", v, found, where, partial(self._blur, points, k, "v"))
        slopes = np.asarray(functions.derivatives(t, y, self.p, self.u))[self.place]
        known = np.isfinite(d) & ~np.isnan(slopes)
        blur = partial(self._blur, points, k, "d")
        self._close("derivatives", np.where(known, d, np.nan), np.where(known, slopes, np.nan), where, blur)
        f = np.asarray(functions.rhs(t, y, self.p, self.u))
        own = np.array([j != HELD for j in self.of_state])
        states = np.array(self.of_state)[own]
        self._close("f", d[states], f[: self.states][own], where, lambda: blur()[states])
        size = 1 + np.abs(v[np.isfinite(v)]).max() + np.abs(d[np.isfinite(d)]).max(initial=0)
        if not (np.abs(f[self.states :]) <= 1e-6 * size).all():
            raise Mismatch("residual rows", f"{f[self.states :]} at {where}")
        values = np.asarray(functions.jacobian(t, y, self.p, self.u))
        self._jacobian(points, k, values, where)

    def _hold(self, t: float, y: np.ndarray) -> None:
        """Sets the conditions that are held to what holds at t and y."""
        program, at = self.model.program, 0
        if not program.events.count:
            return
        guards = np.asarray(self.model.interpreted.guards(t, y, self.p, self.u))
        places = {int(v): k for k, v in enumerate(program.system.states)}
        for event in program.system.flat.events:
            for action in event.actions:
                if action.value.template == 1:
                    y[[places[int(v)] for v in action.targets]] = guards[at : at + event.size]
            at += event.size

    def _close(
        self, what: str, mine: np.ndarray, theirs: np.ndarray, where: str, blur: Callable[[], np.ndarray]
    ) -> None:
        off = ~(np.abs(mine - theirs) <= TOLERANCE * (1 + np.abs(mine))) & np.isfinite(mine)
        if off.any():
            off &= ~(np.abs(mine - theirs) <= blur())
        if off.any():
            told = [f"{theirs[j]!r}, expected {mine[j]!r}" for j in np.flatnonzero(off)[:3]]
            raise Mismatch(what, f"{'; '.join(told)} at {where}")

    def _blur(self, points: SampledValues, k: int, of: str) -> np.ndarray:
        """What rounding may do to the values `of` point k: `BLURS` times their largest change where the states, or the
        parameters, move by `MOVED`."""
        here, x, (p, u) = getattr(points, of)[k], points.v[k : k + 1, self.own.states], self.given
        most = np.zeros_like(here)
        for moved in MOVED:
            for states, parameters in ((x * (1 + moved), p), (x, p * (1 + moved))):
                beside = self.own.points(points.t[k : k + 1], states, parameters, u)
                if not beside.good[0]:
                    return np.full_like(here, np.inf)
                most = np.fmax(most, np.abs(getattr(beside, of)[0] - here))
        return BLURS * most

    def _jacobian(self, points: SampledValues, k: int, values: np.ndarray, where: str) -> None:
        """Derivatives of f by the states, with what is computed following them."""
        program, s = self.model.program, self.states
        order = self.own.states
        if sorted(self.of_state) != sorted(order):
            return
        at = [order.index(j) for j in self.of_state]
        mine = points.slopes[k][: len(order)][np.ix_(at, at)]
        if not np.isfinite(mine).all():
            return
        if not np.isfinite(values).all():
            raise Mismatch("jacobian is not finite", f"{values} at {where}")
        if points.kinks[k]:
            return
        dense = np.zeros((program.size, program.size))
        dense[program.rows, program.columns] = values
        inner = dense[s:, s:]
        if len(inner):
            scaled = inner / np.maximum(np.abs(inner).max(axis=1, keepdims=True), 1e-300)
            if np.linalg.matrix_rank(inner) < len(inner) or np.linalg.cond(scaled) > 1e8:
                return
            dense = dense[:s, :s] - dense[:s, s:] @ np.linalg.solve(inner, dense[s:, :s])
        off = ~(np.abs(mine - dense) <= 1e-6 * (1 + np.abs(mine).max()))
        if off.any():
            off &= ~(np.abs(mine - dense) <= self._blur(points, k, "slopes")[: len(order)][np.ix_(at, at)])
        if off.any():
            i, j = np.argwhere(off)[0]
            names = self.names[self.of_state[i]], self.names[self.of_state[j]]
            told = f"d der({names[0]})/d {names[1]}: {dense[i, j]!r}, expected {mine[i, j]!r}"
            raise Mismatch("jacobian", f"{told} at {where}")
