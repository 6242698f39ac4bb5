"""Run the LALR tables that Lark makes, several times faster than Lark's own loop.

Most reductions of an expression grammar change nothing: `x` is an atom is a power is a term is a sum. A chain
of such reductions depends on two states and the next token only, so each is followed once and then looked up.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lark import Lark, Token
from lark.parsers.lalr_analysis import Shift

END = "$END"

# Later stages follow trees by recursion; a chain of sums or products counts as one level, however long it is.
MOST_NESTED = 200
_NESTING = {"LPAR", "LSQB", "LBRACE", "IF", "NOT", "MINUS", "PLUS", "POWER", "FOR", "IF_BLOCK"}


@dataclass(frozen=True, slots=True)
class Reduction:
    """The last `size` values become one value called `origin`; `unit`: it is the value that was there."""

    size: int
    origin: str
    build: Callable[[list], Any]
    unit: bool


@dataclass(frozen=True)
class Automaton:
    """`actions[state][token type]`: the next state or a reduction; `gotos[state][origin]`: the state after one."""

    start: int
    end: int
    actions: tuple[dict[str, int | Reduction], ...]
    gotos: tuple[dict[str, int], ...]
    chains: dict[tuple[int, int, str], int] = field(default_factory=dict)


def automaton(lark: Lark) -> Automaton:
    """The tables of a parser; the callbacks of its transformer are called as rules are reduced."""
    parser: Any = lark.parser.parser  # Lark has no public name for its tables
    table, callbacks = parser._parse_table, parser.parser.callbacks
    reductions: dict[Any, Reduction] = {}

    def of(rule: Any) -> Reduction:
        if rule not in reductions:
            size = len(rule.expansion)
            unit = size == 1 and rule.options.expand1 and rule.alias is None
            reductions[rule] = Reduction(size, str(rule.origin.name), callbacks[rule], unit)
        return reductions[rule]

    actions: list[dict[str, int | Reduction]] = [{} for _ in table.states]
    gotos: list[dict[str, int]] = [{} for _ in table.states]
    origins = {str(rule.origin.name) for rule in callbacks}
    for state, row in table.states.items():
        for symbol, (action, argument) in row.items():
            name = str(symbol)  # Lark's names are tokens, which compare slowly
            if name in origins:
                gotos[state][name] = argument
            else:
                actions[state][name] = argument if action is Shift else of(argument)
    (start,), (end,) = table.start_states.values(), table.end_states.values()
    return Automaton(start, end, tuple(actions), tuple(gotos))


class Unexpected(Exception):
    """`stream[at]` cannot stand there, or the text ends too early; `accepted` are the types that could.

    `states` is the stack as it was where the line of the token begins: parsing may go on from it.
    """

    def __init__(self, at: int, accepted: set[str], states: list[int], values: list):
        self.at, self.accepted, self.states, self.values = at, accepted, states, values
        super().__init__(at)


class TooDeep(Exception):
    """`stream[at]` opens one level more than `MOST_NESTED`."""

    def __init__(self, at: int):
        self.at = at
        super().__init__(at)


def run(
    automaton: Automaton,
    stream: list[Token],
    first: int = 0,
    states: list[int] | None = None,
    values: list | None = None,
) -> Any:
    """The value of the start rule for `stream[first:]`, beginning with an empty stack or with the one given.

    Raises `Unexpected` or `TooDeep`.
    """
    actions, gotos, chains = automaton.actions, automaton.gotos, automaton.chains
    states = [automaton.start] if states is None else states
    values = [] if values is None else values
    before: tuple[list[int], list] = ([*states], [*values])
    end = automaton.end
    for at in range(first, len(stream) + 1):
        token = stream[at] if at < len(stream) else None
        kind = END if token is None else token.type
        while True:
            action = actions[states[-1]].get(kind)
            if action.__class__ is int:
                states.append(action)  # type: ignore[arg-type]
                values.append(token)
                if len(states) > MOST_NESTED and _nesting(values) > MOST_NESTED:
                    raise TooDeep(at)
                break
            if action is None:
                raise Unexpected(at, accepted(automaton, states), *before)
            assert isinstance(action, Reduction)
            if action.unit:
                key = (states[-2], states[-1], kind)
                found = chains.get(key)
                if found is None:
                    found = chains[key] = _chain(automaton, *key)
                states[-1] = found
                continue
            size = action.size
            if size:
                parts = values[-size:]
                del states[-size:], values[-size:]
            else:
                parts = []
            values.append(action.build(parts))
            states.append(gotos[states[-1]][action.origin])
            if token is None and states[-1] == end:
                return values[-1]
        if kind == "NEWLINE":
            before = ([*states], [*values])
    raise AssertionError("the end of the text is neither accepted nor refused")


def _nesting(values: list) -> int:
    return sum(isinstance(value, Token) and value.type in _NESTING for value in values)


def _chain(automaton: Automaton, below: int, top: int, kind: str) -> int:
    """The state on `below` after all reductions of one value to itself that `kind` asks for."""
    while True:
        action = automaton.actions[top].get(kind)
        if not isinstance(action, Reduction) or not action.unit:
            return top
        top = automaton.gotos[below][action.origin]


def accepted(automaton: Automaton, states: list[int]) -> set[str]:
    """The token types that can stand next; a reduction alone does not say that its token will be shifted."""
    return {kind for kind in automaton.actions[states[-1]] if _shifts(automaton, states, kind)}


def _shifts(automaton: Automaton, states: list[int], kind: str) -> bool:
    states = [*states]
    while True:
        action = automaton.actions[states[-1]].get(kind)
        if not isinstance(action, Reduction):
            return action is not None
        if action.size:
            del states[-action.size :]
        states.append(automaton.gotos[states[-1]][action.origin])
        if states[-1] == automaton.end:
            return True
