"""Text common to all written modules, whatever the model; `python_module.py` fills `{path}` and `COUNT`."""

IMPORTS = """\
import difflib
import inspect
import re
from functools import wraps
{path}
import jax
import numpy as np

jax.config.update("jax_enable_x64", True)

import jax.numpy as xp  # noqa: E402  (float64 is turned on first)
"""

DECLARED = '''\
def _declared(kind):
    """Many declarations, from the file; an empty word and NaN mean that nothing was said."""
    columns = "name", "unit", "scale", "shift", "low", "high", "description"
    rows = zip(*(_file[f"{kind}_{column}"].tolist() for column in columns), strict=True)
    return tuple(tuple(None if v == "" or v != v else v for v in row) for row in rows)
'''

TABLES = """\
# `index_*` are positions, `values_*` numbers. `rows`, `columns`: where the nonzeros of df/dy stand; `mass`:
# the diagonal of M; `entries`, `is_der`: the variable that an entry of y is, or is the derivative of;
# `free`: entries of y that equations determine at the initial time, `solved` their values for the declared
# parameters; `initial_*`, `invariant_*`: where the nonzeros of `initial_jacobian`, `invariants_jacobian` stand;
# `crossings_periodic`: which lines over time jump at whole numbers, the others at zero.
"""

EVENT_TABLES = """\
# Of each event, whether it fires at the start (`event_at_start`), or does where its condition holds there
# (`event_from_start`), and whether it is looked for within steps (`event_located`: time alone does not decide it).
# Of each entry of y, whether it changes at events alone (`still`), whether its error steers the steps (`counted`),
# whether it is told with an event (`declared`), and which `LABELS` its values have (`labelled`, -1: none).
"""

NAMES = '''\
def _expanded(table):
    """The name, scale and shift of every scalar: `T[2]` stands for `T[1]` and `T[2]`, `=T[2]` for itself."""
    found = []
    for name, _, scale, shift, *_ in table:
        if name.startswith("="):
            found.append((name[1:], scale, shift))
            continue
        shape = [int(n) for group in re.findall(r"\\[(.*?)\\]", name) for n in group.split(",")]
        pattern = re.sub(r"\\d+(?=[\\d,]*\\])", "{}", name)
        found += [(pattern.format(*(i + 1 for i in at)), scale, shift) for at in np.ndindex(*shape)]
    return found


_variables, _parameters_by_name = _expanded(VARIABLES), _expanded(PARAMETERS)
names = tuple(name for name, _, _ in _variables)
parameter_names = tuple(name for name, _, _ in _parameters_by_name)
input_names = tuple(name for name, _, _ in _expanded(INPUTS))
states = tuple(
    f"der({names[k]})" if d else names[k] for k, d in zip(entries.tolist(), is_der.tolist(), strict=True)
)
_place = {name: (k, scale, shift) for k, (name, scale, shift) in enumerate(_parameters_by_name)}
_whole = {}
for _name in _place:
    _whole.setdefault(re.sub(r"\\[[^\\]]*\\]", "", _name), []).append(_place[_name][0])
'''

VECTORS = '''\
_VECTORS = {"y": (len(mass), "initial(p)"), "u": (len(input_names), "input_defaults(p)")}
_VECTORS["p"] = COUNT, "parameters({name: value})"


def _checked(function, name, value):
    size, maker = _VECTORS[name]
    shape = getattr(value, "shape", (len(value),) if isinstance(value, list | tuple) else ())
    if shape[:1] != (size,):
        told = f"an array of shape {shape}" if hasattr(value, "shape") else repr(value)
        raise TypeError(f"`{function}`: {name} is the vector that `{maker}` returns, {size} numbers, not {told}")


def _vectors(function):
    """`function`, which refuses vectors of another length: JAX would read the last number for one that is missing."""
    order = tuple(inspect.signature(function).parameters)

    @wraps(function)
    def checked(*args, **named):
        for name, value in (*zip(order, args, strict=False), *named.items()):
            if name in _VECTORS and value is not None:
                _checked(function.__name__, name, value)
        return function(*args, **named)

    return checked
'''

