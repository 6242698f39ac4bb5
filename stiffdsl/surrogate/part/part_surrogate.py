"""`PartSurrogate`: a model in which a part has given way to its surrogate, and what is known of its error."""

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from stiffdsl.solve.integrate.ensemble import Ensemble
from stiffdsl.solve.integrate.solution import OutsideDomainWarning, Solution
from stiffdsl.surrogate.core.bindings import Given
from stiffdsl.surrogate.core.checksum import KEY, checksum, inside, verify
from stiffdsl.surrogate.core.domain import Domain
from stiffdsl.surrogate.core.intervals import LEVELS
from stiffdsl.surrogate.core.scaling import ParameterScaling
from stiffdsl.surrogate.core.surrogate import Description
from stiffdsl.surrogate.core.task import Drive, Parameter
from stiffdsl.surrogate.core.verdict import Verdict, verdict
from stiffdsl.surrogate.part.state_space import OUTSIDE

FORMAT = "stiffdsl part surrogate"
VERSION = 1
ARRAYS, META, SPEED = "surrogate.safetensors", "surrogate.json", "speed.json"
# The range of a signal is left by rounding.
_SLACK = 1e-6


@dataclass(frozen=True, eq=False)
class Texts:
    """The component that takes the part's place, and the whole with it, which stands by itself."""

    component: str
    whole: str


