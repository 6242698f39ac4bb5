"""Reports on a terminal: what the compiler did, how a solve went, how far a surrogate can be trusted."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from stiffdsl.runtime.tables import value_text
from stiffdsl.surrogate.core.verdict import times

# The number of variables that a report lists before it says how many more there are.
LISTED = 24
# Names and equations in one line, or one below the other.
NAMED = 8


def compile_report(report: Mapping[str, Any]) -> RenderableType:
    """`model.report` for reading: the model before and after, its structure, the time of every stage."""
    return Group(
        _heading(report["name"], report.get("doc")),
        "",
        _facts(
            [
                ("equations", _change(report["equations_before"], report["equations_after"])),
                ("unknowns", _change(report["unknowns_before"], report["unknowns_after"])),
                ("aliases", f"{report['aliases']:,} eliminated"),
                *_structure(report),
                *_work(report["work"]),
                ("program", f"{_count(report['operations'], 'array operation')}, {report['tier']} tier"),
                ("method", str(report["method"])),
                ("no kernel", report["no_kernel"] or ""),
            ]
        ),
        "",
        _stages(report["stages"]),
        *_warnings(report),
    )


def structure_report(report: Mapping[str, Any]) -> RenderableType:
    """The structure of a model before and after compilation; `report` is that of `stiffdsl inspect`."""
    factors, nonzeros = report.get("factors"), report["jacobian"]["nonzeros"]
    fill = f"{_count(factors, 'nonzero')}, {factors / max(1, nonzeros):.2f} × those" if factors else ""
    return Group(
        _heading(report["name"], report.get("doc")),
        "",
        _facts(
            [
                ("equations", _change(report["equations_before"], report["equations_after"])),
                ("unknowns", _change(report["unknowns_before"], report["unknowns_after"])),
                ("aliases", f"{report['aliases']:,} eliminated"),
                *_structure(report),
                ("L + U", fill),
                *_work(report["work"]),
                *_uncertain(report),
            ]
        ),
        *_warnings(report),
    )


def solution_table(report: Mapping[str, Any]) -> RenderableType:
    """The summary of a solve: its end, work, and each variable's range; `report` is that of `simulate`."""
    span = report["time"]
    reached = f"time {_number(span[0])}..{_number(span[1])}, " if span else ""
    seconds = report["seconds"]
    facts = [
        ("result", f"{report['reason']} ({reached}{_count(report['points'], 'point')})"),
        ("start", report["start"]["summary"] if report["start"] else ""),
        ("method", str(report["stats"].get("method", ""))),
        ("no kernel", report["stats"].get("no_kernel", "")),
        ("work", ", ".join(f"{n:,} {what}" for what, n in report["stats"].items() if isinstance(n, int))),
        ("seconds", f"{seconds['compile']:.2f} to compile, {seconds['solve']:.2f} to solve"),
    ]
    table = _grid(("variable", "first", "last", "least", "greatest", "unit"), numbers=(1, 2, 3, 4))
    rows = report["variables"]
    if len(rows) > LISTED:
        rows = list(_folded(rows))
    table.add_column("", overflow="fold")
    before = None
    for row in rows[:LISTED]:
        values = [
            value_text(float(row[key]), tuple(row.get("labels", ()))) if key in row else ""
            for key in ("first", "last", "least", "greatest")
        ]
        # Elements of an array have the same.
        doc, before = "" if row.get("doc") == before else row.get("doc"), row.get("doc", before)
        table.add_row(row["name"], *values, row["unit"] or "", Text(doc or "", style="dim"))
    more = [Text(f"… and {len(rows) - LISTED:,} more", style="dim")] if len(rows) > LISTED else []
    beside = ["", _indented(_comparison(report["compared"]))] if report.get("compared") else []
    return Group(
        _heading(report["model"]), "", _facts(facts), "", _indented(table), *map(_indented, more), *beside
    )


