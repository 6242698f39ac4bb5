"""One lane in a kernel: its arrays, options and state, and small helpers of the code that steps it."""

from collections.abc import Callable

import numpy as np

from stiffdsl.native.ir.code import Code
from stiffdsl.native.step.attempt import KernelModel
from stiffdsl.native.step.layout import OPERANDS, OPTIONS, STATE, Areas, state_areas
from stiffdsl.solve.base.status import Status


class Lane:
    """Code for one solve, in a function with the parameters `operands` and `work` (`attempt.work_areas`)."""

    def __init__(self, code: Code, model: KernelModel, areas: Areas):
        self.code, self.model, self.areas, self.n = code, model, areas, model.n
        self.y_at, self.scaled_at, _ = state_areas(model.n)

    # --- where the results of an attempt are ---

    def stage(self, i: int, k: str) -> str:
        """Entry k of stage i."""
        return self.code.load(self.area("stages", i), k)

    def after(self, k: str) -> str:
        """Entry k of the new value."""
        return self.code.load(self.area("y1"), k)

    def keep(self, k: str) -> None:
        """Makes entry k of the new value that of the state."""
        self.code.store(self.after(k), self.y, k)

    # --- the state ---

    def open(self) -> None:
        """Loads what there is: pointers, options, and the state into variables."""
        code = self.code
        self.pointers = {name: code.load("%operands", k, "ptr") for k, name in enumerate(OPERANDS)}
        self.p = self.area("P") if self.model.fills_parameters else self.pointers["p"]
        self.options = {name: code.load(self.pointers["options"], k) for k, name in enumerate(OPTIONS)}
        self.state = self.pointers["state"]
        self.y, self.scaled = code.at(self.state, self.y_at), code.at(self.state, self.scaled_at)
        self.variables = {name: code.variable("double") for name in STATE}
        self.read()
        backward = code.apply("lt", self.option("t1"), self.option("t0"))
        self.direction = code.select(backward, self.number(-1), self.number(1))

    def read(self) -> None:
        """Reads the variables."""
        for k, name in enumerate(STATE):
            self.set(name, self.code.load(self.state, k))

    def close(self) -> None:
        """Writes the variables back."""
        for k, name in enumerate(STATE):
            self.code.store(self.get(name), self.state, k)

    def get(self, name: str) -> str:
        return self.code.load(self.variables[name])

    def set(self, name: str, value: str) -> None:
        self.code.store(value, self.variables[name])

    def add(self, name: str, amount: float) -> None:
        self.set(name, self.code.apply("add", self.get(name), self.code.number(amount)))

    def option(self, name: str) -> str:
        return self.options[name]

    def running(self) -> str:
        return self.code.apply("eq", self.get("status"), self.number(Status.RUNNING))

    # --- small helpers ---

    def area(self, name: str, row: int = 0) -> str:
        return self.code.at("%work", self.areas[name] + row * self.n)

    def number(self, value: float) -> str:
        return self.code.number(float(value))

    def mean_square(self, term: Callable[[str], str]) -> str:
        """The root mean square of `term(k)` over the unknowns that count."""
        code, weights = self.code, self.model.weights
        total = code.variable("double")
        code.store(code.number(0.0), total)
        with code.loop(self.n) as k:
            value = term(k)
            if weights is not None:
                value = code.apply("mul", code.load(code.module.constants(weights), k), value)
            code.store(code.apply("add", code.load(total), code.apply("mul", value, value)), total)
        mean = code.apply("mul", code.load(total), self.number(1.0 / np.sum(self.model.counted)))
        return code.apply("sqrt", mean)

    def call_rhs(self, t: str, y: str, result: str) -> None:
        u, scratch = self.area("u"), self.area("scratch")
        self.code.call(
            "rhs", f"double {t}", f"ptr {y}", f"ptr {self.p}", f"ptr {u}", f"ptr {result}", f"ptr {scratch}"
        )

    def drive(self, t: str) -> None:
        if self.model.inputs:
            pointers = ("%operands", *(self.area(name) for name in ("span", "u", "u_t")))
            self.code.call("inputs", f"double {t}", *(f"ptr {p}" for p in pointers))

    def _along(self, time: str) -> str:
        """A time, measured in the direction of the solve."""
        return self.code.apply("mul", self.direction, time)

    def _between(self, value: str, low: str, high: str) -> str:
        return self.code.smaller(self.code.larger(value, low), high)

    def _finite(self, value: str) -> str:
        code = self.code
        return code.apply("eq", code.apply("sub", value, value), self.number(0))
