"""The model as a readable Python module, for `stiffdsl compile -o`: JAX and NumPy are all that it imports.

Its functions are the text that this process runs too, so the two agree to the last bit. Tables beyond a
small size lie in an `.npz` file beside the module.
"""

import inspect
import re
import textwrap
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from stiffdsl.flat.model import Block
from stiffdsl.program import text
from stiffdsl.program.interpret import run
from stiffdsl.program.pack import packed
from stiffdsl.program.program import Program
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.export import array_library, event_data
from stiffdsl.runtime.export import module_text as words
from stiffdsl.runtime.export.module_file import WRITTEN, module_name, module_path
from stiffdsl.runtime.initialization.initial_state import anchor
from stiffdsl.solve.newton import damped_newton

# Functions written of every program → their names in the module.
_ALWAYS = {
    "rhs": "rhs",
    "jacobian": "jacobian",
    "variables": "variables",
    "input_defaults": "input_defaults",
    "start": "start",
    "guess": "guess",
    "parameters": "_parameters",
}
# What others call: what it is given is checked.
_CHECKED = (
    "rhs",
    "jacobian",
    "variables",
    "input_defaults",
    "invariants",
    "invariants_jacobian",
    "guards",
    "reset",
)
# The marker in `damped`: the source below it is written too, where something is solved at the start.
_NEWTON = "# --- Newton's method ---\n"
# Tables of at most this many entries are written into the text.
_INLINE = 40
# Rows of the tables in the docstring.
_LISTED = 60
# More declarations of one kind than this lie beside the module, as tables do: a flat file names every scalar by itself.
_DECLARED = 100
_WIDTH = 110
_HEAD = """
{equation} in JAX, {written}: {states} states, {algebraic} algebraic unknowns,
{parameters} parameters, {inputs} inputs, {nonzeros} nonzeros in df/dy.
Vectors are in SI; `parameters` takes values in declared units.

    import jax, {name} as model
    p = model.parameters()              # or model.parameters({{name: value}})
    y = model.initial(p)                # in the order of model.states
    model.rhs(0.0, y, p)                # jit, vmap and grad work on everything here
    model.matrix(model.jacobian(0.0, y, p))
    model.variables(0.0, y, p)          # in the order of model.names
    model.simulate(p, time=(0.0, 1.0))  # by the solvers of stiffdsl, where that is installed
"""


def write(model: Any, where: str | Path) -> Path:
    """Writes the module of a `CompiledModel` to the file `where.py`, or into the folder `where`; returns its path.

    Raises `OSError` where it cannot be written, and `ValueError` for a model that the module would not be.
    """
    driven = ", ".join(f"`{block.name}`" for block, _ in model.program.system.flat.driven)
    if driven:
        raise ValueError(
            f"the module would not know the files that drive {driven}: give these inputs a number, and drive them from "
            "outside"
        )
    path = module_path(where, model.program.system.flat.name)
    path.write_text(source(model, path.stem), encoding="utf-8")
    large = {name: table for name, table in _tables(model).items() if table.size > _INLINE}
    large |= _declared_beside(model.program)
    beside = path.with_suffix(".npz")
    if large:
        np.savez_compressed(beside, allow_pickle=False, **large)
    else:
        beside.unlink(missing_ok=True)
    return path


def identity(model: CompiledProgram) -> str:
    """A digest of the compiled equations: equal for models that are the same."""
    found = sha256(source(model).encode())
    flat = model.program.system.flat
    figures = [f for t in flat.tables for f in t.figures]
    for array in (*figures, *(a for _, data in flat.driven for a in (data.times, data.values))):
        found.update(array.tobytes())
    return found.hexdigest()


