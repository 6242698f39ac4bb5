"""The library's problems once more, written by hand in NumPy, and their end values from scipy.

Nothing here knows stiffdsl: `python tests/models/reference.py` prints the values that the tests in
models/*.sml hold. Problems with published end values (`PUBLISHED`) are there to check this page.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.optimize import brentq
from scipy.sparse import diags


@dataclass(frozen=True)
class ReferenceProblem:
    """`y' = f(t, y)` from `y0` over `time`, piece by piece between `breaks`; `report` names end values."""

    f: Callable[[float, np.ndarray], np.ndarray]
    y0: np.ndarray
    time: tuple[float, float]
    report: Callable[[float, np.ndarray], dict[str, float]]
    breaks: tuple[float, ...] = ()
    rtol: float = 1e-12
    atol: float = 1e-15
    method: str = "Radau"

    def end(self) -> dict[str, float]:
        """End values by name."""
        y = self.y0
        points = (self.time[0], *self.breaks, self.time[1])
        for t0, t1 in pairwise(points):
            # An open interval on both sides of a jump: the right-hand side must not see the other side of it.
            inner = np.nextafter(t0, t1), np.nextafter(t1, t0)
            span = (inner[0] if t0 in self.breaks else t0, inner[1] if t1 in self.breaks else t1)
            sol = solve_ivp(self.f, span, y, self.method, rtol=self.rtol, atol=self.atol)
            assert sol.success, sol.message
            y = sol.y[:, -1]
        return self.report(self.time[1], y)


def named(*names: str) -> Callable[[float, np.ndarray], dict[str, float]]:
    return lambda t, y: dict(zip(names, map(float, y), strict=True))


def robertson(t_end: float = 1e5) -> ReferenceProblem:
    def f(t, y):
        a = 0.04 * y[0] - 1e4 * y[1] * y[2]
        b = 3e7 * y[1] ** 2
        return np.array([-a, a - b, b])

    return ReferenceProblem(f, np.array([1.0, 0, 0]), (0, t_end), named("A", "B", "C"), atol=1e-20)


HIRES = ("Pr", "Pfr", "PrX", "PfrX", "PrXa", "PfrXa", "PfrXaE", "E")


def hires() -> ReferenceProblem:
    k1, k2, k3, k4, k5, k6, k7, k8, k9, o = 1.71, 0.43, 8.32, 0.69, 0.035, 8.32, 280, 0.69, 0.69, 0.0007

    def f(t, y):
        y7 = k7 * y[5] * y[7] - (k2 + k8 + k9) * y[6]
        return np.array(
            [
                -k1 * y[0] + k2 * y[1] + k6 * y[2] + o,
                k1 * y[0] - (k2 + k3) * y[1],
                -(k6 + k1) * y[2] + k2 * y[3] + k5 * y[4],
                k3 * y[1] + k1 * y[2] - (k4 + k2) * y[3],
                -(k5 + k1) * y[4] + k2 * (y[5] + y[6]),
                -k7 * y[5] * y[7] + k8 * y[3] + k1 * y[4] - k2 * y[5] + k8 * y[6],
                y7,
                -y7,
            ]
        )

    y0 = np.array([1.0, 0, 0, 0, 0, 0, 0, 0.0057])
    return ReferenceProblem(f, y0, (0, 321.8122), named(*HIRES))


POLLU = (
    *("NO2", "NO", "O3P", "O3", "HO2", "OH", "HCHO", "CO", "ALD", "MEO2"),
    *("C2O3", "CO2", "PAN", "CH3O", "HNO3", "O1D", "SO2", "SO4", "NO3", "N2O5"),
)


def pollu() -> ReferenceProblem:
    k = np.array(
        [
            *(0.35, 26.6, 1.23e4, 8.6e-4, 8.2e-4, 1.5e4, 1.3e-4, 2.4e4, 1.65e4, 9e3, 0.022, 1.2e4, 1.88),
            *(1.63e4, 4.8e6, 3.5e-4, 0.0175, 1e8, 4.44e11, 1.24e3, 2.1, 5.78, 0.0474, 1.78e3, 3.12),
        ]
    )

    def f(t, y):
        (y1, y2, y3, y4, y5, y6, y7, _, y9, y10, y11, _, y13, y14, _, y16, y17, _, y19, y20) = y
        (r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12, r13, r14, r15, r16, r17, r18, r19, r20) = k[
            :20
        ] * np.array(
            [
                *(y1, y2 * y4, y5 * y2, y7, y7, y7 * y6, y9, y9 * y6, y11 * y2, y11 * y1),
                *(y13, y10 * y2, y14, y1 * y6, y3, y4, y4, y16, y16, y17 * y6),
            ]
        )
        r21, r22, r23, r24, r25 = k[20:] * np.array([y19, y19, y1 * y4, y19 * y1, y20])
        return np.array(
            [
                -r1 - r10 - r14 - r23 - r24 + r2 + r3 + r9 + r11 + r12 + r22 + r25,
                -r2 - r3 - r9 - r12 + r1 + r21,
                -r15 + r1 + r17 + r19 + r22,
                -r2 - r16 - r17 - r23 + r15,
                -r3 + 2 * r4 + r6 + r7 + r13 + r20,
                -r6 - r8 - r14 - r20 + r3 + 2 * r18,
                -r4 - r5 - r6 + r13,
                r4 + r5 + r6 + r7,
                -r7 - r8,
                -r12 + r7 + r9,
                -r9 - r10 + r8 + r11,
                r9,
                -r11 + r10,
                -r13 + r12,
                r14,
                -r18 - r19 + r16,
                -r20,
                r20,
                -r21 - r22 - r24 + r23 + r25,
                -r25 + r24,
            ]
        )

    y0 = np.zeros(20)
    y0[[1, 3, 6, 7, 8, 16]] = 0.2, 0.04, 0.1, 0.3, 0.01, 0.007
    return ReferenceProblem(f, y0, (0, 60), named(*POLLU), atol=1e-20)


def pendulum() -> ReferenceProblem:
    """In the angle from below, released from the side."""

    def report(t, y):
        return {"bob.x": float(np.sin(y[0])), "bob.y": float(-np.cos(y[0]))}

    def f(t, y):
        return np.array([y[1], -9.81 * np.sin(y[0])])

    start = np.array([np.pi / 2, 0.0])
    return ReferenceProblem(f, start, (0, 10), report, rtol=1e-13, atol=1e-13, method="DOP853")


def slider_crank() -> ReferenceProblem:
    """Lagrange's equation in the angle of the crank; x(phi) is where the slider is."""
    r, L, m1, m2, g, push = 0.3, 1.0, 1.0, 2.0, 9.81, -1.0

    def f(t, y):
        phi, w = y
        s, c = np.sin(phi), np.cos(phi)
        q = np.sqrt(L**2 - (r * s) ** 2)
        x1 = -r * s - r**2 * s * c / q
        x2 = -r * c - r**2 * (np.cos(2 * phi) / q + (r * s * c) ** 2 / q**3)
        return np.array([w, (push * x1 - m1 * g * r * c - m2 * x1 * x2 * w**2) / (m1 * r**2 + m2 * x1**2)])

    def report(t, y):
        s, c = np.sin(y[0]), np.cos(y[0])
        slider = r * c + np.sqrt(L**2 - (r * s) ** 2)
        return {"pin.x": float(r * c), "pin.y": float(r * s), "slider.x": float(slider)}

    return ReferenceProblem(f, np.array([0.0, 10.0]), (0, 5), report, rtol=1e-13, atol=1e-13, method="DOP853")


