"""The kinds of cases, how many of each a run takes, and how one case is run."""

import time
import traceback
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

from .outcome import Mismatch, Skipped

ROOT = str(Path(__file__).resolve().parents[2])


# The share of each kind in a thousand cases. Cheap ones are the bulk.
SHARES: dict[str, float] = {
    "mutations": 520,
    "forms": 100,
    "models": 240,
    "edges": 60,
    "arguments": 70,
    "solves": 8.5,
    "portable": 0.7,
    "lanes": 0.7,
    "processes": 0.1,
}
# The module of each kind, imported where it is run: most need no JAX.
KINDS: dict[str, str] = {
    "mutations": "mutation_cases",
    "forms": "form_cases",
    "models": "model_cases",
    "edges": "model_cases",
    "arguments": "argument_cases",
    "solves": "solve_cases",
    "portable": "solve_cases",
    "lanes": "solve_cases",
    "processes": "process_cases",
}


@dataclass
class Outcome:
    """The end of a case. `verdict`: ok, skipped, mismatch, fault, hang or crash. `key` groups failures."""

    index: int
    kind: str
    verdict: str
    key: str = ""
    detail: str = ""
    text: str = ""
    seconds: float = 0.0
    features: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return self.verdict not in ("ok", "skipped")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def kind_of(seed: int, index: int, kinds: list[str]) -> str:
    """The kind of a case: by chance, as the shares say."""
    return Random(f"kind {seed} {index}").choices(kinds, [SHARES[k] for k in kinds])[0]


def run_case(seed: int, index: int, kind: str) -> Outcome:
    """One case in this process; all that is random in it follows from the arguments."""
    keep: dict[str, Any] = {}
    began = time.process_time()
    made = Outcome(index, kind, "ok")
    try:
        run = getattr(import_module(f"tests.fuzz.{KINDS[kind]}"), kind)
        run(Random(f"{kind} {seed} {index}"), keep)
    except Skipped as reason:
        made.verdict, made.key = "skipped", str(reason)
    except Mismatch as error:
        made.verdict, made.key, made.detail = "mismatch", error.what, error.detail
    except Exception as error:
        made.verdict, made.key = "fault", _place(error)
        made.detail = "".join(traceback.format_exception(error, limit=-25))
    made.seconds = time.process_time() - began
    made.text, made.features = keep.get("text", ""), keep.get("features", [])
    return made


def _place(error: BaseException) -> str:
    """The exception and the innermost line of ours: equal faults have equal keys."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(ROOT)]
    where = f"{frames[-1].filename.removeprefix(ROOT + '/')}:{frames[-1].name}" if frames else "?"
    return f"{type(error).__name__} in {where}"
