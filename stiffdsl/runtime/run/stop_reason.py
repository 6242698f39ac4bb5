"""The reason of a run that stopped: the term without a finite value, or the condition that chatters."""

import re
from collections.abc import Sequence

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from stiffdsl.flat.model import FlatModel
from stiffdsl.graph.system import SortedSystem
from stiffdsl.program.chattering import SHARE, chattering
from stiffdsl.program.events import event_text
from stiffdsl.program.interpret import run
from stiffdsl.program.wrong_term import wrong_term
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.system import Args
from stiffdsl.solve.base.patience import Slides
from stiffdsl.solve.base.status import Status

# Steps ahead, in parts of the time or of one, that are looked at.
AHEAD = (1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2)
# Models larger than this are not looked at number by number.
LARGE = 20_000
# The last steps of a run in which a condition may chatter.
LAST = 60
# Steps until a condition changes that a solution slides along.
NEAR = 100.0
# Steps that pass a condition at least once where it pushes back a hundred times as fast on one side as on the other.
SLIDING = 400
# Words that make a condition.
_BRANCHING = re.compile(r"\b(if|sign|floor|ceil|mod)\b")


def reason(status: Status, names: Sequence[str], term: str | None = None) -> str:
    """The message on a run's end: the reason, the unknowns involved, advice; or the `term` at fault."""
    text = status.message
    if status == Status.CHATTERING:
        return f"{text}: {term}; {status.advice}"
    if term is not None:
        return f"{text}: {term}" + (f"; most involved: {', '.join(f'`{n}`' for n in names)}" if names else "")
    if names and status != Status.SUCCESS:
        text += f"; most involved: {', '.join(f'`{n}`' for n in names)}"
    return text + (f"; {status.advice}" if status.advice else "")


def term_without_value(model: CompiledProgram, t: np.ndarray, y: np.ndarray, args: Args) -> str | None:
    """The term, by explicit steps ahead of the last values; None where none is found."""
    program = model.program
    # Saved times behind the end of the run have no values.
    known = np.isfinite(y).all(axis=1)
    t, y = t[known], y[known]
    if not len(t) or program.size > LARGE:
        return None
    now, state, p, states = float(t[-1]), np.asarray(y[-1]), np.asarray(args.p), len(program.system.states)
    for ahead in (0.0, *AHEAD):
        later = now + ahead * max(abs(now), 1.0)
        u = args.inputs.at(later)
        rates = run(program, "rhs", now, state, p, u)[:states] if ahead else np.zeros(states)
        moved = np.r_[state[:states] + (later - now) * rates, state[states:]]
        found = wrong_term(program, later, moved, p, u)
        if found is not None:
            return found
    return None


def action_without_value(system: SortedSystem, y: np.ndarray) -> str | None:
    """The `when` whose action has set a state of the last values y to what is not finite; None where that is not all
    that is not finite."""
    # Saved times behind the end of the run have no values at all.
    reached = y[~np.isnan(y).all(axis=1)]
    if not len(reached) or np.isfinite(reached[-1]).all():
        return None
    flat, bad = system.flat, ~np.isfinite(reached[-1])
    states = system.states[bad[: len(system.states)]]
    actions = [(number, action) for number, event in enumerate(flat.events) for action in event.actions]
    set_by_events = np.concatenate(
        [np.zeros(0, dtype=np.int64), *(flat.alias[a.targets] for _, a in actions)]
    )
    if bad[len(system.states) :].any() or not np.isin(states, set_by_events).all():
        return None
    for number, action in actions:
        targets = action.targets[np.isin(flat.alias[action.targets], states)]
        if len(targets):
            name, line = flat.variable_name(int(targets[0])), flat.events[number].span.line
            return f"`{event_text(flat, number)}` (line {line}) sets `{name}` to what is no finite number"
    return None


def condition_that_chatters(model: CompiledProgram, t: np.ndarray, y: np.ndarray, args: Args) -> str | None:
    """The equation of the condition, with its line, by the last steps of the run; None where there is none."""
    program = model.program
    # Saved times behind the end of the run have no values.
    known = np.isfinite(y).all(axis=1)
    t, y = t[known], y[known]
    if len(t) < 2 or program.size > LARGE:
        return None
    p = np.asarray(args.p)
    # Where only named times were saved, steps are shorter than these are apart.
    ahead = (_explicit_steps(model, t, y, p, args, h) for h in (_last_step(t), 1e-6 * abs(t[-1] - t[0])))
    steps = [(*part, SHARE) for part in ((t[-LAST:], y[-LAST:]), *ahead)]
    slides, h = sliding(model, args), float(np.copysign(_last_step(t), t[-1] - t[0]))
    if slides is not None and slides(float(t[-1]), y[-1], h):
        steps.append((*_explicit_steps(model, t, y, p, args, abs(h), SLIDING), 0.0))
    for times, states, share in steps:
        found = chattering(program, times.tolist(), states, p, args.inputs.table(times), share)
        if found is not None:
            return f"`{found}`{_line(program.system.flat, found)}"
    return None


