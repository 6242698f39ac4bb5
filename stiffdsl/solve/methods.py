"""The methods by name."""

from stiffdsl.solve.method import Method
from stiffdsl.solve.options import Options
from stiffdsl.solve.projection import Projected, Projection
from stiffdsl.solve.rosenbrock import Rosenbrock
from stiffdsl.solve.sparse import Sparse
from stiffdsl.solve.system import System
from stiffdsl.solve.tableau import RODAS4PW, RODAS5P


def make_method(name: str, system: System, compact: bool = False, replayed: bool = False) -> Method:
    """The method `name` for a system; `auto` decides by its size. Raises `ValueError` for an unknown name.

    `compact` chooses what compiles fast over what runs fast, `replayed` what may take up earlier states again. Where
    the system has invariants, steps end where they hold (`projection.py`).
    """
    method = _make_method(name, system, compact, replayed)
    if getattr(system, "invariant_count", 0):
        return Projected(method, Projection(system))  # type: ignore[arg-type]
    return method


def _make_method(name: str, system: System, compact: bool, replayed: bool) -> Method:
    name = Options(method=name).chosen(system.size)
    if name == "rodas5p":
        return Rosenbrock(RODAS5P, system, compact)
    if name == "rodas4pw":
        return Rosenbrock(RODAS4PW, system, compact)
    if name == "tsit5":
        from stiffdsl.solve.explicit import Tsit5

        return Tsit5(system)
    from stiffdsl.solve.fbdf import FBDF

    fbdf = FBDF(system, compact)
    if replayed and isinstance(fbdf.corrector.linear.direct, Sparse):
        fbdf.corrector.linear.direct.out_of_order = True
    return fbdf
