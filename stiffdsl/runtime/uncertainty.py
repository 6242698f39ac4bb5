"""Values drawn from the distributions that a model declares, and the tables of what is not certain in it.

Arguments of distributions may depend on parameters that are drawn themselves (`random eta ~ normal(0, omega)`, with
`omega ~ uniform(0.1, 0.5)`): every parameter keeps its random numbers, and values are computed anew until none moves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from stiffdsl.diagnostics import did_you_mean
from stiffdsl.distributions import DISTRIBUTIONS
from stiffdsl.flat.model import Definition, UncertainParameter, slot, total
from stiffdsl.flat.numpy_printer import compiled
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.solve.base import arguments


@dataclass(frozen=True)
class DistributedParameter:
    """A parameter with a distribution: `arguments` are their values where nothing else is given, in declared units.

    `kind` is `param` or `random`, `range` what truncates it, `per` what a new value is drawn for (`occasion`).
    """

    name: str
    kind: str
    distribution: str
    arguments: tuple[Any, ...]
    range: tuple[float, float] | None
    per: str | None
    unit: str | None
    doc: str | None
    text: str


@dataclass(frozen=True)
class Observed:
    """A column of data, and the distribution of its values as it is written over the model's names."""

    name: str
    unit: str | None
    distribution: str
    text: str
    doc: str | None


def distributions(model: CompiledProgram) -> tuple[DistributedParameter, ...]:
    """See `CompiledModel.distributions`."""
    p = model.default_parameters[None]
    return tuple(_row(model, d, p) for d in model.program.system.flat.uncertainty.parameters)


def observations(model: CompiledProgram) -> tuple[Observed, ...]:
    """See `CompiledModel.observations`."""
    found = model.program.system.flat.uncertainty.observations
    return tuple(Observed(o.name, o.unit, o.distribution, o.text, o.doc) for o in found)


def facts(model: CompiledProgram) -> dict[str, Any]:
    """Uncertainty, as a report lists it; empty where all is."""
    declared = model.program.system.flat.uncertainty
    found: dict[str, Any] = {
        "distributions": [
            {
                "name": d.name,
                "kind": d.kind,
                "distribution": d.text,
                "unit": d.unit,
                "range": d.range,
                "per": d.per,
            }
            for d in distributions(model)
        ],
        "observations": [
            {"name": o.name, "unit": o.unit, "distribution": o.text} for o in observations(model)
        ],
        "covariates": list(declared.covariates),
        "doses": list(declared.doses),
    }
    return found if any(found.values()) else {}


def _row(model: CompiledProgram, d: UncertainParameter, p: np.ndarray) -> DistributedParameter:
    block = d.block
    roles = DISTRIBUTIONS[d.distribution].roles
    found = []
    for k, (role, value) in enumerate(zip(roles, _arguments(model, d, p), strict=True)):
        scale, shift = (block.scale, block.shift) if role in ("location", "spread") else (1.0, 0.0)
        shift = 0.0 if role == "spread" else shift
        covariance = d.covariance and k == len(roles) - 1
        shown = (value[0] - shift) / (scale**2 if covariance else scale)
        shape = (*block.shape, block.shape[-1]) if covariance else block.shape
        found.append(shown.reshape(shape) if shape else float(shown[0]))
    bounds = None
    if block.low is not None and block.high is not None:
        bounds = (block.low - block.shift) / block.scale, (block.high - block.shift) / block.scale
    return DistributedParameter(
        block.name, d.role, d.distribution, tuple(found), bounds, d.per, block.unit, block.doc, d.text
    )


def draw(
    model: CompiledProgram,
    count: int,
    seed: int,
    params: Mapping[str, Any] | None,
    names: Iterable[str] | None,
    ranges: Mapping[str, tuple[float, float]],
) -> dict[str, np.ndarray]:
    """See `CompiledModel.draw`; `ranges` are those of parameters that are drawn evenly."""
    count = int(arguments.number(count, "`count`"))
    if count < 1:
        raise ValueError(f"`count` is how many values are drawn, not {count}")
    given = dict(arguments.mapping(params, "`params`"))
    fixed = _scalars(model, given)
    uncertain = [
        d
        for d in model.program.system.flat.uncertainty.parameters
        if not fixed.issuperset(range(d.block.offset, d.block.offset + d.block.size))
    ]
    own = {n for d in uncertain for n in d.block.scalar_names()} | set(given)
    even = {name: bounds for name, bounds in ranges.items() if name not in own}
    if names is not None:
        wanted = _wanted(names, [d.block.name for d in uncertain], list(even))
        uncertain = [d for d in uncertain if d.block.name in wanted]
        even = {name: bounds for name, bounds in even.items() if name in wanted}
    if not (uncertain or even):
        raise ValueError(
            "there is nothing to draw: no parameter of the model has a distribution or a range\n"
            "  give one in the model: param k1 = 0.04 ~ normal(0.04, 0.002), or param k1 = 0.04 in 0.02..0.06"
        )
    source = np.random.default_rng(seed)
    drawn = {name: source.uniform(low, high, count) for name, (low, high) in even.items()}
    shares = [source.random((count, d.block.size)) for d in uncertain]
    values = _converged(model, uncertain, shares, given, drawn, count)
    for d, value in zip(uncertain, values, strict=True):
        block = d.block
        drawn[block.name] = ((value - block.shift) / block.scale).reshape(count, *block.shape)
    return drawn


