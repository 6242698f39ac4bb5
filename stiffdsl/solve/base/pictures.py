"""Pictures of results: solvers know that there are some, and nothing of how they are drawn."""

from collections.abc import Callable
from typing import Any

_DRAWN: dict[str, Callable[[], Callable[..., Any]]] = {}


def provide(kind: str, load: Callable[[], Callable[..., Any]]) -> None:
    """From now on the picture of a `kind` of result is drawn by the function that `load()` returns."""
    _DRAWN[kind] = load


def drawn(kind: str, result: Any, *names: str, **options: Any) -> Any:
    """The Matplotlib figure of a result."""
    return _DRAWN[kind]()(result, *names, **options)
