"""`python -m benchmarks TASK`: one of TASKS; `baselines` takes names of cases."""

import argparse
import json
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.compare import SMALL, ComparisonPlan, compare
from benchmarks.peers import PEERS
from benchmarks.problems import PROBLEMS
from benchmarks.scaling import scaling
from benchmarks.startup import start_up

TASKS = (
    "compare",
    "ensembles",
    "methods",
    "start-up",
    "overhead",
    "scaling",
    "precision",
    "gradients",
    "surrogates",
    "baselines",
    "references",
    "batteries",
    "buildings",
)


def main() -> None:
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
    parser.add_argument("--weather", type=Path, help="of buildings: an EPW file (default: made up)")
    parser.add_argument("--json", type=Path, help="write all records to this file")
    args = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 160)
    problems = args.problem or list(PROBLEMS)
    records: list[dict[str, Any]] = []
    if args.task == "references":
        from benchmarks.reference import store

        store([PROBLEMS[name]() for name in problems])
    elif args.task == "start-up":
        records = start_up(args.limit, console)
    elif args.task == "overhead":
        from benchmarks.overhead import overhead

        records = overhead(console)
    elif args.task == "scaling":
        records = scaling(args.limit, console)
    elif args.task == "ensembles":
        from benchmarks.ensembles import ensembles

        records = ensembles(console)
    elif args.task == "methods":
        from benchmarks.methods import methods

        records = methods(console)
    elif args.task == "precision":
        from benchmarks.precision import precision

        records = precision(console)
    elif args.task == "gradients":
        from benchmarks.gradients import gradients

        records = gradients(args.limit, console)
    elif args.task == "batteries":
        from benchmarks.batteries import batteries

        records = batteries(console)
    elif args.task == "buildings":
        from benchmarks.buildings import buildings

        records = buildings(console, args.weather)
    elif args.task == "surrogates":
        from benchmarks.surrogates import surrogates

        records = surrogates(console)
    elif args.task == "baselines":
        from benchmarks.baselines.case import CASES
        from benchmarks.baselines.run import baselines

        if unknown := [case for case in args.case if case not in CASES]:
            parser.error(f"there is no case `{unknown[0]}`; there are {', '.join(CASES)}")
        records = baselines(args.case or CASES, args.budget, console)
    else:
        plan = ComparisonPlan(problems, args.peer or list(PEERS), args.limit, SMALL, args.jaxonomy)
        records = compare(plan, console)
        if args.picture:
            from benchmarks.picture import draw

            draw(records, args.picture)
    if args.json:
        about = {"python": platform.python_version(), "machine": platform.processor() or platform.machine()}
        about["time"] = datetime.now(UTC).isoformat(timespec="seconds")
        args.json.write_text(json.dumps({"task": args.task, "about": about, "records": records}, indent=1))


if __name__ == "__main__":
    main()
