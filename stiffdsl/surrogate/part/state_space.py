"""The form of every surrogate of a part: a state space that stays what a stiff solver likes.

    v  = (u, p), scaled to -1..1 over what was learnt        u what is imposed at the connectors, p parameters
    h  = tanh(G_z z + G_v v + g)
    q  = products z_i v_j and v_i v_j
    z' = A z + B v + c + F h + P q
    y  = C z + D v + d + E h + Q q,  scaled

A reservoir (CTESN) is A = -rate, F = rate, G sparse; a reduced linear model has A, B, C, D alone; one that is corrected
by what it leaves has all. A is stable (but for integrators of the part itself), h is bounded, and the products are with
signals that are bounded: no input within the domain makes the state grow without bound."""

from dataclasses import dataclass, field, replace

import numpy as np
import scipy.linalg

# The variable of a surrogate that says how far its signals lie outside of what was learnt.
OUTSIDE = "outside"
# Steps between two saved times, where something is not linear.
_SUBSTEPS = 2
# A state that is so far out has been lost.
_LOST = 1e6
_OFFSETS = 1.0, 10.0


@dataclass(frozen=True, eq=False)
class Scales:
    """x = centre + width*scaled, for v and for y, in SI."""

    centre: np.ndarray
    width: np.ndarray

    def scale(self, x: np.ndarray) -> np.ndarray:
        return (x - self.centre) / self.width

    def unscale(self, x: np.ndarray) -> np.ndarray:
        return self.centre + self.width * x