def capacitor_loop() -> dict[str, float]:
    """Closed form at t = 2: a sine through R into C, a constant voltage through R into L."""
    t, w, V, C = 2.0, np.pi, 2.0, 1 + 0.5 * 0.25 / (0.5 + 0.25)
    k = w * C  # R = 1
    v = V / (1 + k**2) * (np.sin(w * t) - k * np.cos(w * t) + k * np.exp(-t / C))
    i = 10 / 2 * (1 - np.exp(-2 * t / (1 + 2 * 2 / (2 + 2))))
    return {"c1.v": float(v), "c2.v": float(v / 3), "c3.v": float(2 * v / 3), "l1.i": i, "l2.i": i / 2}


def oregonator() -> ReferenceProblem:
    def f(t, y):
        return np.array(
            [
                77.27 * (y[1] + y[0] * (1 - 8.375e-6 * y[0] - y[1])),
                (y[2] - (1 + y[0]) * y[1]) / 77.27,
                0.161 * (y[0] - y[2]),
            ]
        )

    return ReferenceProblem(f, np.array([1.0, 2, 3]), (0, 360), named("X", "Y", "Z"))


def van_der_pol() -> ReferenceProblem:
    def f(t, y):
        return np.array([y[1], 1000 * (1 - y[0] ** 2) * y[1] - y[0]])

    return ReferenceProblem(f, np.array([2.0, 0]), (0, 2000), named("x", "v"))