def _comparison(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Deviations of the solution from measured values, by column."""
    table = _grid(("compared", "values", "rms", "of range", "worst", "bias", "unit"), numbers=(1, 2, 3, 4, 5))
    for row in rows:
        outside = f" ({row['outside']:,} outside the time)" if row["outside"] else ""
        figures = [""] * 4
        if row["values"]:
            relative = "" if row["relative"] is None else _percent(row["relative"])
            figures = [_number(row["rms"]), relative, _number(row["worst"]), _number(row["bias"])]
        table.add_row(row["name"], f"{row['values']:,}{outside}", *figures, row["unit"] or "")
    return table


# Counts of runs that are not to the end, and how they ended.
_EARLY = {"failed": "ended early", "stopped": "stopped by the model"}


def ensemble_table(report: Mapping[str, Any]) -> RenderableType:
    """The summary of an ensemble: ends of the runs, quantiles of outputs, and each run where there are few."""
    span, seconds = report["time"], report["seconds"]
    early = [f", {report[key]:,} {how}" for key, how in _EARLY.items() if report[key]]
    failed = "".join(early) or ", all to the end"
    varied = [
        f"{name} {_number(row['low'])}..{_number(row['high'])}" + (f" {row['unit']}" if row["unit"] else "")
        for name, row in report["varied"].items()
    ]
    reached = f"time {_number(span[0])}..{_number(span[1])}" if span else "no times"
    facts = [
        (
            "result",
            f"{_count(report['runs'], 'run')}{failed} ({reached}, {_count(report['points'], 'point')})",
        ),
        ("varied", ", ".join(varied[:LISTED]) + (" …" if len(varied) > LISTED else "")),
        ("seconds", f"{seconds['compile']:.2f} to compile, {seconds['solve']:.2f} to solve"),
    ]
    ends = _grid(
        ("at the end", "least", "5 %", "median", "95 %", "greatest", "unit"), numbers=(1, 2, 3, 4, 5)
    )
    for row in report["outputs"][:LISTED]:
        figures = [_number(row[key]) for key in ("least", "p5", "median", "p95", "greatest")]
        ends.add_row(row["name"], *figures, row["unit"] or "")
    left = len(report["outputs"]) - LISTED
    more = [Text(f"… and {left:,} more outputs", style="dim")] if left > 0 else []
    heading = _heading(report["model"])
    return Group(heading, "", _facts(facts), "", _indented(ends), *map(_indented, more), *_each_run(report))


def _each_run(report: Mapping[str, Any]) -> Iterable[RenderableType]:
    """A row for each run, with its varied values and the ends of its outputs, where a terminal has room."""
    names, outputs = list(report["varied"]), [row["name"] for row in report["outputs"]]
    if report["runs"] > LISTED or len(names) + len(outputs) > NAMED or not names:
        return
    table = _grid((*names, *outputs), numbers=range(len(names) + len(outputs)))
    for lane in report["lanes"]:
        figures = [_number(lane["varied"][name]) for name in names] + [
            _number(v) for v in lane["last"].values()
        ]
        early = not lane["success"] or lane["stopped"]
        table.add_row(*figures, *([lane["reason"]] if early else []))
    yield ""
    yield _indented(table)


def sensitivity_table(report: Mapping[str, Any]) -> RenderableType:
    """Derivatives of outputs by parameters, the strongest first."""
    span = report["time"]
    facts = [
        ("time", f"{_number(span[0])}..{_number(span[1])}"),
        ("relative", "by how many times the output's size it moves where the parameter moves by itself"),
    ]
    headings = (
        "output",
        "parameter",
        "derivative at end",
        "unit",
        "relative at end",
        "relative, most",
        "at time [s]",
    )
    table = _grid(headings, numbers=(2, 4, 5, 6))
    rows = sorted(report["sensitivities"], key=lambda row: -abs(row["relative_most"] or 0.0))
    for row in rows[:LISTED]:
        figures = [_number(row[key]) for key in ("relative_at_end", "relative_most", "time_of_most")]
        slope = _number(row["at_end"])
        table.add_row(row["output"], row["parameter"], slope, row["unit"] or "", *figures)
    more = [Text(f"… and {len(rows) - LISTED:,} more", style="dim")] if len(rows) > LISTED else []
    return Group(_heading(report["model"]), "", _facts(facts), "", _indented(table), *map(_indented, more))


def _folded(rows: Sequence[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    """Of each array the first and the last element, and between them how far the others go."""
    for _, group in groupby(rows, key=lambda row: re.sub(r"\[[\d,]+\]", "[]", row["name"])):
        elements = list(group)
        if len(elements) <= 3 or "first" not in elements[0]:
            yield from elements
            continue
        first, *between, last = elements
        least, greatest = min(row["least"] for row in between), max(row["greatest"] for row in between)
        told = {"name": f"  … {len(between):,} between", "unit": first["unit"]}
        yield from (first, told | {"least": least, "greatest": greatest}, last)


def validation_table(trained: Any) -> RenderableType:
    """The validation of a surrogate on held-out samples: verdict, errors, speed, and their domain."""
    found, speed, judged = trained.validation, trained.speed, trained.verdict
    samples = found["samples"]
    failed = f", {_count(samples['failed'], 'run')} failed" if samples["failed"] else ""
    facts = [
        ("verdict", judged.sentence),
        ("try", ", or ".join(judged.advice)),
        (
            "samples",
            f"{samples['training']} to train, {samples['calibration']} to calibrate, {samples['test']} to test{failed}",
        ),
        (
            "error",
            f"median {_percent(found['median'])}, 95 % {_percent(found['p95'])}, worst {_percent(found['worst'])}",
        ),
        *_timing(found),
        ("slopes", _slopes(found.get("slopes"))),
        ("coverage", _coverage(found["coverage"])),
        ("kept", _kept(found.get("kept"))),
        ("one run", _ratio(speed["one"])),
        ("batch", f"{_ratio(speed['batch'])} per run, {speed['lanes']:,} at once"),
        ("domain", _domain(trained)),
        ("inputs", inputs_known(trained)),
        ("failed", _failed(found["failed"], samples)),
    ]
    table = _grid(
        ("output", "median", "95 %", "worst", "relative to", "worst, absolute"), numbers=(1, 2, 3, 5)
    )
    rows = headline_first(found)
    for name, row in rows[:LISTED]:
        unit = f" {row['unit']}" if row["unit"] else ""
        errors = [_percent(row[key]) for key in ("median", "p95", "worst")]
        table.add_row(name, *errors, row["relative_to"], f"{row['worst_absolute']:.3g}{unit}")
    more = [Text(f"… and {len(rows) - LISTED:,} with smaller errors")] if len(rows) > LISTED else []
    heading = _heading(trained.name, f"surrogate ({trained.method})")
    methods = ["", _indented(_methods(trained))] if len(found["tried"]) > 1 else []
    return Group(heading, "", _facts(facts), "", _indented(table), *map(_indented, more), *methods)


def inputs_known(trained: Any) -> str:
    """The times that inputs are known at, and how exactly others are read; empty for a surrogate without inputs."""
    if not trained.about.drives:
        return ""
    t = trained.times
    step = np.diff(t)
    even = np.allclose(step, step[0], rtol=1e-6)
    told = f"learnt at {len(t):,} times" + (f", {step[0]:,.6g} s apart" if even else "")
    kinds = trained.validation.get("by_kind_of_inputs")
    if kinds is None:
        return told
    errors = f"95 % below {_percent(kinds['at_times'])} for inputs that bend at these times"
    return f"{told}; {errors}, {_percent(kinds['between_times'])} between them"


def _slopes(found: Mapping[str, Any] | None) -> str:
    """`median 0.2 %, 95 % 3 %, along 8 directions`, of derivatives by what varies."""
    if found is None:
        return ""
    errors = f"median {_percent(found['median'])}, 95 % {_percent(found['p95'])}"
    return f"derivatives by what varies: error {errors}, along {found['points']} directions"


def _failed(failed: Mapping[str, Any], samples: Mapping[str, int]) -> str:
    """`12 of 130 runs, within k1 0.1..0.3: there no error is stated`."""
    if not samples["failed"]:
        return ""
    tried = samples["failed"] + sum(samples[kind] for kind in ("training", "calibration", "test"))
    box = [f"{name} {_number(low)}..{_number(high)}" for name, (low, high) in failed["region"].items()]
    within = f", within {', '.join(box[:NAMED])}" if box else ""
    return f"{samples['failed']:,} of {_count(tried, 'run')}{within}: near these it warns, and no error is stated"


def headline_first(found: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The rows of a validation by output: those of the headline first, the largest errors before smaller ones.

    Of other outputs that have the errors of one of these, aliases, nothing is told.
    """
    told = set(found.get("headline", ()))

    def errors(row: Mapping[str, Any]) -> tuple[float, ...]:
        return row["median"], row["p95"], row["worst"]

    known = {errors(row) for name, row in found["outputs"].items() if name in told}
    rows = [
        (n, row) for n, row in found["outputs"].items() if n in told or not told or errors(row) not in known
    ]
    return sorted(rows, key=lambda item: (item[0] not in told, -item[1]["worst"]))


def _methods(trained: Any) -> Table:
    """Every method that was tried, by its error at the samples that calibrate, and why others were not."""
    seconds, predicted = trained.speed["training_seconds"], trained.speed["prediction_seconds"]
    table = _grid(
        ("method", "median", "95 %", "worst", "trained in", "one of a batch"), numbers=(1, 2, 3, 4, 5)
    )
    for row in trained.validation["tried"]:
        name = row["method"]
        errors = [_percent(row[key]) for key in ("median", "p95", "worst")]
        kept = ", kept" if name == trained.method else ""
        table.add_row(name + kept, *errors, duration(seconds[name]), duration(predicted[name]))
    for name, why in trained.validation["skipped"].items():
        table.add_row(name, why)
    return table


def _ratio(pair: Mapping[str, Any]) -> str:
    """`5.1 ms → 60 µs, 85 times faster`."""
    if pair["full"] is None:
        return duration(pair["surrogate"])
    return f"{duration(pair['full'])} → {duration(pair['surrogate'])}, {times(pair['ratio'])}"


def _timing(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The error modulo one step of time, given where fronts that come early or late make most of it."""
    beside = found.get("within_a_step")
    if beside is None or beside["worst"] > 0.5 * found["worst"]:
        return []
    told = f"95 % {_percent(beside['p95'])}, worst {_percent(beside['worst'])}"
    return [("", f"{told} where one step of time earlier or later is as good")]


def _coverage(found: Mapping[str, Any]) -> str:
    """The measured share of test values inside the intervals of 95 %."""
    measured = dict(zip(found["levels"], found["measured"], strict=True))
    return f"95 % intervals hold {_percent(measured[0.95])} of the values tested"


def _kept(found: Mapping[str, Any] | None) -> str:
    """`A + B + C to 2e-16 (4e-05 without that); 3 outputs never negative`."""
    if found is None:
        return ""
    told = [
        f"{row['law']} to {row['after']:.0e} ({row['before']:.0e} without that)"
        for row in found["laws"][:NAMED]
    ]
    if len(found["laws"]) > NAMED:
        told.append(f"and {len(found['laws']) - NAMED} more laws")
    if found["not_negative"]["outputs"]:
        told.append(f"{_count(len(found['not_negative']['outputs']), 'output')} never negative")
    if found["lost"]:
        told.append(f"{_count(len(found['lost']), 'law')} not kept exactly")
    return "; ".join(told)


def duration(seconds: float) -> str:
    """`12.3 ms`: three figures in a unit that fits."""
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _domain(trained: Any) -> str:
    listed = [
        f"{name} {_number(p.low)}..{_number(p.high)}" + (f" {p.unit}" if p.unit else "")
        for name, p in (*trained.parameters.items(), *trained.inputs.items())
    ]
    return ", ".join(listed[:LISTED]) + (f" and {len(listed) - LISTED} more" if len(listed) > LISTED else "")


def _heading(name: str, doc: str | None = None) -> Text:
    return Text.assemble((name, "bold"), f"  {doc}" if doc else "")


def _structure(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The lines that `compile` and `inspect` have in common."""
    jacobian = report["jacobian"]
    loops = _count(report["loops"], "loop")
    return [
        ("states", f"{report['states']:,}"),
        ("implicit", f"{report['implicit']:,}"),
        (
            "blocks",
            f"{report['blocks']:,}, the largest of {_count(report['largest_block'], 'equation')}; {loops}",
        ),
        ("solved", f"{report['solved']:,} in closed form, {report['tears']:,} torn"),
        ("index", str(report["index"]) + _reduction(report["reduction"])),
        ("invariants", _listing(report["reduction"]["invariants"])),
        ("conserved", _conserved(report["conserved"])),
        (
            "Jacobian",
            f"{jacobian['size']:,} × {jacobian['size']:,}, {_count(jacobian['nonzeros'], 'nonzero')} "
            f"({_percent(jacobian['density'])})",
        ),
    ]


def _uncertain(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The table of what is not certain, where something is."""
    if "distributions" not in report:
        return []
    drawn = [
        f"{d['name']} ~ {d['distribution']}" + (f" per {d['per']}" if d["per"] else "")
        for d in report["distributions"]
    ]
    observed = [f"{o['name']} ~ {o['distribution']}" for o in report["observations"]]
    return [
        ("distributions", _listing(drawn)),
        ("observations", _listing(observed)),
        ("covariates", _listing(report["covariates"])),
        ("doses", _listing(report["doses"])),
    ]


def _reduction(found: Mapping[str, Any]) -> str:
    """The steps of index reduction, as text; empty where there were none."""
    if not found["differentiated"]:
        return ""
    names = found["derivatives"]
    told = f", {_count(found['dummies'], 'state')} became unknowns" if found["dummies"] else ""
    new = f"; new unknowns {', '.join(names[:NAMED])}" + (" …" if len(names) > NAMED else "") if names else ""
    return f": {_count(found['differentiated'], 'derivative')} of equations taken{told}{new}"


def _conserved(found: Mapping[str, Any]) -> str:
    """One quantity a line; what they were used for, and whether there may be more."""
    lines = [_listing(found["quantities"], found["count"])]
    if found["eliminated"]:
        more = " …" if len(found["eliminated"]) > NAMED else ""
        lines.append(f"used to compute {', '.join(found['eliminated'][:NAMED])}{more}")
    lines.append(found["note"] or "")
    return "\n".join(filter(None, lines)) or "none"


def _listing(texts: Sequence[str], count: int | None = None) -> str:
    more = (len(texts) if count is None else count) - len(texts[:NAMED])
    return "\n".join([*texts[:NAMED], *([f"and {more:,} more"] if more > 0 else [])])


def _work(work: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Operations on numbers, before and after common subexpressions are joined."""
    f, jacobian = work["f"], work["jacobian"]
    after = (
        f"{_change(jacobian['before'], jacobian['after'])} operations, and {work['shared']:,} shared with f"
    )
    return [
        ("f", f"{_change(f['before'], f['after'])} operations"),
        ("df/dy", after),
        ("constants", f"{_count(work['folded'], 'operation')} done by the compiler"),
        ("once", f"{_count(work['once'], 'operation')} on parameters alone, done once for a solve"),
    ]


def _indented(what: RenderableType) -> Padding:
    return Padding(what, (0, 0, 0, 2), expand=False)


def _stages(stages: Mapping[str, float]) -> Padding:
    table = _grid(("stage", "seconds"), numbers=(1,))
    for name, seconds in stages.items():
        table.add_row(name, f"{seconds:.3f}")
    table.add_row("total", f"{sum(stages.values()):.3f}", style="bold")
    return _indented(table)


def _warnings(report: Mapping[str, Any]) -> Iterable[RenderableType]:
    for warning in report.get("warnings", ()):
        yield ""
        yield Text(str(warning).rstrip())


def _facts(rows: Sequence[tuple[str, str]]) -> Padding:
    """Names on the left, what is to be said about each on the right."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, what in rows:
        if what:
            table.add_row(name, Text(what))
    return _indented(table)


def _grid(headings: Sequence[str], numbers: Sequence[int]) -> Table:
    """A table without lines; the columns `numbers` are set flush right."""
    table = Table(box=None, header_style="cyan", padding=(0, 2, 0, 0), pad_edge=False)
    for k, heading in enumerate(headings):
        table.add_column(heading, justify="right" if k in numbers else "left", no_wrap=True)
    return table


def _change(before: int, after: int) -> str:
    return f"{before:,} → {after:,}"


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" + ("" if n == 1 else "s")


def _number(value: Any) -> str:
    """Six figures: enough to read, short enough for a column."""
    return f"{float(value) + 0.0:.6g}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3g} %"
