"""The methods by name."""

from stiffdsl.solve.base.method import Method
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.base.system import System
from stiffdsl.solve.integrate.projection import Projected, Projection
from stiffdsl.solve.linear.linear_systems import LinearSolver
from stiffdsl.solve.linear.sparse import Sparse
from stiffdsl.solve.methods.implicit_euler import EulerAtKinks, at_kinks
from stiffdsl.solve.methods.rosenbrock import Rosenbrock
from stiffdsl.solve.methods.tableau import RODAS4PW, RODAS5P


def make_method(
    name: str, system: System, compact: bool = False, replayed: bool = False, linear: str = "auto"
) -> Method:
    """The method `name` for a system; `auto` decides by its size. Raises `ValueError` for an unknown name.

    `linear` says how it solves linear systems (`options.LINEAR`). `compact` chooses what compiles fast over what runs
    fast, `replayed` what may take up earlier states again. Where the system has invariants, steps end where they hold
    (`projection.py`).
    """
    method = at_kinks(_make_method(name, system, compact, replayed, linear), system, linear)
    if isinstance(method, EulerAtKinks):
        _out_of_order(replayed, method.linear, method.linear_at_solution)
    if getattr(system, "invariant_count", 0):
        return Projected(method, Projection(system))  # type: ignore[arg-type]
    return method


def _make_method(name: str, system: System, compact: bool, replayed: bool, linear: str) -> Method:
    name = Options(method=name).chosen(system.size)
    if name == "rodas5p":
        return Rosenbrock(RODAS5P, system, compact, linear)
    if name == "rodas4pw":
        return Rosenbrock(RODAS4PW, system, compact, linear)
    if name == "tsit5":
        from stiffdsl.solve.methods.explicit import Tsit5

        return Tsit5(system)
    if name == "rkc2":
        from stiffdsl.solve.methods.chebyshev import Chebyshev

        return Chebyshev(system, bounded=replayed)
    if name == "switching":
        from stiffdsl.solve.methods.switching import Switching

        switching = Switching(system, compact, linear)
        _out_of_order(replayed, switching.rosenbrock.linear)
        return switching
    if name == "kvaerno5":
        from stiffdsl.solve.methods.esdirk import Kvaerno5

        kvaerno = Kvaerno5(system, compact, linear)
        # Its stages are taken back last to first: those at their solutions, too, need factors of their own.
        _out_of_order(replayed, kvaerno.corrector.linear, kvaerno.corrector.linear_at_solution)
        return kvaerno
    if name in ("radau5", "radau9"):
        from stiffdsl.solve.methods.radau import RadauIIA

        radau = RadauIIA(3 if name == "radau5" else 5, system, compact, linear)
        _out_of_order(replayed, *radau.linear_solvers)
        return radau
    from stiffdsl.solve.methods.fbdf import FBDF

    fbdf = FBDF(system, compact, linear)
    _out_of_order(replayed, fbdf.corrector.linear)
    return fbdf


def _out_of_order(replayed: bool, *solvers: LinearSolver) -> None:
    for solver in solvers:
        if replayed and isinstance(solver.direct, Sparse):
            solver.direct.out_of_order = True