class PartSurrogate:
    """The model `full` with its part `part` replaced: `model` is compiled as any other, Jacobian included.

    It answers the calls of a model. `texts.component` is the surrogate in the language, `texts.whole` the model with
    it.
    `validation`, `held_out`, `speed`, `domain` and `counts` are those of other surrogates; `signals` are the ranges of
    what is imposed on the part at its connectors, in which it was learnt."""

    def __init__(
        self,
        about: Description,
        part: str,
        model: Any,
        texts: Texts,
        region: Domain,
        signals: Mapping[str, tuple[float, float]],
        widths: np.ndarray,
        validation: dict[str, Any],
        held_out: dict[str, np.ndarray],
        full: Any = None,
    ):
        self.about = about
        self.part = part
        self.model = model
        self.texts = texts
        self.region = region
        self.signals = dict(signals)
        self.widths = widths
        self.validation = validation
        self.held_out = held_out
        self.full = full
        self.speed: dict[str, Any] = {}
        self.counts = {"inside": 0, "outside": 0, "fallback": 0}
        self._given = Given(about.parameters, about.drives, about.times, about.fixed)
        self._outside = f"{part}.{OUTSIDE}"

    def doc(self, name: str) -> str | None:
        """The documentation of a variable, a parameter or an input."""
        names = (self.model.variable_names, self.model.parameter_names, self.model.input_names)
        return next((table.find(name).block.doc or None for table in names if name in table), None)

    @property
    def name(self) -> str:
        return self.about.name

    @property
    def method(self) -> str:
        return self.about.method

    @property
    def outputs(self) -> tuple[str, ...]:
        """The scalars that were compared with the full model; `model` computes others besides."""
        return self.about.outputs

    @property
    def times(self) -> np.ndarray:
        """The times at which it was compared."""
        return self.about.times

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The varied parameters and start values by name."""
        return {p.name: p for p in self.about.parameters}

    @property
    def inputs(self) -> dict[str, Drive]:
        """The inputs of the whole that varied over time, by name."""
        return {d.name: d for d in self.about.drives}

    @property
    def domain(self) -> dict[str, tuple[float, float]]:
        """The ranges that the stated error holds for."""
        return {p.name: (p.low, p.high) for p in (*self.about.parameters, *self.about.drives)}

    @property
    def verdict(self) -> Verdict:
        """The verdict on the surrogate: good for something or not, in a sentence, and remedies."""
        return verdict(self.validation, self.speed)

    # --- solving ---

    def simulate(
        self,
        time: tuple[float, float] | None = None,
        params: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        fallback: bool = False,
        **options: Any,
    ) -> Solution:
        """The model's `simulate`. Warns where a signal at the part's connectors, or a parameter, leaves what was
        learnt; with `fallback` the full model answers then."""
        found = self.model.simulate(time, params, inputs, **options)
        told = self._complaints(
            params, np.asarray(found[self._outside]) if self._watched(options) else None, found
        )
        self.counts["outside" if told else "inside"] += 1
        if not told:
            return found
        if fallback and self.full is not None:
            self.counts["fallback"] += 1
            return self.full.simulate(time, params, inputs, **options)
        self._warn(told, fallback)
        return found

    def _watched(self, options: Mapping[str, Any]) -> bool:
        return bool(self.signals) and options.get("outputs") is None

    def _complaints(self, params: Any, outside: np.ndarray | None, solution: Any) -> list[str]:
        told = []
        for name, value in (params or {}).items():
            p = self.parameters.get(name)
            if p is not None and np.ndim(value) == 0 and not p.low <= float(value) <= p.high:
                told.append(f"`{name}` = {float(value):.6g} lies outside {p.low:.6g}..{p.high:.6g}")
        if outside is None or not np.any(outside > _SLACK):
            return told
        for name, (low, high) in self.signals.items():
            values = np.asarray(solution[name])
            least, most = float(values.min()), float(values.max())
            slack = _SLACK * (high - low)
            if least < low - slack or most > high + slack:
                told.append(
                    f"`{name}` reaches {least if least < low else most:.6g}, outside {low:.6g}..{high:.6g}"
                )
        return told

    def _warn(self, told: Sequence[str], fallback: bool) -> None:
        text = f"outside of what the surrogate of `{self.part}` has learnt: {'; '.join(told)}"
        if fallback:
            text += "; the full model is not at hand to answer instead"
        warnings.warn(text, OutsideDomainWarning, stacklevel=3)

    def solver(self, *args: Any, **options: Any) -> Callable[..., Any]:
        """The model's own pure function: `jit`, `vmap` and `grad` work on it. It cannot judge what it is given."""
        return self.model.solver(*args, **options)

    def ensemble(
        self,
        params: Mapping[str, Any],
        saveat: Any = None,
        outputs: Sequence[str] | None = None,
        **options: Any,
    ) -> Ensemble:
        """The model's `ensemble`; warns where lanes leave what was learnt."""
        watch = bool(self.signals) and outputs is not None and self._outside not in outputs
        wanted = (*outputs, self._outside) if watch and outputs is not None else outputs
        found = self.model.ensemble(params, saveat, wanted, **options)
        if self.signals:
            with np.errstate(invalid="ignore"):
                lanes = np.any(np.asarray(found[self._outside]) > _SLACK, axis=1)
            count = int(lanes.sum())
            self.counts["outside"] += count
            self.counts["inside"] += len(lanes) - count
            if count:
                self._warn([f"signals at its connectors, in {count} of {len(lanes)} lanes"], False)
        if watch:
            asked = Ensemble(found.t, found.outputs[:-1], found.values[..., :-1], found.status, found.stats)
            return asked.described(found.model_name, found.varied, found.units, found.docs)
        return found

    def interval(
        self,
        params: Mapping[str, Any] | None = None,
        saveat: Any = None,
        level: float = 0.95,
        *,
        inputs: Mapping[str, Any] | None = None,
        initial: Mapping[str, Any] | None = None,
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Lower and upper ends by output: where the full model lies with probability `level` at any one time.

        Split conformal, as for other surrogates: for what is drawn as the validation's runs were. `level` is one of
        0.5, 0.8, 0.9, 0.95.
        """
        if level not in LEVELS:
            raise ValueError(f"intervals are calibrated for {', '.join(map(str, LEVELS))}, not {level}")
        times = self.times if saveat is None else np.atleast_1d(np.asarray(saveat, dtype=float))
        found = self.simulate(params=params, inputs=inputs, initial=initial, saveat=times)
        known = self.widths[LEVELS.index(level)]
        ends = {}
        for k, name in enumerate(self.outputs):
            wide = np.interp(times, self.times, known[:, k])
            value = np.asarray(found[name])
            ends[name] = value - wide, value + wide
        return ends

    # --- files ---

    def save(self, directory: str | Path) -> Path:
        """Writes the surrogate into a folder: the two texts, what is known of the error, and no pickle."""
        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        about = self.about
        names = texts_of(self)
        (folder / names[0]).write_text(self.texts.component, encoding="utf-8")
        (folder / names[1]).write_text(self.texts.whole, encoding="utf-8")
        arrays = {
            "times": about.times,
            "widths": self.widths,
            "solved": self.region.solved,
            "failed": self.region.failed,
            **{f"held_out.{name}": value for name, value in self.held_out.items()},
        }
        save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, folder / ARRAYS)
        meta = {
            "format": FORMAT,
            "version": VERSION,
            "name": about.name,
            "part": self.part,
            "method": about.method,
            "component": names[0],
            "whole": names[1],
            "parameters": [_fields(p) for p in about.parameters],
            "drives": [_fields(d) for d in about.drives],
            "outputs": list(about.outputs),
            "units": list(about.units),
            "log_time": about.log_time,
            "start": about.start,
            "fixed": about.fixed,
            "signals": {name: list(ends) for name, ends in self.signals.items()},
            "validation": self.validation,
        }
        meta[KEY] = checksum(meta, [folder / ARRAYS, *(folder / name for name in names)])
        (folder / META).write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
        (folder / SPEED).write_text(json.dumps(self.speed, indent=1) + "\n", encoding="utf-8")
        return folder

    def __repr__(self) -> str:
        return (
            f"<PartSurrogate of `{self.part}` in {self.model.name} ({self.method}): "
            f"{len(self.full.program.system.states) if self.full is not None else '?'} states became "
            f"{len(self.model.program.system.states)}, worst relative error {100 * self.validation['worst']:.2g} % on "
            f"{self.validation['samples']['test']} samples held out>"
        )


def texts_of(surrogate: PartSurrogate) -> tuple[str, str]:
    """The names of the files of the component and of the whole: the component's is that of its model."""
    component = surrogate.texts.component.rpartition("\nmodel ")[2].split()[0]
    whole = surrogate.model.name
    return f"{component}.sml", f"{whole if whole != component else whole + 'Whole'}.sml"


def is_part(directory: str | Path) -> bool:
    """Whether a folder holds a surrogate of a part."""
    try:
        meta = json.loads((Path(directory) / META).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(meta, dict) and meta.get("format") == FORMAT


def load(directory: str | Path, compiled: Callable[[str], Any]) -> PartSurrogate:
    """Reads what `save` wrote; `compiled` makes a model of a text. Raises `ValueError` for what cannot be read."""
    folder = Path(directory)
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        arrays = load_file(folder / ARRAYS)
        if meta["version"] != VERSION:
            raise ValueError(f"it has format version {meta['version']}; this stiffdsl reads {VERSION}")
        written = [inside(folder, meta[k]) for k in ("component", "whole")]
        verify(meta, [folder / ARRAYS, *written])
        texts = Texts(*(path.read_text(encoding="utf-8") for path in written))
        about = Description(
            meta["name"],
            tuple(Parameter(**p) for p in meta["parameters"]),
            tuple(meta["outputs"]),
            tuple(meta["units"]),
            arrays["times"],
            meta["log_time"],
            meta["start"],
            meta["fixed"],
            meta["method"],
            tuple(Drive(**d) for d in meta["drives"]),
        )
        held_out = {k.removeprefix("held_out."): v for k, v in arrays.items() if k.startswith("held_out.")}
        made = PartSurrogate(
            about,
            meta["part"],
            compiled(texts.whole),
            texts,
            domain_of(about, arrays["solved"], arrays["failed"]),
            {name: (ends[0], ends[1]) for name, ends in meta["signals"].items()},
            arrays["widths"],
            meta["validation"],
            held_out,
        )
        if (folder / SPEED).is_file():
            made.speed = json.loads((folder / SPEED).read_text(encoding="utf-8"))
    except (OSError, ValueError, SafetensorError) as error:
        raise ValueError(f"the surrogate in `{folder}` cannot be read: {error}") from None
    except (KeyError, TypeError) as error:
        raise ValueError(f"the surrogate in `{folder}` is not complete: {error} is missing") from None
    return made


def domain_of(about: Description, solved: np.ndarray, failed: np.ndarray) -> Domain:
    """The box of what varies in the whole."""
    columns = [*about.parameters, *(d for d in about.drives for _ in about.times)]
    low, high = (np.array([getattr(c, end) for c in columns], dtype=float) for end in ("low", "high"))
    scaling = ParameterScaling(low, high, np.zeros(len(columns), dtype=bool))
    return Domain(tuple(c.name for c in columns), scaling, solved, failed)


def _fields(item: Any) -> dict[str, Any]:
    return {f.name: getattr(item, f.name) for f in fields(item)}
