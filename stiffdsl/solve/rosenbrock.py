"""Rosenbrock methods for `M y' = f(t, y)`: one factorization per step, no Newton iteration.

Steinebach, Construction of Rosenbrock-Wanner method Rodas5P and numerical benchmarks within the Julia Differential
Equations package, BIT Numerical Mathematics 63:27, 2023.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve import control
from stiffdsl.solve.linear import WRITTEN_OUT, linear_solver
from stiffdsl.solve.method import Attempt, Work, norm, scale
from stiffdsl.solve.options import Options
from stiffdsl.solve.system import System
from stiffdsl.solve.tableau import Tableau

# How many accepted steps a W-method keeps its Jacobian.
KEEP_JACOBIAN = 20


class Memory(NamedTuple):
    """A W-method's Jacobian and its age in steps."""

    jacobian: Any
    age: Any


class Rosenbrock:
    """A method given by its tableau; a W-method reuses its Jacobian."""

    def __init__(self, tableau: Tableau, system: System, options: Options):
        self.tableau, self.system, self.options = tableau, system, options
        self.name, self.order, self.rows = tableau.name, tableau.order, len(tableau.H)
        self.linear = linear_solver(system)
        self.mass = np.asarray(system.mass, dtype=float)
        self.all_states = bool(np.all(self.mass == 1))

    def start(self, t, y, h, args) -> Memory:
        del t, y, h, args
        if not self.tableau.w_method:
            return Memory(jnp.zeros(0), jnp.zeros((), dtype=jnp.int32))
        count = jnp.asarray(KEEP_JACOBIAN, dtype=jnp.int32)
        return Memory(jnp.zeros(len(self.system.rows)), count)

    def attempt(self, memory: Memory, t, y, h, args) -> Attempt:
        if self.tableau.w_method:
            old = memory.age >= KEEP_JACOBIAN
            jacobian = lax.cond(
                old, lambda: self.system.jacobian(t, y, args), lambda: memory.jacobian
            )
            memory = Memory(jacobian, jnp.where(old, 0, memory.age))
            evaluated = jnp.where(old, 1, 0)
        else:
            jacobian, evaluated = self.system.jacobian(t, y, args), 1
        y1, u, stages = self.stages(jacobian, t, y, h, args)
        error = norm(u / scale(y, y1, self.options.rtol, self.options.atol))
        K = jnp.asarray(self.tableau.H_matrix) @ stages
        return Attempt(y1, error, K, memory, Work(self.tableau.stages, evaluated, 1))

    def stages(self, jacobian, t, y, h, args):
        """The new value, the last stage (the error estimate), and all stages as rows."""
        tableau, system = self.tableau, self.system
        factors = self.linear.factor(jacobian, 1.0 / (h * tableau.gamma), self.linear.initial())
        if system.time_dependent:
            f_t = jax.jvp(lambda s: system.rhs(s, y, args), (t,), (jnp.ones_like(t),))[1]
        else:
            f_t = None

        def one(argument, history, c, d):
            b = system.rhs(t + c * h, argument, args)
            b = b + (history / h if self.all_states else jnp.asarray(self.mass) * history / h)
            if f_t is not None:
                b = b + h * d * f_t
            return self.linear.solve(factors, b)

        if system.size <= WRITTEN_OUT:
            u: list[Any] = []
            argument = y
            for i in range(tableau.stages):
                argument = y + sum(a * v for a, v in zip(tableau.a[i], u, strict=True)) if i else y
                history = sum(c * v for c, v in zip(tableau.C[i], u, strict=True)) if i else jnp.zeros_like(y)
                u.append(one(argument, history, tableau.c[i], tableau.d[i]))
            return argument + u[-1], u[-1], jnp.stack(u)

        a, C = jnp.asarray(tableau.a_matrix), jnp.asarray(tableau.C_matrix)
        c, d = jnp.asarray(tableau.c), jnp.asarray(tableau.d)

        def body(i, carry):
            stages, _ = carry
            argument = y + a[i] @ stages
            stage = one(argument, C[i] @ stages, c[i], d[i])
            return stages.at[i].set(stage), argument

        start = (jnp.zeros((tableau.stages, system.size)), y)
        stages, argument = lax.fori_loop(0, tableau.stages, body, start)
        return argument + stages[-1], stages[-1], stages

    def accepted(self, attempt: Attempt, t, h, previous_error):
        del t, h
        memory = attempt.memory._replace(age=attempt.memory.age + 1)
        return memory, control.grown(attempt.error, previous_error, self.order)

    def rejected(self, attempt: Attempt, t, h, count):
        del t, h, count
        # An old Jacobian may be to blame: the next attempt gets a fresh one.
        old = attempt.memory.age > 0
        memory = attempt.memory._replace(age=jnp.where(old, KEEP_JACOBIAN, attempt.memory.age))
        return memory, control.shrunk(attempt.error, self.order)