def akzo_nobel() -> ReferenceProblem:
    """The sixth unknown is `Ks*FLB*ZHU`: put in its place, an ODE of five."""

    def f(t, y):
        flb, co2, flbt, zhu, zla = y
        y6 = 115.83 * flb * zhu
        r1, r2 = 18.7 * flb**4 * np.sqrt(co2), 0.58 * flbt * zhu
        r3, r4, r5 = 0.58 / 34.4 * flb * zla, 0.09 * flb * zhu**2, 0.42 * y6**2 * np.sqrt(co2)
        inflow = 3.3 * (0.9 / 737 - co2)
        return np.array(
            [
                -2 * r1 + r2 - r3 - r4,
                -r1 / 2 - r4 - r5 / 2 + inflow,
                r1 - r2 + r3,
                -r2 + r3 - 2 * r4,
                r2 - r3 + r5,
            ]
        )

    def report(t, y):
        names = ("FLB", "CO2", "FLBT", "ZHU", "ZLA")
        return dict(zip(names, map(float, y), strict=True)) | {"FLB_ZHU": float(115.83 * y[0] * y[3])}

    return ReferenceProblem(f, np.array([0.444, 0.00123, 0, 0.007, 0]), (0, 180), report)


def brusselator2d(n: int = 8) -> ReferenceProblem:
    x = np.arange(n) / (n - 1)
    alpha = 10.0 * (n - 1) ** 2
    disc = ((x[:, None] - 0.3) ** 2 + (x[None, :] - 0.6) ** 2 <= 0.01) * 5.0

    def spread(a):
        around = sum(np.roll(a, s, axis) for s in (1, -1) for axis in (0, 1))
        return alpha * (around - 4 * a)

    def f(t, y):
        u, v = y.reshape(2, n, n)
        du = spread(u) + 1 + u**2 * v - 4.4 * u + (disc if t >= 1.1 else 0)
        dv = spread(v) + 3.4 * u - u**2 * v
        return np.concatenate([du.ravel(), dv.ravel()])

    def report(t, y):
        u, v = y.reshape(2, n, n)
        m = n // 2
        return {
            "u[1,1]": float(u[0, 0]),
            "v[1,1]": float(v[0, 0]),
            f"u[{m},{n}]": float(u[m - 1, n - 1]),
            f"v[{n},{m}]": float(v[n - 1, m - 1]),
        }

    u0 = np.broadcast_to(22 * (x * (1 - x)) ** 1.5, (n, n))
    v0 = np.broadcast_to((27 * (x * (1 - x)) ** 1.5)[:, None], (n, n))
    y0 = np.concatenate([u0.ravel(), v0.ravel()])
    return ReferenceProblem(f, y0, (0, 11.5), report, breaks=(1.1,), rtol=1e-10, atol=1e-12)


def rc_ladder(n: int = 20, t: float = 1e-4) -> dict[str, float]:
    """`v' = A v + b`, by the exponential of the matrix bordered with b."""
    a = diags([1.0, -2.0, 1.0], [-1, 0, 1], (n, n)).toarray()
    a[-1, -1] = -1
    m = np.zeros((n + 1, n + 1))
    m[:n, :n] = a / (100 * 1e-8)
    m[0, n] = 1 / (100 * 1e-8)
    v = expm(m * t)[:n, n]
    return {"c[1].v": float(v[0]), f"c[{n}].v": float(v[-1])}


