"""The page that goes with a surrogate: one HTML file, for whoever has to trust it."""

from collections.abc import Iterable, Sequence
from datetime import date
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from stiffdsl.report import surrogate as pictures
from stiffdsl.report.picture import svg
from stiffdsl.report.tables import LISTED, duration, headline_first, inputs_known
from stiffdsl.surrogate.core.verdict import times

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; margin-bottom: 0 } h2 { font-size: 1.15rem; margin-top: 2.2rem }
p.about { color: #666; margin-top: 0.2rem }
p.verdict { border-left: 4px solid #228833; padding: 0.4rem 0.8rem; background: #f3f8f4; font-weight: 600 }
p.verdict.poor { border-color: #EE6677; background: #fdf2f3 }
div.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: 0.9rem } th { text-align: left; font-weight: 600 }
th, td { padding: 0.25rem 1rem 0.25rem 0; border-bottom: 1px solid #e4e4e4 } td.n, th.n { text-align: right }
td.n { white-space: nowrap } p, li, h1 { overflow-wrap: anywhere }
pre { background: #f6f6f6; padding: 0.8rem 1rem; overflow-x: auto; font-size: 0.85rem }
svg { max-width: 100%; height: auto } code { font-size: 0.92em; overflow-wrap: anywhere }
@media (max-width: 40rem) {
  body { margin: 1rem auto; padding: 0 0.7rem } th, td { padding-right: 0.6rem }
  div.picture svg { max-width: none; height: auto; min-width: 34rem }
}
@media print {
  body { max-width: none; margin: 0; font-size: 11px } div.wide { overflow: visible }
  h2 { break-after: avoid } svg, tr, pre, p.verdict { break-inside: avoid } pre { white-space: pre-wrap }
  table { font-size: 10px; width: 100% } th, td { padding-right: 0.5rem; overflow-wrap: anywhere }
}
"""


def write_page(trained: Any, path: str | Path) -> None:
    """Writes the report of a surrogate to `path`: error, coverage, domain, speed, pictures, and how to use it."""
    Path(path).write_text(page(trained), encoding="utf-8")


def page(trained: Any) -> str:
    """The report as HTML."""
    found, samples = trained.validation, trained.validation["samples"]
    about = (
        f"{trained.method}, {_varied(trained)}, {len(trained.outputs)} outputs, "
        f"time {trained.about.start:g}..{trained.times[-1]:g}"
    )
    sections = [
        f"<h1>Surrogate of {escape(trained.name)}</h1>\n<p class='about'>{escape(about)}</p>",
        _verdict(trained),
        f"<p>{_text(_explained(trained))}</p>",
        _summary(trained),
        "<h2>Where it holds</h2>\n<p>The errors hold for values drawn "
        f"{_drawn(found)} from these ranges. Outside of them the surrogate warns.</p>",
        _documented(("what varies", "from", "to", "unit"), _domain(trained), numbers=(1, 2)),
        _inputs(trained),
        _failures(found["failed"], samples),
        "<h2>Error by output</h2>",
        "<p>Relative to the value, or to the range that an output moves in where it changes its sign. 95 % of the "
        "errors are below the column of that name, at the saved times of runs that took no part in the training.</p>",
        _documented(
            ("output", "median", "95 %", "worst", "relative to", "worst, absolute", "unit"),
            _outputs(trained),
            numbers=(1, 2, 3, 5),
        ),
        *_kept(found.get("kept")),
        "<h2>Best, median and worst run</h2>",
        _picture(pictures.trajectories(trained)),
        "<h2>Error over time</h2>",
        _picture(pictures.over_time(trained)),
        "<h2>Error over the parameters</h2>",
        _picture(pictures.over_parameters(trained)),
        "<h2>Prediction by truth</h2>",
        _picture(pictures.parity(trained)),
        "<h2>Use it</h2>",
        f"<pre>{escape(_usage(trained))}</pre>",
    ]
    body = "\n".join(section for section in sections if section)
    title = f"Surrogate of {escape(trained.name)}"
    return (
        f"<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        f"<meta name='viewport' content='width=device-width, initial-scale=1'>\n<title>{title}</title>\n"
        f"<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _verdict(trained: Any) -> str:
    judged = trained.verdict
    kind = "verdict" if judged.good else "verdict poor"
    sentence = judged.sentence[0].upper() + judged.sentence[1:]
    tried = f" What may help: {', or '.join(judged.advice)}." if judged.advice else ""
    return f"<p class='{kind}'>{_text(sentence + '.' + tried)}</p>"


def _explained(trained: Any) -> str:
    """The introduction for a newcomer: the model, the method, how the surrogate was made, and when."""
    name = trained.full.report.get("doc") if hasattr(trained.full, "report") else None
    model = f"`{trained.name}`" + (f" ({name})" if name else "")
    method = _method(trained)
    fixed = ", ".join(f"{n} = {v:.6g}" for n, v in list(trained.about.fixed.items())[:LISTED])
    held = f" Held fixed: {fixed}." if fixed else ""
    return (
        f"A surrogate answers for the model {model} in a fraction of its time, for values in the ranges below. "
        f"This one is {method}. It was learnt from solves of the model and measured on others. An interval of 95 % is "
        f"meant to hold the model's value at any one time in 95 of 100 cases.{held} "
        f"Made on {date.today().isoformat()} with stiffdsl {_version()}."
    )


def _method(trained: Any) -> str:
    """The description of the method of a surrogate, of a model or of a part, for a newcomer."""
    from stiffdsl.surrogate.methods.registry import description_of
    from stiffdsl.surrogate.part import methods as of_parts
    from stiffdsl.surrogate.part.part_surrogate import PartSurrogate

    known = of_parts.description_of if isinstance(trained, PartSurrogate) else description_of
    return known(trained.method) or "a fast approximation"


def _version() -> str:
    try:
        return version("stiffdsl")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "from a checkout"


def _drawn(found: dict[str, Any]) -> str:
    return "evenly in the logarithm of wide ranges" if found.get("distribution") == "log" else "evenly"


def _inputs(trained: Any) -> str:
    """The times that inputs over time are known at, for whoever brings data."""
    known = inputs_known(trained)
    if not known:
        return ""
    return (
        f"<p>Inputs over time: {_text(known)}. Tables with other times are taken too; a call whose inputs move much "
        "between the times learnt, or in another way than those that errors were measured on, is warned of.</p>"
    )


def _summary(trained: Any) -> str:
    found, speed, samples = trained.validation, trained.speed, trained.validation["samples"]
    measured = dict(zip(found["coverage"]["levels"], found["coverage"]["measured"], strict=True))
    runs = f"{samples['training']} to train, {samples['calibration']} to calibrate, {samples['test']} to test"
    rows = [
        ("runs of the full model", runs),
        ("relative error", f"median {_percent(found['median'])}, 95 % below {_percent(found['p95'])}"),
        ("worst relative error", _percent(found["worst"])),
        *_slopes(found.get("slopes")),
        ("95 % intervals", f"hold {_percent(measured[0.95])} of the values tested"),
        ("one run", _speed(speed["one"])),
        ("a run of a batch", f"{_speed(speed['batch'])} ({speed['lanes']:,} at once)"),
    ]
    return _table((), rows)


def _slopes(found: dict[str, Any] | None) -> list[tuple[str, str]]:
    """The row of errors of derivatives by what varies, relative to these, where they were measured."""
    if found is None:
        return []
    errors = f"median {_percent(found['median'])}, 95 % below {_percent(found['p95'])}"
    told = f"{errors}: differences over {_percent(found['over'])} of the ranges along {found['points']} directions"
    return [("relative error of slopes", told)]


def _speed(pair: dict[str, Any]) -> str:
    if pair["full"] is None:
        return duration(pair["surrogate"])
    return f"{duration(pair['surrogate'])}; the full model takes {duration(pair['full'])}: {times(pair['ratio'])}"


def _domain(trained: Any) -> list[tuple[str, ...]]:
    named = [(_named(p), p) for p in trained.parameters.values()]
    named += [(f"{n}, over time", d) for n, d in trained.inputs.items()]
    return [
        (name, f"{v.low:.6g}", f"{v.high:.6g}", v.unit or "", trained.doc(v.name) or "") for name, v in named
    ]


def _named(parameter: Any) -> str:
    return f"{parameter.name}, at the start" if parameter.kind == "start" else parameter.name


def _varied(trained: Any) -> str:
    """`2 parameters, 1 start value, 1 input over time`."""
    starts = sum(p.kind == "start" for p in trained.parameters.values())
    counts = (
        (len(trained.parameters) - starts, "parameter"),
        (starts, "start value"),
        (len(trained.inputs), "input"),
    )
    return ", ".join(f"{n} {what}{'' if n == 1 else 's'}" for n, what in counts if n)


def _outputs(trained: Any) -> list[tuple[str, ...]]:
    ordered = headline_first(trained.validation)
    listed: list[tuple[str, ...]] = [
        (
            name,
            *(_percent(row[key]) for key in ("median", "p95", "worst")),
            row["relative_to"],
            f"{row['worst_absolute']:.3g}",
            row["unit"] or "",
            trained.doc(name) or "",
        )
        for name, row in ordered[:LISTED]
    ]
    if len(ordered) > LISTED:
        listed.append((f"… and {len(ordered) - LISTED} with smaller errors", *[""] * 7))
    return listed


def _kept(kept: dict[str, Any] | None) -> list[str]:
    """The section on exact laws: relations, with their residuals before projection, and signs."""
    if kept is None:
        return []
    signed = kept["not_negative"]
    if not kept["laws"] and not signed["outputs"] and not kept["lost"]:
        return []
    rows = [(row["law"], f"{row['before']:.1e}", f"{row['after']:.1e}") for row in kept["laws"][:LISTED]]
    if len(kept["laws"]) > LISTED:
        rows.append((f"… and {len(kept['laws']) - LISTED} more", "", ""))
    sections = ["<h2>What is kept</h2>"]
    if rows:
        sections += [
            "<p>Predictions are moved onto these, by the least change that the uncertainty of each output allows. "
            "Residuals are the worst on the runs held out, relative to the largest term.</p>",
            _table(("constant, or zero", "without that", "as predicted"), rows, numbers=(1, 2)),
        ]
    if signed["outputs"]:
        names = ", ".join(signed["outputs"][:LISTED]) + (", …" if len(signed["outputs"]) > LISTED else "")
        sections.append(
            f"<p>Never negative: {escape(names)}. {signed['before']:,} values of the runs held out would have been.</p>"
        )
    if kept["lost"]:
        lost = "".join(
            f"<li>{_text(row['law'])}: {_text(row['reason'])}</li>" for row in kept["lost"][:LISTED]
        )
        sections.append(f"<p>Not kept exactly:</p>\n<ul>{lost}</ul>")
    return sections


def _failures(failed: dict[str, Any], samples: dict[str, int]) -> str:
    """The paragraph on failed runs of the model: number, reasons, and region; no error is stated there."""
    count = samples["failed"]
    if not count:
        return ""
    tried = count + sum(samples[kind] for kind in ("training", "calibration", "test"))
    reasons = "".join(f"<li>{n} times: {_text(why)}</li>" for why, n in failed["reasons"].items())
    return (
        f"<p>The full model failed at {count} of {tried} samples ({_percent(count / tried)} of the ranges), "
        f"{_region(failed)}. Near these the surrogate warns, and no error is stated.</p>\n<ul>{reasons}</ul>"
    )


def _region(failed: dict[str, Any]) -> str:
    """`for k1 0.1..0.3, k2 2..4`: the box around the failed samples."""
    region = failed.get("region") or {}
    told = [f"{name} {low:.4g}..{high:.4g}" for name, (low, high) in list(region.items())[:LISTED]]
    return f"within {escape(', '.join(told))}" if told else "here and there"


def _usage(trained: Any) -> str:
    given = []
    for kind, what in (("parameter", "params"), ("start", "initial")):
        first = next((p for p in trained.parameters.values() if p.kind == kind), None)
        if first is not None:
            given.append(f'{what}={{"{first.name}": {0.5 * (first.low + first.high):.6g}}}')
    if trained.inputs:
        name = next(iter(trained.inputs))
        given.append(f'inputs={{"{name}": (times, values)}}')
    return (
        "import stiffdsl as sd\n\n"
        'surrogate = sd.load_surrogate("this folder")\n'
        f"sol = surrogate.simulate({', '.join(given)})\n"
        f'sol.t, sol["{trained.outputs[0]}"]\n'
    )


def _documented(headings: Sequence[str], rows: list[tuple[str, ...]], numbers: Sequence[int]) -> str:
    """A table whose last column, the documentation, is left out where nothing is documented."""
    if not any(row[-1] for row in rows):
        return _table(headings, [row[:-1] for row in rows], numbers)
    return _table((*headings, "what it is"), rows, numbers)


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    def cell(tag: str, k: int, text: str) -> str:
        kind = " class='n'" if k in numbers else ""
        return f"<{tag}{kind}>{_text(text)}</{tag}>"

    head = "".join(cell("th", k, h) for k, h in enumerate(headings))
    lines = ["<tr>" + "".join(cell("td", k, c) for k, c in enumerate(row)) + "</tr>" for row in rows]
    table = "<table>\n" + (f"<tr>{head}</tr>\n" if head else "") + "\n".join(lines) + "\n</table>"
    return f"<div class='wide'>{table}</div>"


def _picture(figure: Any) -> str:
    """A picture that is moved sideways where the screen is too narrow to read it."""
    return f"<div class='wide picture'>{svg(figure)}</div>"


def _text(text: str) -> str:
    """`text` for the page: names between backticks are code."""
    parts = escape(text).split("`")
    if len(parts) % 2 == 0:  # one without its other: as it is
        return escape(text)
    return "".join(f"<code>{part}</code>" if k % 2 else part for k, part in enumerate(parts))


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3g} %"
