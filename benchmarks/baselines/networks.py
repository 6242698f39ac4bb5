"""Baselines that are trained by gradients: GRU, DeepONet, neural ODE, and a physics-informed network.

All are small, see scaled parameters, time and outputs, and run Adam for the seconds that they are given, with a rate
that falls as a cosine of the time spent. Compiling them is not counted."""

from collections.abc import Callable
from time import process_time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.baselines.case import BaselineCase
from benchmarks.baselines.plain import Predict
from stiffdsl.surrogate.core.scaling import Clock

_WIDTH, _RATE, _BATCH = 64, 3e-3, 20
# Of the physics-informed network: points of time in a step, strength of causality, share of the residual in the loss.
_POINTS, _CAUSAL, _SHARE = 64, 1.0, 0.1

Network = Any
Loss = Callable[[Network, Any, Any, Any], Any]


def _trained(network: Network, loss: Loss, case: BaselineCase, budget: float, seed: int) -> Network:
    """The `network` after Adam has lowered `loss(network, z, y, key)` over batches of samples for `budget` seconds."""
    rule = optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam())
    state = rule.init(eqx.filter(network, eqx.is_inexact_array))

    @eqx.filter_jit
    def step(network: Network, state: Any, z: Any, y: Any, key: Any, rate: Any) -> Any:
        slope = eqx.filter_grad(loss)(network, z, y, key)
        change, state = rule.update(slope, state)
        return eqx.apply_updates(network, jax.tree.map(lambda c: -rate * c, change)), state

    rng, z, y = np.random.default_rng([seed, 3]), case.z, case.y
    size, key = min(_BATCH, len(z)), jax.random.key(seed)
    jax.block_until_ready(step(network, state, z[:size], y[:size], key, jnp.zeros(())))
    begin = process_time()
    while (spent := process_time() - begin) < budget:
        rows = rng.choice(len(z), size, replace=False)
        key, own = jax.random.split(key)
        rate = jnp.asarray(0.5 * _RATE * (1 + np.cos(np.pi * spent / budget)))
        network, state = jax.block_until_ready(step(network, state, z[rows], y[rows], own, rate))
    return network


def _learnt(
    network: Network,
    one: Callable[[Network, Any], Any],
    case: BaselineCase,
    budget: float,
    seed: int,
    loss: Loss | None = None,
) -> Predict:
    """Trains `one(network, z (d,)) -> scaled (m, q)` by its mean square error, or by another loss."""

    def squares(network: Network, z: Any, y: Any, key: Any) -> Any:
        return jnp.mean((jax.vmap(lambda row: one(network, row))(z) - y) ** 2)

    network = _trained(network, loss or squares, case, budget, seed)
    many = eqx.filter_jit(lambda z: jax.vmap(lambda row: one(network, row))(z))
    return lambda values: case.raw(np.array(many(case.parameters.scale(np, values))))


def _mlp(inputs: int, outputs: int, key: Any, width: int = _WIDTH, depth: int = 3) -> eqx.nn.MLP:
    return eqx.nn.MLP(inputs, outputs, width, depth, jnp.tanh, key=key)


def _keys(seed: int, count: int) -> Any:
    return jax.random.split(jax.random.key(seed + 100), count)


def gru(case: BaselineCase, budget: float, seed: int) -> Predict:
    """A gated recurrent unit (Cho et al. 2014) over the times, driven by parameters and time."""
    (d, q), k = (case.z.shape[1], case.y.shape[2]), _keys(seed, 3)
    network = (
        eqx.nn.GRUCell(d + 1, _WIDTH, key=k[0]),
        _mlp(d, _WIDTH, k[1], depth=1),
        _mlp(_WIDTH, q, k[2], depth=1),
    )

    def one(network: Network, z: Any) -> Any:
        cell, begin, read = network

        def step(h: Any, s: Any) -> Any:
            h = cell(jnp.append(z, s), h)
            return h, h

        return jax.vmap(read)(jax.lax.scan(step, jnp.tanh(begin(z)), jnp.asarray(case.s))[1])

    return _learnt(network, one, case, budget, seed)


def deeponet(case: BaselineCase, budget: float, seed: int) -> Predict:
    """Branch of the parameters, trunk of the time (Lu et al., Nature Machine Intelligence 3, 2021)."""
    (d, q), k, rank = (case.z.shape[1], case.y.shape[2]), _keys(seed, 2), 32
    network = _mlp(d, rank * q, k[0]), _mlp(1, rank, k[1]), jnp.zeros(q)

    def one(network: Network, z: Any) -> Any:
        branch, trunk, bias = network
        return jax.vmap(trunk)(jnp.asarray(case.s)[:, None]) @ branch(z).reshape(rank, q) / rank**0.5 + bias

    return _learnt(network, one, case, budget, seed)