def _wanted(names: Iterable[str], distributed: list[str], even: list[str]) -> set[str]:
    known = [*distributed, *even]
    wanted = set(names)
    for name in wanted - set(known):
        hint = did_you_mean(name, known)
        raise KeyError(f"`{name}` has no distribution and no range" + (f"; {hint}" if hint else ""))
    return wanted


def _scalars(model: CompiledProgram, names: Iterable[str]) -> set[int]:
    """The numbers of the parameters that names mean."""
    return {int(k) for name in names for k in model.parameter_names.find(name).scalars.ravel()}


def _converged(
    model: CompiledProgram,
    uncertain: list[UncertainParameter],
    shares: list[np.ndarray],
    given: dict[str, Any],
    drawn: dict[str, np.ndarray],
    count: int,
) -> list[np.ndarray]:
    """The values of `uncertain` in SI, (count, size) each, at their random `shares`, each given those it depends on."""
    base = model.bindings.params(given)
    start, mask = np.asarray(base.values, dtype=float), np.asarray(base.mask)
    entries: list[tuple[np.ndarray, np.ndarray]] = []
    for name, lanes in drawn.items():
        found = model.parameter_names.find(name)
        entries.append((found.scalars.ravel(), (lanes * found.block.scale + found.block.shift)[:, None]))
    numbers = [
        *(at for at, _ in entries),
        *(np.arange(d.block.offset, d.block.offset + d.block.size) for d in uncertain),
    ]
    read = [x for d in uncertain for argument in d.arguments for x in argument]
    if _upstream(model, read).isdisjoint(np.concatenate(numbers).tolist()):
        p = model.parameter_vector(given)[None]
        return [_value(model, d, u, p) for d, u in zip(uncertain, shares, strict=True)]
    values: list[np.ndarray] | None = None
    for _ in range(len(uncertain) + 2):
        now = list(entries)
        for d, value in zip(uncertain, values or (), strict=False):
            now.append((np.arange(d.block.offset, d.block.offset + d.block.size), value))
        p = _lanes(model, start, mask, now, count)
        found = [_value(model, d, u, p) for d, u in zip(uncertain, shares, strict=True)]
        if values is not None and all(np.array_equal(a, b) for a, b in zip(values, found, strict=True)):
            return found
        values = found
    told = ", ".join(f"`{d.block.name}`" for d in uncertain)
    raise ValueError(f"the distributions of {told} depend on one another in a circle")


def _upstream(model: CompiledProgram, read: list[Definition]) -> set[int]:
    """The numbers of all parameters that definitions depend on, also through others."""
    sources: dict[int, set[int]] = {}
    for definition in model.program.system.flat.parameter_values:
        for target, numbers in zip(definition.targets.tolist(), _read(definition), strict=True):
            sources.setdefault(target, set()).update(numbers)
    found: set[int] = set()
    waiting = {n for definition in read for numbers in _read(definition) for n in numbers}
    while waiting:
        found |= waiting
        waiting = {n for k in waiting for n in sources.get(k, ())} - found
    return found


def _read(definition: Definition) -> list[set[int]]:
    """The parameters that every member of a definition reads."""
    family = definition.value
    found: list[set[int]] = [set() for _ in family.table]
    for k, kind in enumerate(family.kinds):
        for row, number in enumerate(family.table[:, k].tolist() if kind == "param" else ()):
            found[row].add(number)
    for part in family.sums:
        for k, kind in enumerate(part.kinds):
            for owner, number in zip(part.owner.tolist(), part.table[:, k].tolist(), strict=True):
                if kind == "param":
                    found[owner].add(number)
    return found


