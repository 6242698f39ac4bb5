"""The methods by name."""

from stiffdsl.solve.method import Method
from stiffdsl.solve.options import Options
from stiffdsl.solve.rosenbrock import Rosenbrock
from stiffdsl.solve.system import System
from stiffdsl.solve.tableau import RODAS4PW, RODAS5P


def make_method(name: str, system: System) -> Method:
    """The method `name` for a system; `auto` decides by its size. Raises `ValueError` for an unknown name."""
    name = Options(method=name).chosen(system.size)
    if name == "rodas5p":
        return Rosenbrock(RODAS5P, system)
    if name == "rodas4pw":
        return Rosenbrock(RODAS4PW, system)
    if name == "tsit5":
        from stiffdsl.solve.explicit import Tsit5

        return Tsit5(system)
    from stiffdsl.solve.fbdf import FBDF

    return FBDF(system)