def neural_ode(case: BaselineCase, budget: float, seed: int) -> Predict:
    """dy/ds = f(y, z, s) in scaled outputs and time (Chen et al. 2018), a Runge-Kutta step between times."""
    (d, q), k, s = (case.z.shape[1], case.y.shape[2]), _keys(seed, 2), jnp.asarray(case.s)
    network = _mlp(q + d + 1, q, k[0], depth=2), _mlp(d, q, k[1], depth=1)

    def one(network: Network, z: Any) -> Any:
        field, begin = network

        def f(y: Any, s: Any) -> Any:
            return field(jnp.concatenate([y, z, s[None]]))

        def step(y: Any, span: Any) -> Any:
            a, h = span[0], span[1] - span[0]
            k1 = f(y, a)
            k2 = f(y + h / 2 * k1, a + h / 2)
            k3 = f(y + h / 2 * k2, a + h / 2)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + f(y + h * k3, a + h))
            return y, y

        y0 = begin(z)
        return jnp.concatenate([y0[None], jax.lax.scan(step, y0, jnp.stack([s[:-1], s[1:]], 1))[1]])

    return _learnt(network, one, case, budget, seed)


def _time(clock: Clock, s: Any) -> tuple[Any, Any]:
    """Time at s in -1..1, and how fast it goes there."""
    if not clock.logarithmic:
        half = (clock.last - clock.first) / 2
        return clock.first + half * (s + 1), half
    half = np.log((clock.last - clock.start) / (clock.first - clock.start)) / 2
    since = (clock.first - clock.start) * jnp.exp(half * (s + 1))
    return clock.start + since, half * since


def physics_informed(case: BaselineCase, budget: float, seed: int) -> Predict:
    """Data and equations together: Fourier features of time (Tancik et al. 2020), residuals in scaled outputs divided
    by the rates themselves, and weights that fall while the equations do not hold at earlier times (Wang, Sankaran,
    Perdikaris, Comput. Methods Appl. Mech. Eng. 421, 2024). The samples say where it starts."""
    (d, q), s = (case.z.shape[1], case.y.shape[2]), jnp.asarray(case.s)
    k = _keys(seed, 2)
    waves = jax.random.normal(k[0], (16,)) * 3.0
    mean, size = case.spread
    low, high = jnp.asarray(case.parameters.low), jnp.asarray(case.parameters.high)
    kind = case.outputs.kind

    def at(network: Network, z: Any, s: Any) -> Any:
        return network(jnp.concatenate([z, s[None], jnp.sin(waves * s), jnp.cos(waves * s)]))

    def residual(network: Network, z: Any, s: Any) -> Any:
        y, slope = jax.jvp(lambda s: mean + size * at(network, z, s), (s,), (jnp.ones_like(s),))
        grown = case.outputs.sign * jnp.exp(jnp.where(kind == 1, y, 0.0))
        x = jnp.where(kind == 1, grown, case.outputs.centre + case.outputs.width * y)
        unit = jnp.where(kind == 1, x, case.outputs.width)
        t, pace = _time(case.clock, s)
        wanted = case.equations(t, x, low + (z + 1) / 2 * (high - low)) * pace / unit
        return jnp.mean(((slope - wanted) / (1 + jnp.abs(wanted))) ** 2)

    def one(network: Network, z: Any) -> Any:
        return jax.vmap(lambda t: at(network, z, t))(s)

    def loss(network: Network, z: Any, y: Any, key: Any) -> Any:
        points = jnp.sort(jax.random.uniform(key, (_POINTS,), minval=-1.0, maxval=1.0))
        found = jax.vmap(lambda row: jax.vmap(lambda t: residual(network, row, t))(points))(z)
        earlier = jnp.cumsum(found, axis=1) - found
        weight = jax.lax.stop_gradient(jnp.exp(-_CAUSAL * earlier))
        data = jnp.mean((jax.vmap(lambda row: one(network, row))(z) - y) ** 2)
        return data + _SHARE * jnp.mean(weight * found)

    return _learnt(_mlp(d + 33, q, k[1]), one, case, budget, seed, loss)