def source(model: CompiledProgram, name: str | None = None) -> str:
    """The text of the module of a `CompiledModel`, called `name`."""
    program = packed(model.program)
    tables = _tables(model)
    named = _functions(program)
    functions = [
        ("@_vectors\n" if new in _CHECKED else "") + text.write(program.by_name[name], program.tables, new)
        for name, new in named.items()
    ]
    start = _start(program)
    used = [f for f in _HELPERS if any(f"{f.__name__}(" in code for code in (*functions, words.FIRST))]
    helpers = [_over_xp(inspect.getsource(f)) for f in used]
    if array_library.take not in used and array_library.take_sum in used:
        helpers.insert(0, _over_xp(inspect.getsource(array_library.take)))
    beside = _declared_beside(program)
    large = bool(beside) or any(table.size > _INLINE for table in tables.values())
    name = name or module_name(program.system.flat.name)
    load = f'_file = np.load(Path(__file__).with_name("{name}.npz"))\n' if large else ""
    read = f"{load}\n\n{words.DECLARED}\n\n" if beside else ""
    constants = words.TABLES + (words.EVENT_TABLES if program.events.count else "") + ("" if beside else load)
    constants += "".join(_assigned(each, table) for each, table in tables.items())
    count = _count(program.system.flat.parameters)
    path = "from pathlib import Path\n" if large else ""
    free = "from typing import Any, NamedTuple\n" if len(program.system.initial.free) else ""
    top = [
        _docstring(program, name),
        words.IMPORTS.replace("{path}", path + free),
        read + _declarations(program) + (event_data.words(model) if program.events.count else ""),
        constants,
    ]
    vectors, named_values = (each.replace("COUNT", str(count)) for each in (words.VECTORS, words.PARAMETERS))
    below = [words.NAMES, *helpers, vectors, *functions, named_values, *start]
    return "\n".join(top) + "\n\n" + "\n\n".join(below)


_HELPERS = (
    array_library.take,
    array_library.take_sum,
    array_library.stack,
    array_library.place,
    *array_library.FINITE,
)


def _functions(program: Program) -> dict[str, str]:
    """The functions that the module has, and what they are called there."""
    system = program.system
    named = dict(_ALWAYS)
    if len(system.initial.free):
        named |= {"initial_residual": "initial_residual", "initial_jacobian": "initial_jacobian"}
    if system.initial.checks:
        named["checks"] = "checks"
    if system.invariants:
        named |= {"invariants": "invariants", "invariants_jacobian": "invariants_jacobian"}
    if len(program.crossings_periodic):
        named["crossings"] = "crossings"
    if program.events.count:
        named |= {"guards": "guards", "reset": "reset"}
    return named


def _start(program: Program) -> list[str]:
    """Source of the initial state and of the simulation from there."""
    system = program.system
    begins = system.flat.begins
    free, held = len(system.initial.free) > 0, sum(f.size for f in system.invariants)
    initial = words.INITIAL.format(
        solved=";\n    what equations determine is solved for" if free else "",
        holds="\n\n    NaN where there is no such state.\n    " if free or system.initial.checks else "",
        solve=words.SOLVE if free else "",
        check=words.CHECK if system.initial.checks else "",
        begins="" if begins is None else "p = beginning(p, t)\n    ",
    )
    events = program.events.count > 0
    below = words.SYSTEM.format(
        time_dependent=program.time_dependent,
        invariant_pattern=words.INVARIANT_PATTERN.format(count=held) if held else "",
        invariants=words.INVARIANTS if held else "",
        counted=_counted(program),
        crossings=words.CROSSINGS.format(move=program.crossings_follow)
        if len(program.crossings_periodic)
        else "",
        events=words.EVENT_SYSTEM if events else "",
        begins="" if begins is None else "\n    p = beginning(p, time[0])",
        **(words.RUN if events else words.RECORD),
    )
    newton = _over_xp(inspect.getsource(damped_newton).split(_NEWTON)[1])
    newton = re.sub(r"(?<![\w.])lax\.", "jax.lax.", newton)
    parts = [_NEWTON + newton, words.FREE] if free else []
    before = [] if begins is None else [words.BEGINNING.format(place=begins)]
    after = [words.PROJECT] * (held > 0) + [words.CHANGING] * events
    return [words.FIRST, *parts, *before, initial, words.MATRIX, *after, below]