def heat_rod(n: int = 20, t: float = 600.0) -> dict[str, float]:
    """Temperatures above the air, in the same way."""
    dx = 0.5 / n
    a = diags([1.0, -2.0, 1.0], [-1, 0, 1], (n, n)).toarray() * 50 / dx
    a[0, 0] = -50 / dx
    a[-1, -1] = -50 / dx - 25
    m = np.zeros((n + 1, n + 1))
    m[:n, :n] = a / (7800 * 470 * dx)
    m[0, n] = 2e4 / (7800 * 470 * dx)
    T = expm(m * t)[:n, n] + 20
    return {"T[1]": float(T[0]), f"T[{n}]": float(T[-1]), "T_mean": float(T.mean())}


def two_tank() -> ReferenceProblem:
    def valve(level):
        x = 1000 * 9.80665 * level / 1e4
        return 2e-3 * x / (x**2 + 1e-6) ** 0.25

    def f(t, h):
        between, out = valve(h[0]), valve(h[1])
        return np.array([(1.5e-3 - between) / 0.5, (between - out) / 0.8])

    return ReferenceProblem(f, np.array([0.5, 0.2]), (0, 600), named("upper.level", "lower.level"))


def drive_train() -> ReferenceProblem:
    def f(t, y):
        phi_r, w_r, phi_l, w_l = y
        # The gear turns `ratio` times as fast as the load; the shaft twists between rotor and gear.
        tau = 200 * (5 * phi_l - phi_r) + 0.5 * (5 * w_l - w_r)
        friction = np.tanh(w_l / 0.05) + 0.8 * w_l
        motor = 2.0 if t >= 0.5 else 0.0
        return np.array([w_r, (motor + tau) / 0.01, w_l, (-5 * tau - friction) / 2])

    names = named("rotor.phi", "rotor.w", "load.phi", "load.w")
    return ReferenceProblem(f, np.zeros(4), (0, 5), names, breaks=(0.5,))


def building(n: int = 20, days: float = 2.0) -> ReferenceProblem:
    """Unknowns: air of every room, then the three layers of its wall; everything else follows from them."""
    i = np.arange(1, n + 1)
    t_set, area = 273.15 + 19 + i % 4, 2.0 + i % 3
    wall_area = 9.0
    thickness, conductivity = np.array([0.15, 0.12, 0.1]), np.array([1.7, 0.04, 0.7])
    capacity = np.array([2300 * 900, 30 * 1000, 1800 * 840]) * thickness * wall_area
    half = 0.5 * thickness / (conductivity * wall_area)
    into, out = 1 / (8 * wall_area) + half[0], half[2] + 1 / (20 * wall_area)

    def power(t, air):
        outdoor = 273.15 + 3 - 5 * np.cos(2 * np.pi * (t - 10800) / 86400)
        heat = 1000 * (1 + np.tanh((t_set - air) / 0.5)) / 2
        return outdoor, heat, heat / (0.45 * 308.15 / (308.15 - outdoor))

    def f(t, y):
        air, wall = y[:n], y[n:].reshape(3, n)
        outdoor, heat, _ = power(t, air)
        sun = 400 * (1 - 0.75 * 0.3) * max(0.0, -np.cos(2 * np.pi * t / 86400)) ** 2
        q = np.array(
            [
                (air - wall[0]) / into,
                (wall[0] - wall[1]) / (half[0] + half[1]),
                (wall[1] - wall[2]) / (half[1] + half[2]),
                (wall[2] - outdoor) / out,
            ]
        )
        gain = heat + 0.55 * area * sun - (1.1 * area + 20) * (air - outdoor) - q[0]
        across = 25 * np.diff(air)
        gain[:-1] += across
        gain[1:] -= across
        return np.concatenate([gain / 4e5, ((q[:-1] - q[1:]) / capacity[:, None]).ravel()])

    def report(t, y):
        return {
            "rooms[1].inside.T": float(y[0]),
            f"rooms[{n}].inside.T": float(y[n - 1]),
            "rooms[2].wall.T[3]": float(y[n + 2 * n + 1]),
            "power": float(power(t, y[:n])[2].sum() / 1e3),
            "T_rooms": float(y[:n].mean() - 273.15),
        }

    # The sun rises and sets with a jump in its second derivative.
    rises = tuple(86400 * d / 4 for d in range(1, int(4 * days)) if d % 2)
    return ReferenceProblem(
        f, np.full(4 * n, 293.15), (0, days * 86400), report, rises, rtol=1e-10, atol=1e-9
    )


