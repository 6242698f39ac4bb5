"""`python -m benchmarks TASK`: one of TASKS; `baselines` takes names of cases."""

import argparse
import importlib
import json
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import measured
from benchmarks.measured import TableConsole
from benchmarks.peers import PEERS
from benchmarks.problems import PROBLEMS

Records = list[dict[str, Any]]
# Where each task is: its module, whose text says what the columns mean.
TASKS = {
    "compare": "compare",
    "ensembles": "ensembles",
    "methods": "methods",
    "start-up": "startup",
    "overhead": "overhead",
    "tiers": "tiers",
    "linear": "linear",
    "once": "once",
    "scaling": "scaling",
    "precision": "precision",
    "gradients": "gradients",
    "networks": "networks",
    "surrogates": "surrogates",
    "baselines": "baselines.run",
    "references": "reference",
    "batteries": "batteries",
    "battery": "battery",
    "buildings": "buildings",
    "bestest": "bestest",
    "weeks": "weeks",
    "before": "before",
    "events": "events",
}


def main(words: list[str] | None = None) -> None:
    """Runs one task, and writes what the options ask for."""
    parser = _parser()
    args = parser.parse_args(words)
    if args.task == "baselines":
        from benchmarks.baselines.case import CASES

        if unknown := [case for case in args.case if case not in CASES]:
            parser.error(f"there is no case `{unknown[0]}`; there are {', '.join(CASES)}")
    console = TableConsole(width=None if sys.stdout.isatty() else 160)
    records = run(args, console)
    if args.json:
        about = {"python": platform.python_version(), "machine": platform.processor() or platform.machine()}
        about["time"] = datetime.now(UTC).isoformat(timespec="seconds")
        args.json.write_text(json.dumps({"task": args.task, "about": about, "records": records}, indent=1))
    if args.write:
        told = sys.argv[1:] if words is None else words
        page = measured.write(args.write, args.task, told, meaning(args.task), console.tables)
        console.print(f"wrote {page}")


def run(args: argparse.Namespace, console: Console) -> Records:
    """The records of a task; its tables are printed."""
    problems, module = args.problem or list(PROBLEMS), _module(args.task)
    if args.task == "references":
        module.store([PROBLEMS[name]() for name in problems])
        return []
    if args.task == "compare":
        peers = args.peer or list(PEERS)
        plan = module.ComparisonPlan(problems, peers, args.limit, module.SMALL, args.jaxonomy)
        records = module.compare(plan, console)
        if args.picture:
            from benchmarks.picture import draw

            draw(records, args.picture)
        return records
    if args.task == "buildings":
        return module.buildings(console, args.weather)
    if args.task == "bestest":
        return module.bestest(console, args.weather)
    if args.task == "baselines":
        from benchmarks.baselines.case import CASES

        return module.baselines(args.case or CASES, args.budget, console)
    if args.task == "before":
        return module.before(args.limit, console, args.against)
    task: Callable[..., Records] = getattr(module, args.task.replace("-", "_"))
    limited = args.task in ("start-up", "scaling", "gradients", "tiers", "linear")
    return task(args.limit, console) if limited else task(console)


def meaning(task: str) -> str:
    """Text on what a task measures, and on the columns of its tables."""
    module = _module(task)
    return f"{module.__doc__}\n{getattr(module, 'HEADER', '')}"


def _module(task: str) -> Any:
    return importlib.import_module(f"benchmarks.{TASKS[task]}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("task", nargs="?", choices=TASKS, default="compare")
    parser.add_argument("case", nargs="*", help="of baselines, such as robertson or switch (default: all)")
    parser.add_argument(
        "--budget", type=float, default=60.0, help="of baselines: seconds to train each network"
    )
    parser.add_argument(
        "--problem", action="append", choices=list(PROBLEMS), help="only these; may be repeated"
    )
    parser.add_argument("--peer", action="append", choices=PEERS, help="only these; may be repeated")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for each process (default 60)")
    parser.add_argument("--jaxonomy", metavar="PYTHON", help="of compare: an environment with jaxonomy")
    parser.add_argument("--picture", type=Path, help="of compare: draw work against precision into this file")
    parser.add_argument("--against", metavar="COMMIT", default="HEAD~1", help="of before (default HEAD~1)")
    parser.add_argument(
        "--weather", type=Path, help="of buildings and bestest: an EPW file (buildings: else made up)"
    )
    parser.add_argument("--json", type=Path, help="write all records to this file")
    parser.add_argument(
        "--write", type=Path, metavar="FOLDER", help="write the tables as a page, as in docs/measured"
    )
    return parser


if __name__ == "__main__":
    main()