def _counted(program: Program) -> str:
    """The mask of the errors that steer the steps, as source."""
    if program.events.count:
        return "counted"
    return "xp.ones(len(mass), dtype=bool)" if np.all(program.is_variable) else "~is_der"


def _over_xp(code: str) -> str:
    return code.replace("jnp.", "xp.")


def _tables(model: Any) -> dict[str, np.ndarray]:
    """All tables that the module uses."""
    program = packed(model.program)
    system = program.system
    used = {
        op.data
        for name in _functions(program)
        for op in program.by_name[name].ops
        if op.name in ("table", "take", "take_sum")
    }
    tables = {name: table for name, table in program.tables.items() if name in used and table.size}
    tables["rows"] = program.rows.astype(np.int32)
    tables["columns"] = program.columns.astype(np.int32)
    tables["mass"] = program.mass
    tables["entries"] = np.r_[system.states, system.implicit].astype(np.int32)
    tables["is_der"] = np.r_[np.zeros(len(system.states), dtype=bool), system.implicit_is_der.astype(bool)]
    if len(system.initial.free):
        tables["free"] = system.initial.free.astype(np.int32)
        tables["solved"] = _solved(model)
        tables["initial_rows"] = program.initial_rows.astype(np.int32)
        tables["initial_columns"] = program.initial_columns.astype(np.int32)
    if len(program.crossings_periodic):
        tables["crossings_periodic"] = program.crossings_periodic
    if program.events.count:
        tables |= event_data.tables(model)
    if system.invariants:
        tables["invariant_rows"] = program.invariant_rows.astype(np.int32)
        tables["invariant_columns"] = program.invariant_columns.astype(np.int32)
    return tables


def _solved(model: Any) -> np.ndarray:
    """The free entries of y for the declared parameters; NaN where there is no consistent start for them."""
    free = model.program.system.initial.free
    known = anchor(model)
    return np.full(len(free), np.nan) if known is None else np.asarray(known.y)[free]


# --- parts of the text ---


def _assigned(name: str, table: np.ndarray) -> str:
    """A table as an assignment."""
    value = name.startswith("values")
    if table.size > _INLINE:
        loaded = f'_file["{name}"]'
        return f"{name} = xp.asarray({loaded})\n" if value else f"{name} = {loaded}\n"
    kind = {"f": "float", "i": "np.int32", "b": "bool"}[table.dtype.kind]
    items = str(table.tolist())
    if table.dtype.kind == "f":
        items = re.sub(r"\b(nan|inf)\b", r"np.\1", items)
    made = f"{'xp.asarray' if value else 'np.array'}({items}, dtype={kind})"
    lines = textwrap.wrap(f"{name} = {made}", _WIDTH, subsequent_indent="    ", break_long_words=False)
    return "\n".join(lines) + "\n"


_COLUMNS = ("name", "unit", "scale", "shift", "low", "high", "description")


def _rows(program: Program) -> dict[str, list[tuple]]:
    """The declared blocks of every kind, a row each."""
    flat = program.system.flat
    kinds = {"PARAMETERS": flat.parameters, "VARIABLES": flat.variables, "INPUTS": flat.inputs}
    return {
        kind: [
            (name, b.unit, float(b.scale), float(b.shift), b.low, b.high, b.doc)
            for b in blocks
            for name in b.patterns()
        ]
        for kind, blocks in kinds.items()
    }


