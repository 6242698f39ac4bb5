"""Saltation of derivatives at a jump in time that follows parameters: y. becomes y. + (f- - f+) t., where t. is the
derivative of the time of the jump. Lines that jump at one time are passed one after the other
(`solve/integrate/time_events.py`).

The steps and their times are held constant. So this is the derivative of the solution at constant time, up to the error
of the solution itself; the loop in JAX moves the ends of steps instead.
"""

from collections.abc import Callable

import numpy as np

from stiffdsl.native.gradient.driver import Driver
from stiffdsl.native.loop.time_events import CrossingLines


class Landing:
    """Code for one lane of a driver, whose model has jumps that follow parameters."""

    def __init__(self, driver: Driver):
        self.driver, self.code = driver, driver.code
        assert driver.model.time_events is not None
        self.time_events = driver.model.time_events

    def _area(self, name: str) -> str:
        return self.code.at("%work", self.driver.areas[name])

    def _at(self, r: str, act: Callable[[str, str, str], None]) -> None:
        """`act(k, t, slope)` for every line k that jumps at t, the end of step r; the array `jump` has f- - f+."""
        code, driver, record = self.code, self.driver, self.driver.record
        row, after = driver.row(r), driver.row(code.integer("add", r, "1"))
        with code.when(code.apply("ne", code.load(row, record["lands"]), code.number(0.0))):
            t, y = code.load(after, record["t"]), code.at(after, record["y"])
            resets = driver.model.resets
            if resets:
                # Algebraic unknowns jump with every line.
                y = self._area("between")
                driver.tape.copy(code.at(row, record["end"]), y, driver.model.n)
            middle = code.load(row, record["side"])
            with code.loop(self.time_events.count) as k:
                code.store(middle, self._area("early"), k)
            before, side, result = (self._area(name) for name in ("early", "side", "lines"))
            lines = CrossingLines(
                code, self.time_events, t, driver.at["p"], before, result, self._area("scratch")
            )
            lines.evaluate()
            with code.loop(self.time_events.count) as k:
                line = lines.line(k)
                early = code.apply("sub", t, code.apply("mul", driver.direction, line.beyond))
                code.store(code.select(line.here, early, t), side, k)
            if driver.model.inputs:
                pointers = ("%operands", *map(self._area, ("span", "u", "u_t")))
                code.call("inputs", f"double {t}", *(f"ptr {p}" for p in pointers))
            self._rhs(t, y, "slope")
            with code.loop(self.time_events.count) as k:
                line = lines.line(k)
                with code.when(line.here):
                    late = code.apply("add", t, code.apply("mul", driver.direction, line.beyond))
                    code.store(late, side, k)
                    if resets:
                        pointers = (y, driver.at["p"], side, "%work")
                        code.call("reset_beside", f"double {t}", *(f"ptr {p}" for p in pointers), result="i1")
                    self._rhs(t, y, "jump")
                    mass = code.module.constants(np.asarray(driver.model.mass, dtype=float))
                    with code.loop(driver.model.n) as j:
                        f, later = code.load(self._area("slope"), j), code.load(self._area("jump"), j)
                        own = code.apply("ne", code.load(mass, j), code.number(0.0))
                        change = code.select(own, code.apply("sub", f, later), code.number(0.0))
                        code.store(change, self._area("jump"), j)
                        code.store(later, self._area("slope"), j)
                    act(k, t, line.slope)

    def _rhs(self, t: str, y: str, result: str) -> None:
        areas = (self._area(name) for name in ("u", "side", result, "scratch"))
        pointers = (y, self.driver.at["p"], *areas)
        self.code.call("rhs_beside", f"double {t}", *(f"ptr {p}" for p in pointers))

    def forth(self, r: str) -> None:
        """Moves all directions on over the jump at the end of step r."""
        code, driver = self.code, self.driver

        def act(k: str, t: str, slope: str) -> None:
            moved = self._area("lines_d")
            with code.loop(driver.directions) as d:
                pointers = (driver.at["p"], self._area("early"), driver.of_direction("p_dot", d))
                pointers += (moved, self._area("scratch"))
                code.call("crossings_dot", *(f"ptr {p}" for p in pointers))
                steeper = code.load(code.at(moved, self.time_events.count), k)
                rise = code.apply("add", code.load(moved, k), code.apply("mul", steeper, t))
                later = code.apply("neg", code.apply("div", rise, slope))
                y_dot = driver.of_direction("y_dot", d)
                with code.loop(driver.model.n) as j:
                    gained = code.apply("mul", code.load(self._area("jump"), j), later)
                    code.store(code.apply("add", code.load(y_dot, j), gained), y_dot, j)

        self._at(r, act)

    def back(self, r: str) -> None:
        """Takes the cotangents of all directions back over the jump at the end of step r."""
        code, driver, given = self.code, self.driver, self.driver.model.given

        def act(k: str, t: str, slope: str) -> None:
            bar, back = self._area("lines_d"), self._area("back")
            with code.loop(driver.directions) as d:
                y_bar, p_bar = driver.of_direction("y0_bar", d), driver.of_direction("p_bar", d)
                total = code.variable("double", code.number(0.0))
                with code.loop(driver.model.n) as j:
                    part = code.apply("mul", code.load(self._area("jump"), j), code.load(y_bar, j))
                    code.store(code.apply("add", code.load(total), part), total)
                with code.loop(2 * self.time_events.count) as j:
                    code.store(code.number(0.0), bar, j)
                rise = code.apply("neg", code.apply("div", code.load(total), slope))
                code.store(rise, bar, k)
                code.store(code.apply("mul", rise, t), code.at(bar, self.time_events.count), k)
                pointers = (driver.at["p"], self._area("early"), bar, back, self._area("scratch"))
                code.call("crossings_back", *(f"ptr {p}" for p in pointers))
                with code.loop(given) as j:
                    code.store(code.apply("add", code.load(p_bar, j), code.load(back, j)), p_bar, j)

        self._at(r, act)
