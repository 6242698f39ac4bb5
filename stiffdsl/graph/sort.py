"""`sort`: from equations in any order to assignments in order, residual rows for what stays implicit, and
initial.

before   v = R*i    i = C*der(v) …      after   states v    i := …    der(v) := i/C
"""

from dataclasses import replace

import numpy as np
import sympy as sp

from stiffdsl.diagnostics import ModelError
from stiffdsl.flat.model import Family, FlatModel, slot
from stiffdsl.graph.diagnose import singular_loop
from stiffdsl.graph.events import unassignable
from stiffdsl.graph.explicit import compact, expose, solve_for
from stiffdsl.graph.incidence import Incidence
from stiffdsl.graph.initial import initial_system
from stiffdsl.graph.limits import outside
from stiffdsl.graph.matched import Matched, matched_system
from stiffdsl.graph.plan import EXPLICIT, KEPT, SOLVED, SolutionPlan, make_plan
from stiffdsl.graph.reduction.recombine import recombined
from stiffdsl.graph.system import Assignment, SortedSystem


def sort(flat: FlatModel) -> SortedSystem:
    """Match, order and tear the equations of `flat` (aliases eliminated).

    Raises `ModelError`: E0312 where equations and unknowns do not fit, E0313 where the index cannot be
    reduced, E0314 where a linear loop is singular whatever its numbers, E0315 where something begins outside of what
    its declaration allows.
    """
    wrong = outside(flat)
    if wrong:
        raise ModelError(wrong)
    matched, plan = _planned(flat)
    flat, inc, pairing = matched.flat, matched.incidence, matched.pairing
    assignments = _assignments(flat, inc, plan)
    residuals = _residuals(flat, inc, plan)
    kept = np.flatnonzero(plan.status == KEPT)
    kept = kept[np.argsort(plan.row_of[kept])]
    states = np.flatnonzero(flat.is_state & (flat.alias == np.arange(flat.size)) & (flat.sign != 0))
    wrong = unassignable(flat, states)
    if wrong:
        raise ModelError(wrong)
    initial, warnings = initial_system(
        flat, inc, pairing, states, len(kept), matched.invariants, matched.orders
    )
    initial = replace(
        initial,
        checks=initial.checks + matched.redundant,
        check_orders=initial.check_orders + (0,) * len(matched.redundant),
    )
    return SortedSystem(
        flat=flat,
        states=states,
        implicit=inc.unknowns.variable[kept],
        implicit_is_der=inc.unknowns.is_der[kept],
        assignments=assignments,
        residuals=residuals,
        initial=initial,
        blocks=_counts(inc, plan, len(assignments)) | matched.counts,
        warnings=matched.warnings + warnings,
        invariants=matched.invariants,
        invariant_orders=matched.orders,
    )


def _planned(flat: FlatModel) -> tuple[Matched, SolutionPlan]:
    """Every unknown with an equation of its own, and how it is found. Equations of a loop that are not independent are
    replaced by what they say together (`recombine.py`), as often as that leads on."""
    matched = matched_system(flat)
    plan = make_plan(matched.flat, matched.incidence, matched.pairing)
    while plan.singular:
        loop = plan.singular[0].loop
        wrong = ModelError([singular_loop(matched.flat, matched.incidence, loop.rows[0], loop.columns[0])])
        # Of a system whose index was reduced, the invariants would have to follow.
        other = recombined(matched.flat, matched.incidence, plan) if matched.flat is flat else None
        if other is None:
            raise wrong
        try:
            matched = matched_system(other)
        except ModelError:
            raise wrong from None
        flat, plan = other, make_plan(matched.flat, matched.incidence, matched.pairing)
    return matched, plan