def cooled_hall(n: int = 30) -> ReferenceProblem:
    """Unknowns: hall, tank, the wall's three layers; water, cold metal, hot metal and air of the chiller's cells."""
    thickness, conductivity = np.array([0.15, 0.12, 0.1]), np.array([1.7, 0.04, 0.7])
    capacity = np.array([2300 * 900, 30 * 1000, 1800 * 840]) * thickness * 200
    half = 0.5 * thickness / (conductivity * 200)
    steps = 1 / (8 * 200) + half[0], half[0] + half[1], half[1] + half[2], half[2] + 1 / (20 * 200)

    def machine(water, cold, hot):
        """Heat taken up, electric power, and the temperatures of the refrigerant."""
        heat = 9e3 * (1 + np.tanh((water[-1] - 280.15) / 2)) / 2
        low = cold.mean() - heat / 4000
        high = (heat - heat / 0.4 + 4000 * hot.mean()) / (4000 - heat / (0.4 * low))
        return heat, heat * (high - low) / (0.4 * low), low, high

    def f(t, y):
        hall, tank, wall = y[0], y[1], y[2:5]
        water, cold, hot, air = y[5:].reshape(4, n)
        day = 2 * np.pi * t / 86400
        outdoor = 299.15 + 6 * np.cos(2 * np.pi * (t - 54000) / 86400)
        gains = 4e3 * (1 + np.tanh(-np.cos(day) / 0.4)) / 2 + 2e3 * max(0.0, -np.cos(day)) ** 2
        _, _, low, high = machine(water, cold, hot)
        q = -np.diff([hall, *wall, outdoor]) / steps
        coil = 400 * (hall - tank)
        to_metal, to_air = 3000 / n * (water - cold), 2500 / n * (hot - air)
        slopes = (
            1200 * (np.append(tank, water[:-1]) - water) - to_metal,
            to_metal - 4000 / n * (cold - low),
            4000 / n * (high - hot) - to_air,
            2500 * (np.append(outdoor, air[:-1]) - air) + to_air,
        )
        sizes = 6e4, 1.2e4, 1.5e4, 500.0
        return np.concatenate(
            [
                [(gains - q[0] - 150 * (hall - outdoor) - coil) / 4e6],
                [(coil - 1200 * (tank - water[-1])) / 1.2e6],
                (q[:-1] - q[1:]) / capacity,
                *(slope * n / size for slope, size in zip(slopes, sizes, strict=True)),
            ]
        )

    def report(t, y):
        water, cold, hot, air = y[5:].reshape(4, n)
        values = {"hall.T": y[0], "tank.T": y[1], "wall.T[2]": y[3]}
        values |= {"chiller.T_water[1]": water[0] - 273.15, f"chiller.T_air[{n}]": air[-1] - 273.15}
        values |= {"power": machine(water, cold, hot)[1] / 1e3}
        return {name: float(value) for name, value in values.items()}

    start = [297.15, 285.15, *[297.15] * 3, *[285.15] * (2 * n), *[298.15] * (2 * n)]
    rises = (21600.0, 64800.0, 108000.0, 151200.0)
    return ReferenceProblem(f, np.array(start), (0, 172800), report, rises, rtol=1e-10, atol=1e-9)


def linear(A, b, y, t: float) -> np.ndarray:
    """The solution of `y' = A y + b` after the time t."""
    A, b, y = (np.asarray(x, dtype=float) for x in (A, b, y))
    whole = np.zeros((len(y) + 1, len(y) + 1))
    whole[:-1, :-1], whole[:-1, -1] = A, b
    return (expm(whole * t) @ np.append(y, 1.0))[:-1]


def until(A, b, y, t: float, guard: Callable[[np.ndarray], float], looks: int = 400) -> float:
    """When `guard` of `y' = A y + b` first turns positive, at most t."""
    times = np.linspace(0.0, t, looks + 1)
    values = [guard(linear(A, b, y, x)) for x in times]
    for k in range(1, looks):
        if values[k] <= 0 < values[k + 1]:
            return brentq(lambda x: guard(linear(A, b, y, x)), times[k], times[k + 1], xtol=1e-15, rtol=1e-14)
    return t