PARAMETERS = '''\
def parameters(values=None):
    """The vector p in SI: `values` by name in declared units, arrays whole too; the others as declared, or computed."""
    if values is not None and not hasattr(values, "items"):
        raise TypeError(f"`parameters` takes values by name, `parameters({{name: value}})`, not {values!r}")
    given, mask = xp.zeros(COUNT), xp.zeros(COUNT)
    for name, value in (values or {}).items():
        if name not in _place and name in _whole:
            k = xp.asarray(_whole[name])
            _, scale, shift = _place[parameter_names[_whole[name][0]]]
            value = xp.broadcast_to(xp.ravel(xp.asarray(value, dtype=float)), k.shape)
            given, mask = given.at[k].set(value*scale + shift), mask.at[k].set(1.0)
            continue
        if name not in _place:
            near = difflib.get_close_matches(name, parameter_names, 1)
            raise KeyError(f"no parameter `{name}`" + (f"; did you mean `{near[0]}`?" if near else ""))
        k, scale, shift = _place[name]
        given, mask = given.at[k].set(value*scale + shift), mask.at[k].set(1.0)
    return _parameters(given, mask)
'''

FIRST = '''\
def _first(p, u, t):
    """Start values by variable, and y before anything is solved: start values, else guesses, else zero."""
    given = start(p, u, t)
    y = take(xp.where(xp.isnan(given), guess(p, u, t), given), entries)
    return given, xp.where(is_der | xp.isnan(y), 0.0, y)
'''

INITIAL = '''\
@_vectors
def initial(p, u=None, t=experiment.get("time", (0.0,))[0]):
    """The state y at time t: start values are kept, else guesses, else zero{solved}.{holds}"""
    {begins}u = input_defaults(p) if u is None else u
    given, y = _first(p, u, t){solve}{check}
    return y
'''

BEGINNING = '''\
@_vectors
def beginning(p, t):
    """The parameters of a run that begins at time t: clocks count from there."""
    return xp.asarray(p).at[{place}].set(t)
'''

SOLVE = """
    y = _solve(y, p, u, t, given)"""

CHECK = """
    off = checks(t, y, p, u, given)
    y = xp.where(xp.all(xp.abs(off) <= 1e-6*(1.0 + xp.max(xp.abs(y)))), y, xp.nan)"""

FREE = '''\
class _Pattern:
    """The linear systems of the initial problem: `-J x = b`, J at `initial_rows`, `initial_columns`."""

    rows, columns = initial_rows, initial_columns

    @staticmethod
    def factor(values, _):
        return values

    @staticmethod
    def solve(values, b):
        n = len(free)
        if n <= LEAST_SQUARES:
            return -xp.linalg.solve(xp.zeros((n, n)).at[initial_rows, initial_columns].add(values), b)
        from jax.experimental.sparse.linalg import spsolve

        ends = np.searchsorted(initial_rows, np.arange(n + 1)).astype(np.int32)
        return -spsolve(values, xp.asarray(initial_columns), xp.asarray(ends), b, tol=0.0)


@jax.jit
def _solve(y, p, u, t, given):
    """y with the entries `free` determined: from the guess, else from `solved` in steps that lead to p."""

    def full(x, context):
        return context[0].at[free].set(x)

    def residual(x, context):
        return initial_residual(t, full(x, context), *context[1:])

    def jacobian(x, context):
        return initial_jacobian(t, full(x, context), *context[1:])

    def search(x, context):
        return search_root(residual, jacobian, _Pattern, x, context, 1e-12, 200)

    context = (y, p, u, given)
    declared = parameters()
    given0, y0 = _first(declared, u, t)
    anchor = xp.where(xp.isnan(solved), y0[free], solved), (y0, declared, u, given0)
    found = walk(search, y[free], *jax.lax.stop_gradient((context, anchor)))
    x = jax.lax.stop_gradient(xp.where(found.converged, found.x, xp.nan))
    # One more step, whose derivatives are those of the solution (implicit function theorem).
    values = jax.lax.stop_gradient(jacobian(x, context))
    f = residual(x, context)
    return full(x + _Pattern.solve(values, f - jax.lax.stop_gradient(f)), context)
'''