@dataclass(frozen=True, eq=False)
class Dynamics:
    """z' and the features; `start` (nz, 1 + parameters): z(0) is affine in the scaled parameters, the last of v.

    `zv` and `vv` (k, 2) are the pairs of the products, in this order in q.
    """

    A: np.ndarray
    B: np.ndarray
    c: np.ndarray
    start: np.ndarray
    G_z: np.ndarray
    G_v: np.ndarray
    g: np.ndarray
    F: np.ndarray
    zv: np.ndarray
    vv: np.ndarray
    P: np.ndarray

    @property
    def size(self) -> int:
        return len(self.A)

    @property
    def linear(self) -> bool:
        return not np.any(self.F) and not np.any(self.P)

    def features(self, z: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """h and q for rows of z and v."""
        h = np.tanh(z @ self.G_z.T + v @ self.G_v.T + self.g)
        q = np.concatenate(
            [
                z[..., self.zv[:, 0]] * v[..., self.zv[:, 1]],
                v[..., self.vv[:, 0]] * v[..., self.vv[:, 1]],
            ],
            axis=-1,
        )
        return h, q

    def started(self, v: np.ndarray) -> np.ndarray:
        """(n, nz) z at the start, for v (n, nv) there."""
        count = self.start.shape[1] - 1
        return self.start[:, 0] + v[:, v.shape[1] - count :] @ self.start[:, 1:].T

    def simulate(self, times: np.ndarray, v: np.ndarray) -> np.ndarray:
        """(n, m, nz) for v (n, m, nv) that runs straight between the times; NaN where it is lost.

        An exponential Runge-Kutta method of order two (Cox and Matthews, J. Comput. Phys. 176, 2002): exact for what is
        linear, so that fast states cost nothing.
        """
        n, m, _ = v.shape
        z = np.empty((n, m, self.size))
        z[:, 0] = self.started(v[:, 0])
        parts = 1 if self.linear else _SUBSTEPS
        known: dict[float, tuple[np.ndarray, ...]] = {}
        with np.errstate(over="ignore", invalid="ignore"):
            for k in range(m - 1):
                h = (times[k + 1] - times[k]) / parts
                key = float(f"{h:.9e}")
                if key not in known:
                    known[key] = exponentials(self.A, h)
                now = z[:, k]
                for j in range(parts):
                    first = v[:, k] + (v[:, k + 1] - v[:, k]) * (j / parts)
                    last = v[:, k] + (v[:, k + 1] - v[:, k]) * ((j + 1) / parts)
                    now = self._step(now, first, last, *known[key])
                z[:, k + 1] = np.where(np.abs(now) < _LOST, now, np.nan)
        return z

    def _step(self, z, first, last, E, M1, M2):
        here = self._forcing(z, first)
        guess = z @ E.T + here @ M1.T
        return guess + (self._forcing(guess, last) - here) @ M2.T

    def _forcing(self, z: np.ndarray, v: np.ndarray) -> np.ndarray:
        found = v @ self.B.T + self.c
        if not self.linear:
            h, q = self.features(z, v)
            found = found + h @ self.F.T + q @ self.P.T
        return found


def exponentials(A: np.ndarray, h: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """exp(Ah), h phi_1(Ah), h phi_2(Ah)."""
    n = len(A)
    if np.count_nonzero(A - np.diag(np.diag(A))) == 0:
        x = np.diag(A) * h
        small = np.abs(x) < 1e-4
        safe = np.where(small, 1.0, x)
        one = np.where(small, 1 + x / 2 + x**2 / 6, np.expm1(safe) / safe)
        two = np.where(small, 0.5 + x / 6 + x**2 / 24, (one - 1) / safe)
        return np.diag(np.exp(x)), np.diag(h * one), np.diag(h * two)
    block = np.zeros((3 * n, 3 * n))
    block[:n, :n] = A * h
    block[:n, n : 2 * n] = block[n : 2 * n, 2 * n :] = np.eye(n)
    full = scipy.linalg.expm(block)
    return full[:n, :n], h * full[:n, n : 2 * n], h * full[:n, 2 * n :]


def linear_dynamics(A: np.ndarray, B: np.ndarray, c: np.ndarray, start: np.ndarray) -> Dynamics:
    """z' = A z + B v + c, without features."""
    n, v = B.shape
    none = np.zeros((0, 2), dtype=np.int64)
    return Dynamics(
        A,
        B,
        c,
        start,
        np.zeros((0, n)),
        np.zeros((0, v)),
        np.zeros(0),
        np.zeros((n, 0)),
        none,
        none,
        np.zeros((n, 0)),
    )


@dataclass(frozen=True, eq=False)
class OutputEquation:
    """y scaled = C z + D v + d + E h + Q q."""

    C: np.ndarray
    D: np.ndarray
    d: np.ndarray
    E: np.ndarray
    Q: np.ndarray


@dataclass(frozen=True, eq=False)
class StateSpace:
    """A surrogate of a part: dynamics and readout; `v` and `y` between SI and scaled."""

    dynamics: Dynamics
    readout: OutputEquation
    v: Scales
    y: Scales
    chosen: dict[str, object] = field(default_factory=dict)

    def respond(self, times: np.ndarray, v: np.ndarray) -> np.ndarray:
        """(n, m, ny) y in SI for v (n, m, nv) in SI."""
        scaled = self.v.scale(v)
        z = self.dynamics.simulate(times, scaled)
        return self.y.unscale(read(self.dynamics, self.readout, z, scaled))


def read(dynamics: Dynamics, readout: OutputEquation, z: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Scaled y for rows of z and scaled v."""
    h, q = dynamics.features(z, v)
    with np.errstate(invalid="ignore"):
        return z @ readout.C.T + v @ readout.D.T + readout.d + h @ readout.E.T + q @ readout.Q.T


def lifted(system: StateSpace) -> StateSpace:
    """The same with its states away from zero: s = z + offset.

    A solver's relative tolerance holds for what is there: of states about zero it would ask for digits that no output
    shows. The offset is to the width of z as the middle of a typical output is to its width.
    """
    offset = (
        float(np.clip(np.median(np.abs(system.y.centre) / system.y.width), *_OFFSETS))
        if len(system.y.width)
        else 1.0
    )
    d, r = system.dynamics, system.readout
    ones = np.full(d.size, offset)
    # z_i v_j = s_i v_j - offset v_j
    undone = np.zeros((len(d.zv) + len(d.vv), d.B.shape[1]))
    undone[np.arange(len(d.zv)), d.zv[:, 1]] = -offset
    start = d.start.copy()
    start[:, 0] += offset
    dynamics = replace(d, B=d.B + d.P @ undone, c=d.c - d.A @ ones, g=d.g - d.G_z @ ones, start=start)
    readout = replace(r, D=r.D + r.Q @ undone, d=r.d - r.C @ ones)
    return replace(system, dynamics=dynamics, readout=readout)