def sliding(model: CompiledProgram, args: Args) -> Slides | None:
    """Whether a solution slides along a condition, by time, state and length of steps; None where that is not known:
    no condition is on unknowns, or states follow from implicit ones."""
    program = model.program
    count = len(program.relation_rises)
    if not count:
        return None
    jumps = np.flatnonzero(program.relation_rises == 0)
    if not len(jumps) or not np.all(program.mass) or program.size > LARGE:
        return None
    functions, p = model.interpreted, np.asarray(args.p)

    def slides(t: float, y: np.ndarray, h: float) -> bool:
        u = args.inputs.at(t)

        def compared(state: np.ndarray) -> np.ndarray:
            return np.asarray(functions.relations(t, state, p, u), dtype=float)[count:][jumps]

        def rates(state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            """The slopes of the states, and of what is compared."""
            f = np.asarray(functions.rhs(t, state, p, u), dtype=float)
            return f, (compared(state + 1e-3 * h * f) - compared(state)) / (1e-3 * h)

        with np.errstate(all="ignore"):
            y = np.asarray(y, dtype=float)
            slope, moves = rates(y)
            until = -compared(y) / moves
            for k in np.flatnonzero((until * np.sign(h) >= 0) & (np.abs(until) <= NEAR * abs(h))):
                # On this side, and beyond: does it turn back?
                beyond = y + slope * (until[k] + 1e-2 * h)
                there = rates(beyond)[1][k]
                if compared(beyond)[k] * moves[k] * np.sign(h) > 0 and there * moves[k] < 0:
                    return True
        return False

    return slides


def _explicit_steps(
    model: CompiledProgram,
    t: np.ndarray,
    y: np.ndarray,
    p: np.ndarray,
    args: Args,
    h: float,
    count: int = LAST,
) -> tuple[np.ndarray, np.ndarray]:
    """Euler steps of size h on from the end of a run, linearly implicit where there are algebraic equations: methods
    that test a step differently end on either side of the condition, these pass it in every step. None where they
    find no values."""
    none = np.zeros(0), np.zeros((0, y.shape[1]))
    if not np.isfinite(y[-1]).all():
        return none
    h = float(np.copysign(h, t[-1] - t[0]))
    times, states = [float(t[-1])], [np.asarray(y[-1], dtype=float)]
    with np.errstate(all="ignore"):
        for _ in range(count):
            u = args.inputs.at(times[-1])
            step = _step(model, times[-1], states[-1], p, u, h)
            if step is None or not np.isfinite(step).all():
                return none
            states.append(states[-1] + step)
            times.append(times[-1] + h)
    return np.array(times), np.array(states)


def _step(
    model: CompiledProgram, t: float, y: np.ndarray, p: np.ndarray, u: np.ndarray, h: float
) -> np.ndarray | None:
    """The change of y in one step; None where the linear system is singular."""
    program = model.program
    f = np.asarray(run(program, "rhs", t, y, p, u))
    if np.all(program.mass):
        return h * f
    values = -np.asarray(run(program, "jacobian", t, y, p, u), dtype=float)
    if not np.isfinite(values).all():
        return None
    jacobian = scipy.sparse.coo_array((values, (program.rows, program.columns)), shape=(len(f), len(f)))
    try:
        return scipy.sparse.linalg.splu(
            (jacobian + scipy.sparse.diags_array(program.mass / h)).tocsc()
        ).solve(f)
    except RuntimeError:
        return None


def _last_step(t: np.ndarray) -> float:
    return max(float(np.median(np.abs(np.diff(t[-LAST:])))), 1e-12 * max(abs(float(t[-1])), 1.0))


def _line(flat: FlatModel, equation: str) -> str:
    """` (line 4)`: where an equation with a condition is written; nothing where that is not certain."""
    spans = {span for family in flat.equations for span in family.origins}
    written = {span: span.source.line(span.line) for span in spans}
    branching = [span for span, text in written.items() if _BRANCHING.search(text)]
    same = [span for span in branching if _squeezed(equation) in _squeezed(written[span])]
    certain = same or branching
    return f" (line {certain[0].line})" if len(certain) == 1 else ""


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)