def _lanes(
    model: CompiledProgram,
    start: np.ndarray,
    mask: np.ndarray,
    entries: list[tuple[np.ndarray, np.ndarray]],
    count: int,
) -> np.ndarray:
    """All parameters of every lane in SI, those that follow from others included."""
    found = []
    for lane in range(count):
        values, given = start.copy(), mask.astype(float)
        for at, lanes in entries:
            values[at], given[at] = lanes[lane], 1.0
        with np.errstate(all="ignore"):
            found.append(np.asarray(model.interpreted.parameters(values, given), dtype=float))
    return np.array(found)


def _value(model: CompiledProgram, d: UncertainParameter, u: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Values in SI at the shares `u` (lanes, size): quantiles, between those of the ends of the range."""
    distribution, block = DISTRIBUTIONS[d.distribution], d.block
    found = _arguments(model, d, p)
    if d.covariance:
        return _correlated(d, u, *found)
    logarithmic = distribution.roles[0] == "log"
    scale, shift = (block.scale, block.shift) if logarithmic else (1.0, 0.0)
    low, high = -np.inf, np.inf
    if block.low is not None and block.high is not None:
        low, high = (block.low - shift) / scale, (block.high - shift) / scale
    assert distribution.quantile is not None
    assert distribution.share is not None
    with np.errstate(all="ignore"):
        _positive(d, distribution.roles, found)
        below, above = (distribution.share(x, *found) for x in (low, high))
        if np.any(above - below <= 0):
            raise ValueError(f"`{block.name}` has no values: `{d.text}` is nowhere inside of its range")
        drawn = distribution.quantile(below + u * (above - below), *found)
    return np.clip(drawn, low, high) * scale + shift


def _positive(d: UncertainParameter, roles: tuple[str, ...], found: list[np.ndarray]) -> None:
    for k, value in enumerate(found):
        spread = roles[k] == "spread" or (k == 1 and roles[0] == "log")
        if spread and not np.all(value >= 0):
            raise ValueError(f"the spread of `{d.block.name}` is negative: `{d.text}`")


def _correlated(d: UncertainParameter, u: np.ndarray, mean: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """Values of vectors with a covariance matrix, by its Cholesky factor."""
    from scipy.special import ndtri

    size = d.block.shape[-1]
    vectors = prod(d.block.shape[:-1])
    matrix = flat.reshape(len(flat), vectors, size, size)
    if not np.allclose(matrix, np.swapaxes(matrix, -1, -2), rtol=1e-9, atol=0):
        raise ValueError(f"the covariance of `{d.block.name}` is not symmetric: `{d.text}`")
    try:
        factor = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        raise ValueError(f"the covariance of `{d.block.name}` is not positive definite: `{d.text}`") from None
    if d.block.low is not None:
        raise ValueError(f"`{d.block.name}` has a covariance and a range: only numbers alone are truncated")
    drawn = np.einsum("lvij,lvj->lvi", factor, ndtri(u).reshape(len(u), vectors, size))
    return mean + drawn.reshape(len(u), -1)


def _arguments(model: CompiledProgram, d: UncertainParameter, p: np.ndarray) -> list[np.ndarray]:
    """The arguments of a distribution in SI, (lanes, numbers) each, for parameters p (lanes, all)."""
    constants = model.program.system.flat.constants
    found = []
    for definitions in d.arguments:
        size = sum(len(x.targets) for x in definitions)
        values = np.zeros((len(p), size))
        for definition in definitions:
            values[:, definition.targets] = _evaluated(definition, p, constants)
        found.append(values)
    return found


def _evaluated(definition: Definition, p: np.ndarray, constants: np.ndarray) -> np.ndarray:
    """The values of a definition, (lanes, members)."""
    family = definition.value

    def columns(kinds: tuple[str, ...], table: np.ndarray) -> list[np.ndarray]:
        return [
            p[:, table[:, k]] if kind == "param" else constants[table[:, k]][None]
            for k, kind in enumerate(kinds)
        ]

    symbols: list[Any] = [slot(k) for k in range(len(family.kinds))]
    given = columns(family.kinds, family.table)
    for k, part in enumerate(family.sums):
        term = compiled([slot(j) for j in range(len(part.kinds))], part.term)
        terms = np.broadcast_to(term(*columns(part.kinds, part.table)), (len(p), len(part.owner)))
        summed = np.zeros((family.size, len(p)))
        np.add.at(summed, part.owner, terms.T)
        symbols.append(total(k))
        given.append(summed.T)
    with np.errstate(all="ignore"):
        return np.broadcast_to(compiled(symbols, family.template)(*given), (len(p), family.size))