def half_wave() -> dict[str, float]:
    """The voltage leaves the source where the current of load and capacitor is zero."""
    w, RC = 2 * np.pi * 50, 100 * 100e-6
    t = (np.pi - np.arctan(w * RC)) / w
    return {"c.v": 10 * np.sin(w * t) * np.exp(-(0.018 - t) / RC)}


def diode_bridge() -> dict[str, float]:
    w, RC = 2 * np.pi * 50, 100 * 100e-6
    t = (np.pi - np.arctan(w * RC)) / w
    return {"c.v": 10 * np.sin(w * t) * np.exp(-(0.0085 - t) / RC)}


def buck_converter() -> dict[str, float]:
    """Current and voltage: with the source, with the diode, and, where the current ends, with neither."""
    L, C, R, period = 100e-6, 20e-6, 5.0, 20e-6
    A, b = [[0, -1 / L], [1 / C, -1 / (R * C)]], np.array([24.0 / L, 0.0])
    y = np.zeros(2)
    for _ in range(100):
        y = linear(A, b, y, 0.4 * period)
        left = until(A, 0 * b, y, 0.6 * period, lambda y: -y[0])
        y = linear(A, 0 * b, y, left)
        if left < 0.6 * period:
            y = np.array([0.0, y[1] * np.exp(-(0.6 * period - left) / (R * C))])
    return {"l.i": y[0], "c.v": y[1]}


def heated_room() -> dict[str, float]:
    """Temperatures of air and wall, above those outside."""
    c, w, inner, outer = 5e5, 4e6, 1 / 0.005, 1 / 0.02
    A = [[-inner / c, inner / c], [inner / w, -(inner + outer) / w]]
    y, t, end, on, switches = np.array([16.0, 12.0]), 0.0, 43200.0, True, 0
    while t < end:
        b = np.array([1500.0 / c if on else 0.0, 0.0])
        sign = 1.0 if on else -1.0
        step = min(until(A, b, y, 20000.0, lambda y, s=sign: s * (y[0] - 18.0) - 1.0), end - t)
        y, t = linear(A, b, y, step), t + step
        if t < end:
            on, switches = not on, switches + 1
    return {"air.T": y[0] + 275.15, "wall.T": y[1] + 275.15, "thermostat.switches": switches}


def hydraulic_stop() -> dict[str, float]:
    """Position and speed of the piston: pushed, thrown back, at rest, and drawn back."""
    laminar, area, m, stop = 128 * 0.3 * 1 / (np.pi * 0.01**4), 1e-3, 50.0, 0.2
    A = [[0.0, 1.0], [0.0, -(area**2) * laminar / m]]
    push, draw = np.array([0.0, area * 200e3 / m]), np.array([0.0, (area * 200e3 - 300.0) / m])
    y, t = np.zeros(2), 0.0
    while True:
        step = until(A, push, y, 1.5, lambda y: y[0] - stop, looks=3000)
        y, t = linear(A, push, y, step), t + step
        y = np.array([stop, -0.4 * y[1]])
        if -y[1] <= 0.02:
            break
    assert t < 1.5
    y = linear(A, draw, [stop, 0.0], 0.5)
    assert y[1] < 0
    return {"piston.side": 1.0, "piston.v": 0.0, "piston.s": y[0]}


def main(names: list[str]) -> None:
    """Print the values of the problems that are named, or of all."""
    problems = {
        "robertson": lambda: robertson().end(),
        "hires": lambda: hires().end(),
        "pollu": lambda: pollu().end(),
        "oregonator": lambda: oregonator().end(),
        "van_der_pol": lambda: van_der_pol().end(),
        "akzo_nobel": lambda: akzo_nobel().end(),
        "brusselator2d": lambda: brusselator2d().end(),
        "rc_ladder": rc_ladder,
        "heat_rod": heat_rod,
        "two_tank": lambda: two_tank().end(),
        "drive_train": lambda: drive_train().end(),
        "building": lambda: building().end(),
        "cooled_hall": lambda: cooled_hall().end(),
        "half_wave": half_wave,
        "diode_bridge": diode_bridge,
        "buck_converter": buck_converter,
        "heated_room": heated_room,
        "hydraulic_stop": hydraulic_stop,
    }
    for name in names or problems:
        print(name)
        for quantity, value in problems[name]().items():
            print(f"    {quantity!r}: {value!r},")


if __name__ == "__main__":
    main(sys.argv[1:])