def _assignments(flat: FlatModel, inc: Incidence, plan: SolutionPlan) -> tuple[Assignment, ...]:
    """One assignment for the unknowns of one level that are computed alike, levels ascending."""
    computed = np.flatnonzero(plan.status != KEPT)
    part = np.zeros(inc.unknowns.size, dtype=np.int64)
    instance = np.zeros(inc.unknowns.size, dtype=np.int64)
    for loop in plan.loops:
        for k, p in enumerate(loop.torn.tears):
            part[loop.columns[:, p]] = np.where(plan.status[loop.columns[:, p]] == SOLVED, k, 0)
            instance[loop.columns[:, p]] = np.arange(len(loop.columns))
    row = inc.row[plan.entry[computed]]
    order = computed[np.lexsort((row, part[computed], plan.group[computed], plan.level[computed]))]
    changes = np.zeros(len(order), dtype=bool)
    for key in (part, plan.group, plan.level):
        changes[1:] |= np.diff(key[order]) != 0
    result = []
    for columns in np.split(order, np.flatnonzero(changes)) if len(order) else []:
        if plan.status[columns[0]] == EXPLICIT:
            value = _solved_at(flat, inc, plan.entry[columns])
        else:
            loop = plan.loops[plan.group[columns[0]] - len(inc.sites)]
            assert loop.torn.solutions is not None, "a solved loop has solutions"
            expression = loop.torn.solutions[part[columns[0]]]
            equation = flat.equations[inc.locate(int(plan.row_of[columns[0]]))[0]]
            members = plan.row_of[columns] - inc.offsets[inc.locate(int(plan.row_of[columns[0]]))[0]]
            whole = Family(
                sp.Integer(0),
                loop.kinds,
                loop.table,
                equation.origins,
                np.zeros(len(loop.table), int),
                loop.sums,
            )
            chosen = expose(whole, instance[columns]).family
            value = compact(
                Family(
                    expression,
                    chosen.kinds,
                    chosen.table,
                    equation.origins,
                    equation.which[members],
                    chosen.sums,
                )
            )
        kind = "der" if inc.unknowns.is_der[columns[0]] else "var"
        result.append(Assignment(kind, inc.unknowns.variable[columns], value))
    return tuple(result)


def _solved_at(flat: FlatModel, inc: Incidence, entries: np.ndarray) -> Family:
    """The value of the unknowns at `entries`, all of one site, from the equations that hold them."""
    place = inc.sites[inc.site[entries[0]]]
    family = flat.equations[place.family]
    members = inc.row[entries] - inc.offsets[place.family]
    terms = [(place.sum, inc.term[entries])] if place.sum >= 0 else []
    exposed = expose(family, members, terms)
    wanted = slot(place.slot + (exposed.first[0] if terms else 0))
    value = solve_for(exposed.family.template, wanted)
    assert value is not None, "an explicit entry can be solved for"
    whole = exposed.family
    return compact(Family(value, whole.kinds, whole.table, whole.origins, whole.which, whole.sums))


def _residuals(flat: FlatModel, inc: Incidence, plan: SolutionPlan) -> tuple[Family, ...]:
    """The equations that no assignment used, in order."""
    used = np.zeros(inc.equations, dtype=bool)
    given = np.flatnonzero(plan.status == EXPLICIT)
    used[inc.row[plan.entry[given]]] = True
    used[plan.row_of[plan.status == SOLVED]] = True
    result = []
    for f, family in enumerate(flat.equations):
        members = np.flatnonzero(~used[inc.offsets[f] : inc.offsets[f + 1]])
        if len(members):
            result.append(compact(expose(family, members).family))
    return tuple(result)


def _counts(inc: Incidence, plan: SolutionPlan, assignments: int) -> dict[str, int]:
    extent = np.bincount(plan.component) if len(plan.component) else np.zeros(0, dtype=np.int64)
    kept = plan.status == KEPT
    return {
        "equations": inc.equations,
        "unknowns": inc.unknowns.size,
        "states": int(np.sum(inc.unknowns.is_der)),
        "blocks": len(extent),
        "loops": int(np.sum(extent > 1)),
        "largest": int(extent.max(initial=0)),
        "solved": int(np.sum(plan.status == SOLVED)),
        "tears": int(np.sum(kept)) - plan.chained,
        "chained": plan.chained,
        "implicit": int(np.sum(kept)),
        "assignments": assignments,
        "levels": int(plan.level.max(initial=-1)) + 1,
        "index": int(np.any(kept)),
    }
