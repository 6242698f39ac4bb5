"""Reports on a terminal: what the compiler did, how a solve went, how far a surrogate can be trusted."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

# How many variables a report of a solve lists before it says how many more there are.
LISTED = 24


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
                ("program", f"{_count(report['operations'], 'array operation')}, {report['tier']} tier"),
                ("method", str(report["method"])),
            ]
        ),
        "",
        _stages(report["stages"]),
        *_warnings(report),
    )


def structure_report(model: Any) -> RenderableType:
    """What `graph` found: states, implicit unknowns, blocks, the Jacobian."""
    report = model.report
    return Group(
        _heading(report["name"], report.get("doc")),
        "",
        _facts([("equations", f"{report['equations_before']:,}"), *_structure(report)]),
        *_warnings(report),
    )


def solution_table(report: Mapping[str, Any]) -> RenderableType:
    """How a solve ended, what it cost, and where each variable went; `report` is that of `stiffdsl simulate`."""
    span = report["time"]
    reached = f"time {_number(span[0])}..{_number(span[1])}, " if span else ""
    seconds = report["seconds"]
    facts = [
        ("result", f"{report['reason']} ({reached}{_count(report['points'], 'point')})"),
        ("work", ", ".join(f"{_integer(n)} {name}" for name, n in report["stats"].items()) or "none"),
        ("seconds", f"{seconds['compile']:.2f} to compile, {seconds['solve']:.2f} to solve"),
    ]
    table = _grid(("variable", "first", "last", "least", "greatest", "unit"), numbers=(1, 2, 3, 4))
    rows = report["variables"]
    for row in rows[:LISTED]:
        values = [_number(row[key]) if key in row else "" for key in ("first", "last", "least", "greatest")]
        table.add_row(row["name"], *values, row["unit"] or "")
    more = [Text(f"… and {len(rows) - LISTED:,} more", style="dim")] if len(rows) > LISTED else []
    return Group(_heading(report["model"]), "", _facts(facts), "", table, *more)


def _heading(name: str, doc: str | None = None) -> Text:
    return Text.assemble((name, "bold"), f"  {doc}" if doc else "")


def _structure(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The lines that `compile` and `inspect` have in common."""
    jacobian = report["jacobian"]
    loops = _count(report["loops"], "loop")
    rows = [
        ("states", f"{report['states']:,}"),
        ("implicit", f"{report['implicit']:,}"),
        ("blocks", f"{report['blocks']:,}, the largest of {_count(report['largest_block'], 'equation')}; {loops}"),
        ("solved", f"{report['solved']:,} in closed form, {report['tears']:,} torn"),
        ("index", str(report["index"])),
        (
            "Jacobian",
            f"{jacobian['size']:,} × {jacobian['size']:,}, {_count(jacobian['nonzeros'], 'nonzero')} "
            f"({_percent(jacobian['density'])})",
        ),
    ]
    return rows


def _stages(stages: Mapping[str, float]) -> Table:
    table = _grid(("stage", "seconds"), numbers=(1,))
    for name, seconds in stages.items():
        table.add_row(name, f"{seconds:.3f}")
    table.add_row("total", f"{sum(stages.values()):.3f}", style="bold")
    return table


def _warnings(report: Mapping[str, Any]) -> Iterable[RenderableType]:
    for warning in report.get("warnings", ()):
        yield ""
        yield Text(str(warning).rstrip())


def _facts(rows: Sequence[tuple[str, str]]) -> Table:
    """Names on the left, what is to be said about each on the right."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, what in rows:
        table.add_row(f"  {name}", Text(what))
    return table


def _grid(headings: Sequence[str], numbers: Sequence[int]) -> Table:
    """A table without lines; the columns `numbers` are set flush right."""
    table = Table(box=None, header_style="cyan", padding=(0, 2, 0, 0), pad_edge=False)
    for k, heading in enumerate(headings):
        text = heading if k else f"  {heading}"
        table.add_column(text, justify="right" if k in numbers else "left", no_wrap=True)
    return table


def _change(before: int, after: int) -> str:
    return f"{before:,} → {after:,}"


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" + ("" if n == 1 else "s")


def _integer(n: Any) -> str:
    return f"{n:,}" if isinstance(n, int) else _number(n)


def _number(value: Any) -> str:
    """Six figures: enough to read, short enough for a column."""
    return f"{float(value):.6g}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3g} %"
