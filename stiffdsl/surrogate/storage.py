"""A surrogate in a folder: arrays in `surrogate.safetensors`, everything else in `surrogate.json`; no pickle.

A prediction of a loaded surrogate is that of the saved one to the last bit.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from stiffdsl.surrogate.core.checksum import KEY, checksum, verify
from stiffdsl.surrogate.core.difficulty import Difficulty
from stiffdsl.surrogate.core.domain import Domain
from stiffdsl.surrogate.core.intervals import Widths
from stiffdsl.surrogate.core.laws import Laws, Polynomials
from stiffdsl.surrogate.core.novelty import Shapes
from stiffdsl.surrogate.core.scaling import Clock, OutputScaling, ParameterScaling
from stiffdsl.surrogate.core.stored import StoredCoordinates, fields_of
from stiffdsl.surrogate.core.surrogate import Description, Surrogate
from stiffdsl.surrogate.core.task import Drive, Parameter, column_names
from stiffdsl.surrogate.methods.registry import format_in, format_of

FORMAT = "stiffdsl surrogate"
VERSION = 1
ARRAYS, META, SPEED = "surrogate.safetensors", "surrogate.json", "speed.json"


def save(surrogate: Surrogate, directory: str | Path) -> Path:
    """Writes the files into `directory`, made where it is missing; seconds stand in a file of their own."""
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    arrays, meta = _packed(surrogate)
    save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, folder / ARRAYS)
    meta[KEY] = checksum(meta, [folder / ARRAYS])
    (folder / META).write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
    (folder / SPEED).write_text(json.dumps(surrogate.speed, indent=1) + "\n", encoding="utf-8")
    return folder


def load(directory: str | Path, full: Any = None) -> Surrogate:
    """Reads what `save` wrote; `full` is the model that answers outside of the domain where that is asked
    for.

    Raises `FileNotFoundError` where there is no surrogate, `ValueError` for one that cannot be read.
    """
    folder = Path(directory)
    if not (folder / META).is_file() or not (folder / ARRAYS).is_file():
        raise FileNotFoundError(f"there is no surrogate in `{folder}`: it needs {META} and {ARRAYS}")
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        arrays = load_file(folder / ARRAYS)
    except (OSError, ValueError, SafetensorError) as error:
        raise ValueError(f"the surrogate in `{folder}` cannot be read: {error}") from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise ValueError(f"`{folder / META}` does not describe a surrogate")
    if meta.get("version") != VERSION:
        raise ValueError(
            f"the surrogate in `{folder}` has format version {meta.get('version')}; "
            f"this stiffdsl reads {VERSION}"
        )
    try:
        verify(meta, [folder / ARRAYS])
        surrogate = _unpacked(arrays, meta, full)
        if (folder / SPEED).is_file():
            surrogate.speed = json.loads((folder / SPEED).read_text(encoding="utf-8"))
    except (KeyError, TypeError) as error:
        raise ValueError(f"the surrogate in `{folder}` is not complete: {error} is missing") from None
    except ValueError as error:
        raise ValueError(f"the surrogate in `{folder}` cannot be read: {error}") from None
    if full is not None:
        _verify_full(surrogate.about, full)
    return surrogate


def _verify_full(about: Description, full: Any) -> None:
    """Raises `ValueError` for a full model that is not the one learnt from, or that cannot be asked as it was then."""
    known = getattr(full, "identity", "")
    if about.identity and known and known != about.identity:
        raise ValueError(
            f"`full` is not the model that the surrogate of `{about.name}` was trained on: its equations are others"
        )
    functions = [name for kind in about.given.values() for name, value in kind.items() if value is None]
    if functions:
        raise ValueError(
            f"the full model cannot answer for this surrogate: `{functions[0]}` was a function in training, and "
            "functions are not stored; train with a table (times, values)"
        )


def _stored(values: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers, arrays and tables as lists; a function as None."""
    return {name: None if callable(value) else _listed(value) for name, value in values.items()}


def _listed(value: Any) -> Any:
    if hasattr(value, "index") and hasattr(value, "to_numpy"):  # a Series
        value = (value.index, value.to_numpy())
    if isinstance(value, tuple | list) and len(value) == 2 and np.ndim(value[0]) == 1:
        return {"times": np.asarray(value[0], float).tolist(), "values": np.asarray(value[1], float).tolist()}
    return np.asarray(value, dtype=float).tolist()


def _restored(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: (np.array(v["times"]), np.array(v["values"])) if isinstance(v, dict) else v
        for name, v in values.items()
    }