def _declared_beside(program: Program) -> dict[str, np.ndarray]:
    """The columns of declarations that are too many for the text; an empty word and NaN mean that nothing is said."""
    found = {}
    for kind, rows in _rows(program).items():
        if len(rows) <= _DECLARED:
            continue
        for column, values in zip(_COLUMNS, zip(*rows, strict=True), strict=True):
            number = column in ("scale", "shift", "low", "high")
            missing = np.nan if number else ""
            table = np.array(
                [missing if v is None else v for v in values], dtype=float if number else np.str_
            )
            found[f"{kind}_{column}"] = table
    return found


def _declarations(program: Program) -> str:
    """The blocks of parameters, variables and inputs as data."""
    lines = [f"# {', '.join(_COLUMNS)}; a value in SI is scale*value + shift"]
    for kind, rows in _rows(program).items():
        if len(rows) > _DECLARED:
            lines.append(f'{kind} = _declared("{kind}")')
        elif rows:
            lines += [f"{kind} = (", *(f"    {row!r}," for row in rows), ")"]
        else:
            lines.append(f"{kind} = ()")
    return "\n".join([*lines, f"experiment = {dict(program.system.flat.experiment)!r}"]) + "\n"


def _docstring(program: Program, name: str) -> str:
    system = program.system
    flat = system.flat
    figures = [b for t in flat.tables for b in t.blocks]
    own = tuple(b for b in flat.parameters if b not in figures)
    head = _HEAD.format(
        equation="M dy/dt = f(t, y, p, u)" if len(system.implicit) else "dy/dt = f(t, y, p, u)",
        states=len(system.states),
        algebraic=len(system.implicit),
        parameters=_count(own),
        inputs=_count(flat.inputs),
        nonzeros=len(program.rows),
        name=name,
        written=WRITTEN,
    )
    zeros = np.zeros(_count(flat.parameters))
    p = run(program, "parameters", zeros, zeros)
    u = run(program, "input_defaults", p)
    title = f"{flat.name}: {flat.doc}" if flat.doc else flat.name
    shown = [b for b in flat.variables if b.kind != "hidden"]
    lines = [title, head, "", *_listed("Parameters", own, p), *_listed("Inputs", flat.inputs, u)]
    lines += _listed("Tables", [b for b in figures if b.kind == "table"], p)
    lines += _listed("Variables and their start values", shown, run(program, "start", p, u))
    if flat.events:
        lines += ["Events", *(f"    {text}" for text in event_data.listed(flat))]
    body = "\n".join(line.rstrip() for line in lines).rstrip()
    return f'"""{body.replace(chr(92), chr(92) * 2).replace(chr(34) * 3, chr(39) * 3)}\n"""\n'


def _listed(title: str, blocks: Sequence[Block], values: np.ndarray) -> list[str]:
    """A table for the docstring, in declared units; an array is one row."""
    if not blocks:
        return []
    cells = []
    for b in blocks[:_LISTED]:
        own = (values[b.offset : b.offset + b.size] - b.shift) / b.scale
        known = own[~np.isnan(own)]
        value = "" if not len(known) else f"{known.min():.6g}"
        if b.labels and len(known):
            value = b.labels[int(known.min()) - 1]
        if len(known) and known.min() != known.max():
            value += f" to {b.labels[int(known.max()) - 1] if b.labels else f'{known.max():.6g}'}"
        bounds = ""
        if b.low is not None and b.high is not None:
            bounds = f"in {(b.low - b.shift) / b.scale:.6g}..{(b.high - b.shift) / b.scale:.6g}"
        cells.append((b.patterns()[0], value, b.unit or "", bounds, b.doc or ""))
    width = [max(len(c[k]) for c in cells) for k in range(5)]
    lines = ["  ".join(c[k].ljust(width[k]) for k in range(5) if width[k]).rstrip() for c in cells]
    more = [f"    and {len(blocks) - _LISTED} more, below"] if len(blocks) > _LISTED else []
    return [title, *(f"    {line}" for line in lines), *more, ""]


def _count(blocks: Sequence[Block]) -> int:
    return sum(b.size for b in blocks)