PROJECT = '''\
@_vectors
def project(t, y, p, u=None):
    """The nearest y where `invariants` hold: what a solver does after every step."""
    for _ in range(2):
        g = invariants(t, y, p, u)
        G = xp.zeros((len(g), len(mass))).at[invariant_rows, invariant_columns].set(invariants_jacobian(t, y, p, u))
        y = y - G.T @ xp.linalg.lstsq(G @ G.T, g)[0]
    return y
'''

SYSTEM = '''\
class System:
    """M dy/dt = f as the solvers of stiffdsl take it, with `args = (p, u)`: see `simulate`."""

    size, mass, rows, columns, names = len(mass), mass, rows, columns, states
    # The error of a derivative is that of its variable, which is held.
    counted = {counted}
    time_dependent = {time_dependent}{invariant_pattern}
    rhs = staticmethod(lambda t, y, args: rhs(t, y, *args))
    jacobian = staticmethod(lambda t, y, args: jacobian(t, y, *args)){invariants}{crossings}{events}


system = System()


def simulate(p=None, u=None, time=experiment.get("time"), saveat=None, **options):
    """Solves from `initial(p)` with the solvers of stiffdsl (the only thing here that imports it).

    `t`, `y`, `status` of the result in SI; y in the order of `states`.{told} Options: `method`, `rtol`, `atol`, ...
    """
    from stiffdsl.runtime.export.module_call import check_call
    from stiffdsl.{run}

    check_call(p, u, time, options, _checked)
    p = parameters() if p is None else p{begins}
    u = input_defaults(p) if u is None else u
    said = {{"rtol", "atol", "method", "max_steps"}} & experiment.keys()
    options = {{"method": "auto"}} | {{name: experiment[name] for name in said}} | options
    method, (start, end) = options.pop("method"), time{words}
    return {call}
'''

# How `simulate` solves: what it imports and what it returns, and what is said of that.
RECORD = {
    "run": "solve.integrate.record import record",
    "told": "",
    "call": "record(system, method, start, end, initial(p, u, start), (p, u), saveat, **options)",
    "words": "",
}
RUN = {
    "run": "runtime.export.module_run import ModuleWords, run",
    "told": " `events`, `reason` and `ended_by` say what\n    happened, and how it ended.",
    "call": "run(system, words, method, time, initial(p, u, start), (p, u), saveat, **options)",
    "words": "\n    words = ModuleWords(EVENTS, ENDS, _changing())",
}

EVENT_SYSTEM = """
    event_at_start, event_from_start, event_located, still = event_at_start, event_from_start, event_located, still
    guards = staticmethod(lambda t, y, args: guards(t, y, *args))
    reset = staticmethod(lambda t, y, args, fired: reset(t, y, *args[:2], fired, *args[2:]))"""

CHANGING = '''\
def _changing():
    """The name of every entry of y that is told with an event, its scale and shift, and what its values are called."""
    rows = zip(entries.tolist(), declared.tolist(), labelled.tolist(), strict=True)
    return [(*_variables[k], LABELS[own] if own >= 0 else ()) if known else None for k, known, own in rows]
'''

INVARIANT_PATTERN = """
    invariant_count = {count}
    invariant_rows, invariant_columns = invariant_rows, invariant_columns"""

INVARIANTS = """
    invariants = staticmethod(lambda t, y, args: invariants(t, y, *args))
    invariants_jacobian = staticmethod(lambda t, y, args: invariants_jacobian(t, y, *args))"""

CROSSINGS = """
    # Steps end where lines over time are zero, or whole numbers (`crossings_periodic`): there the equations jump.
    crossings_move = {move}
    crossing_count = staticmethod(lambda args: len(crossings_periodic))
    within = staticmethod(lambda args, side: (*args[:2], side))
    crossings = staticmethod(lambda args: (*xp.split(crossings(args[0], args[2]), 2), crossings_periodic))"""

MATRIX = '''\
def matrix(values):
    """The nonzeros that `jacobian` returns, as a full matrix."""
    return xp.zeros((len(mass), len(mass))).at[rows, columns].set(values)
'''