def _packed(surrogate: Surrogate) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    about, expansion = surrogate.about, surrogate.expansion
    arrays: dict[str, np.ndarray] = {
        "times": about.times,
        "widths": surrogate.widths.at_knots,
        "widths.between": surrogate.widths.between,
        "solved": surrogate.region.solved,
        "failed": surrogate.region.failed,
    }
    arrays |= {f"outputs.{name}": value for name, value in fields_of(expansion.outputs).items()}
    arrays["parameters.logarithmic"] = expansion.parameters.logarithmic
    arrays |= {f"held_out.{name}": value for name, value in surrogate.held_out.items()}
    meta: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "name": about.name,
        "method": about.method,
        "parameters": [fields_of(p) for p in about.parameters],
        "drives": [fields_of(d) for d in about.drives],
        "outputs": list(about.outputs),
        "units": list(about.units),
        "log_time": about.log_time,
        "start": about.start,
        "fixed": about.fixed,
        "given": {kind: _stored(values) for kind, values in about.given.items()},
        "identity": about.identity,
        "distribution": about.distribution,
        "clock": fields_of(expansion.clock),
        "validation": surrogate.validation,
    }
    if surrogate.region.shapes is not None:
        entries = fields_of(surrogate.region.shapes)
        arrays |= {f"shapes.{k}": v for k, v in entries.items() if isinstance(v, np.ndarray)}
        # JSON has no infinity.
        plain = {k: v for k, v in entries.items() if not isinstance(v, np.ndarray)}
        meta["shapes"] = {k: None if v == np.inf else v for k, v in plain.items()}
    if surrogate.region.difficulty is not None:
        found = fields_of(surrogate.region.difficulty)
        arrays["difficulty.weights"] = found.pop("weights")
        meta["difficulty"] = found
    if surrogate.laws is not None:
        meta["laws"] = _pack_laws(surrogate.laws, arrays)
    own = format_of(expansion)
    meta["formula"] = own.key
    return arrays, meta | own.pack(expansion, arrays)


def _unpacked(arrays: dict[str, np.ndarray], meta: dict[str, Any], full: Any) -> Surrogate:
    parameters = tuple(Parameter(**p) for p in meta["parameters"])
    drives = tuple(Drive(**d) for d in meta.get("drives", ()))
    knots = len(arrays["times"])
    every = (*parameters, *(d for d in drives for _ in range(knots)))
    low, high = np.array([p.low for p in every]), np.array([p.high for p in every])
    scaling = ParameterScaling(low, high, arrays["parameters.logarithmic"])
    clock = Clock(**meta["clock"])
    outputs = OutputScaling(*(arrays[f"outputs.{f.name}"] for f in fields(OutputScaling)))
    stored = StoredCoordinates(clock, scaling, outputs, len(parameters), len(drives), arrays["times"])
    expansion = format_in(meta).unpack(meta, arrays, stored)
    about = Description(
        meta["name"],
        parameters,
        tuple(meta["outputs"]),
        tuple(meta["units"]),
        arrays["times"],
        meta["log_time"],
        meta["start"],
        meta["fixed"],
        meta["method"],
        drives,
        {kind: _restored(values) for kind, values in meta.get("given", {}).items()},
        meta.get("identity", ""),
        meta.get("distribution", "log"),
    )
    prefix = "held_out."
    held_out = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
    names = column_names(parameters, drives, knots)
    shapes = None
    if "shapes" in meta:
        own: dict[str, Any] = {k: np.inf if v is None else v for k, v in meta["shapes"].items()}
        own |= {k.removeprefix("shapes."): v for k, v in arrays.items() if k.startswith("shapes.")}
        shapes = Shapes(**own)
    difficulty = None
    if "difficulty" in meta:
        difficulty = Difficulty(weights=arrays["difficulty.weights"], **meta["difficulty"])
    domain = Domain(names, scaling, arrays["solved"], arrays["failed"], shapes, difficulty)
    laws = _unpack_laws(meta["laws"], arrays) if "laws" in meta else None
    # Folders that were written before widths had a part between knots.
    widths = Widths(arrays["widths"], arrays.get("widths.between", np.zeros_like(arrays["widths"])))
    return Surrogate(about, expansion, domain, widths, meta["validation"], held_out, full, laws, writer=save)


def _pack_laws(laws: Laws, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Puts the arrays of `laws` into `arrays` and returns the rest of them."""
    rest: dict[str, Any] = {}
    for name, value in fields_of(laws).items():
        if isinstance(value, Polynomials):
            arrays |= {f"laws.{name}.{k}": v for k, v in fields_of(value).items() if k != "degree"}
            rest[name] = value.degree
        elif isinstance(value, np.ndarray):
            arrays[f"laws.{name}"] = value
        else:
            rest[name] = list(value)
    return rest


def _unpack_laws(meta: dict[str, Any], arrays: dict[str, np.ndarray]) -> Laws:
    def polynomials(name: str) -> Polynomials:
        low, high, coefficients = (arrays[f"laws.{name}.{k}"] for k in ("low", "high", "coefficients"))
        return Polynomials(low, high, meta[name], coefficients)

    numbers = {f.name: arrays[f"laws.{f.name}"] for f in fields(Laws) if f"laws.{f.name}" in arrays}
    # Folders that were written before outputs had one.
    numbers.setdefault("upper", np.full(len(numbers["lower"]), np.inf))
    return Laws(
        texts=tuple(meta["texts"]), weights=polynomials("weights"), totals=polynomials("totals"), **numbers
    )
