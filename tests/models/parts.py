"""Every part of the component libraries in a small circuit with a solution in closed form.

The circuits of one library stand side by side in one model, so that it is compiled once.
"""

from dataclasses import dataclass
from math import cos, exp, log, pi, sin, sqrt, tanh


@dataclass(frozen=True)
class Bench:
    """A model and what it must say at its end."""

    text: str
    expected: dict[str, float]


ELECTRICAL = Bench(
    """
import electrical
model Parts
  part gnd : electrical.Ground
  part v1 : electrical.VoltageSource(V = 10)
  part r1 : electrical.Resistor(R = 2)
  part ammeter : electrical.CurrentSensor
  part voltmeter : electrical.VoltageSensor
  part v2 : electrical.SineVoltage(V = 1, f = 0.25)
  part l2 : electrical.Inductor(L = 2)
  part i3 : electrical.CurrentSource(I = 1e-3)
  part c3 : electrical.Capacitor(C = 1e-3, v start 0.5)
  part i4 : electrical.CurrentStep(I = 2e-3, at = 0.5)
  part g4 : electrical.Conductor(G = 1e-3)
  part v5 : electrical.VoltageStep(V = 5, at = 0.5)
  part r5 : electrical.Resistor(R = 1e3)
  part c5 : electrical.Capacitor(C = 1e-4)
  part i6 : electrical.CurrentSource(I = 1e-3)
  part d6 : electrical.Diode(R_leak = 1e12)
  part v7 : electrical.VoltageSource(V = 1)
  part r7 : electrical.Resistor(R = 1e3)
  part f7 : electrical.Resistor(R = 4.7e3)
  part amp : electrical.OpAmp
  part v8 : electrical.PrescribedVoltage(V = 3)
  part g8 : electrical.Conductor(G = 2)
  part i9 : electrical.PrescribedCurrent(I = 2*time/1 [s])
  part c9 : electrical.Capacitor(C = 1)
  part v10 : electrical.VoltageSource(V = 2)
  part d10 : electrical.IdealDiode(R_on = 1, G_off = 1e-3)
  part r10 : electrical.Resistor(R = 3)
  part d11 : electrical.IdealDiode(R_on = 1, G_off = 1e-3)
  part r11 : electrical.Resistor(R = 3)
  part pulses12 : electrical.PulseWidth(period = 0.4, duty = 0.25)
  part switch12 : electrical.IdealSwitch(R_on = 1, G_off = 0)
  part c12 : electrical.Capacitor(C = 1)
equations
  switch12.closed = pulses12.on
  connect v10.p, d10.p, d11.n, switch12.p
  connect d10.n, r10.p
  connect d11.p, r11.p
  connect switch12.n, c12.p
  connect gnd.p, v10.n, r10.n, r11.n, c12.n
  connect v1.p, ammeter.p, voltmeter.p
  connect ammeter.n, r1.p
  connect v2.p, l2.p
  connect i3.n, c3.p
  connect i4.n, g4.p
  connect v5.p, r5.p
  connect r5.n, c5.p
  connect i6.n, d6.p
  connect v7.p, r7.p
  connect r7.n, f7.p, amp.n
  connect f7.n, amp.out
  connect v8.p, g8.p
  connect i9.n, c9.p
  connect gnd.p, v1.n, r1.n, voltmeter.n, v2.n, l2.n, i3.p, c3.n, i4.p, g4.n, v5.n, c5.n, i6.p, d6.n
  connect gnd.p, v7.n, amp.p, v8.n, g8.n, i9.p, c9.n
experiment
  time 0..1, rtol 1e-8, atol 1e-10
end
""",
    {
        "r1.i": 5.0,
        "ammeter.i": 5.0,
        "voltmeter.v": 10.0,
        "v1.i": -5.0,
        "l2.i": (1 - cos(pi / 2)) / (2 * pi * 0.25 * 2),
        "c3.v": 1.5,
        "g4.v": 2.0,
        "c5.v": 5 * (1 - exp(-0.5 / 0.1)),
        "d6.v": 0.02585 * log(1e-3 / 1e-12 + 1),
        "amp.out.v": -4.7,
        "g8.i": 6.0,
        "c9.v": 1.0,
        "r10.i": 0.5,
        "r11.i": 2 / 1003,
        "c12.v": 2 * (1 - exp(-0.3)),
    },
)

THERMAL = Bench(
    """
import thermal
model Parts
  part body1 : thermal.HeatCapacitor(C = 100, T start 300)
  part g1 : thermal.ThermalConductor(G = 5)
  part cold1 : thermal.FixedTemperature(T = 280)
  part heat2 : thermal.HeatFlow(Q = 50)
  part r2 : thermal.ThermalResistor(R = 0.2)
  part cold2 : thermal.FixedTemperature(T = 290)
  part meter2 : thermal.TemperatureSensor
  part hot3 : thermal.PrescribedTemperature(T = 310)
  part h3 : thermal.Convection(h = 10, area = 0.5)
  part meter3 : thermal.HeatFlowSensor
  part cold3 : thermal.FixedTemperature(T = 300)
  part hot4 : thermal.FixedTemperature(T = 400)
  part sun4 : thermal.Radiation(emissivity = 0.9, area = 2)
  part cold4 : thermal.FixedTemperature(T = 300)
  part heat5 : thermal.PrescribedHeatFlow(Q = 10*time/1 [s])
  part body5 : thermal.HeatCapacitor(C = 100)
  part hot6 : thermal.FixedTemperature(T = 300)
  part wall6 : thermal.LayeredWall(layers = 2, area = 1, thickness = {0.1, 0.1}, conductivity = {1, 0.5},
    density = {1, 1}, specific_heat = {1, 1}, T start 290)
  part cold6 : thermal.FixedTemperature(T = 280)
  part heat7 : thermal.PrescribedHeatFlow(Q = if control7.on then 10 else -10)
  part body7 : thermal.HeatCapacitor(C = 10, T start 300)
  part control7 : thermal.Thermostat(T_set = 302, band = 1)
equations
  connect heat7.port, body7.port, control7.port
  connect body1.port, g1.a
  connect g1.b, cold1.port
  connect heat2.port, r2.a, meter2.port
  connect r2.b, cold2.port
  connect hot3.port, h3.a
  connect h3.b, meter3.a
  connect meter3.b, cold3.port
  connect hot4.port, sun4.a
  connect sun4.b, cold4.port
  connect heat5.port, body5.port
  connect hot6.port, wall6.a
  connect wall6.b, cold6.port
experiment
  time 0..10, rtol 1e-8, atol 1e-8
end
""",
    {
        "body1.T": 280 + 20 * exp(-10 * 5 / 100),
        "meter2.T": 300.0,
        "meter3.Q": 50.0,
        "sun4.Q": 0.9 * 5.670374419e-8 * 2 * (400.0**4 - 300.0**4),
        "body5.T": 293.15 + 5 * 10**2 / 100,
        "wall6.Q[3]": 20 / 0.3,
        "body7.T": 302.0,  # 3 s up, and from then on 2 s down and 2 s up
        "control7.switches": 4.0,
        "wall6.T[1]": 300 - 20 / 0.3 * 0.05,
        "wall6.T[2]": 280 + 20 / 0.3 * 0.1,
    },
)

ROTATIONAL = Bench(
    """
import rotational
model Parts
  part push1 : rotational.Torque(tau = 3)
  part j1 : rotational.Inertia(J = 1.5)
  part meter1 : rotational.SpeedSensor
  part push2 : rotational.TorqueStep(tau = 4, at = 1)
  part j2 : rotational.Inertia(J = 2)
  part j3 : rotational.Inertia(J = 1, w start 1)
  part d3 : rotational.Damper(d = 0.5)
  part wall3 : rotational.Fixed
  part wall4 : rotational.Fixed
  part c4 : rotational.Spring(c = 4, twist start 1)
  part j4 : rotational.Inertia(J = 1)
  part wall5 : rotational.Fixed
  part cd5 : rotational.SpringDamper(c = 100, d = 1)
  part turn5 : rotational.PrescribedSpeed(w = 0.5)
  part wall6 : rotational.Fixed
  part rub6 : rotational.Friction(tau_c = 0.1, d = 0.01, w_small = 0.01)
  part turn6 : rotational.PrescribedSpeed(w = 0.02)
  part push7 : rotational.Torque(tau = 2)
  part gear7 : rotational.Gear(ratio = 3)
  part j7 : rotational.Inertia(J = 9)
  part push8 : rotational.PrescribedTorque(tau = 2*time/1 [s])
  part j8 : rotational.Inertia(J = 1)
  part wall9 : rotational.Fixed
  part clutch9 : rotational.Clutch(tau_c = 3, engaged = 0.5)
  part j9 : rotational.Inertia(J = 1, w start 1)
equations
  connect wall9.flange, clutch9.a
  connect clutch9.b, j9.a
  connect push1.flange, j1.a
  connect j1.b, meter1.flange
  connect push2.flange, j2.a
  connect wall3.flange, d3.a
  connect d3.b, j3.a
  connect wall4.flange, c4.a
  connect c4.b, j4.a
  connect wall5.flange, cd5.a
  connect cd5.b, turn5.flange
  connect wall6.flange, rub6.a
  connect rub6.b, turn6.flange
  connect push7.flange, gear7.a
  connect gear7.b, j7.a
  connect push8.flange, j8.a
experiment
  time 0..2, rtol 1e-8, atol 1e-10
end
""",
    {
        "j1.w": 4.0,
        "meter1.phi": 4.0,
        "j2.w": 2.0,
        "j3.w": exp(-1),
        "c4.twist": cos(4),
        "cd5.tau": 100 * 1.0 + 0.5,
        "rub6.tau": 0.1 * tanh(2) + 0.01 * 0.02,
        "j7.w": 2 * 3 / 9 * 2,
        "j8.w": 4.0,
        "j9.phi": 1 / 3,
        "clutch9.locked": 1.0,
    },
)

TRANSLATIONAL = Bench(
    """
import translational
model Parts
  part push1 : translational.Force(f = 3)
  part m1 : translational.Mass(m = 1.5)
  part meter1 : translational.PositionSensor
  part push2 : translational.ForceStep(f = 4, at = 1)
  part m2 : translational.Mass(m = 2)
  part m3 : translational.Mass(m = 1, v start 1)
  part d3 : translational.Damper(d = 0.5)
  part wall3 : translational.Fixed
  part wall4 : translational.Fixed
  part c4 : translational.Spring(c = 4, stretch start 1)
  part m4 : translational.Mass(m = 1, s start 1)
  part wall5 : translational.Fixed
  part cd5 : translational.SpringDamper(c = 100, d = 1)
  part pull5 : translational.PrescribedVelocity(v = 0.5)
  part wall6 : translational.Fixed
  part rub6 : translational.Friction(f_c = 0.1, d = 0.01, v_small = 0.01)
  part pull6 : translational.PrescribedVelocity(v = 0.02)
  part push8 : translational.PrescribedForce(f = 2*time/1 [s])
  part m8 : translational.Mass(m = 1)
  part push9 : translational.Force(f = 2)
  part m9 : translational.StoppedMass(m = 1, s_max = 0.25)
equations
  connect push9.flange, m9.a
  connect push1.flange, m1.a
  connect m1.b, meter1.flange
  connect push2.flange, m2.a
  connect wall3.flange, d3.a
  connect d3.b, m3.a
  connect wall4.flange, c4.a
  connect c4.b, m4.a
  connect wall5.flange, cd5.a
  connect cd5.b, pull5.flange
  connect wall6.flange, rub6.a
  connect rub6.b, pull6.flange
  connect push8.flange, m8.a
experiment
  time 0..2, rtol 1e-8, atol 1e-10
end
""",
    {
        "m1.v": 4.0,
        "meter1.s": 4.0,
        "m2.v": 2.0,
        "m3.v": exp(-1),
        "m4.s": cos(4),
        "cd5.f": 100 * 1.0 + 0.5,
        "rub6.f": 0.1 * tanh(2) + 0.01 * 0.02,
        "m8.v": 4.0,
        "m9.s": 0.25,
        "m9.f_stop": -2.0,
    },
)

# Pipes: laminar 128*mu*L/(pi*d^4), turbulent 8*f*L*rho/(pi^2*d^5); L = 10, d = 0.02, mu = 1e-3, rho = 1000.
_LAMINAR = 128 * 1e-3 * 10 / (pi * 0.02**4)
_TURBULENT = 8 * 0.03 * 10 * 1000 / (pi**2 * 0.02**5)
_INERTANCE = 4 * 1000 * 10 / (pi * 0.02**2)

FLUID = Bench(
    """
import fluid
import translational
model Parts
  part feed1 : fluid.FlowSource(q = 1e-3)
  part tank1 : fluid.Tank(area = 2, level start 1)
  part meter1 : fluid.PressureSensor
  part high2 : fluid.Boundary(p = 2e5)
  part valve2 : fluid.Valve(q_nominal = 1e-3, dp_nominal = 1e4, opening = 0.5)
  part meter2 : fluid.FlowSensor
  part low2 : fluid.Boundary(p = 1.1e5)
  part high3 : fluid.Boundary(p = 1.2e5)
  part pipe3 : fluid.Pipe(length = 10, diameter = 0.02, friction = 0.03)
  part low3 : fluid.Boundary(p = 1.1e5)
  part high4 : fluid.Boundary(p = 1.001e5)
  part pipe4 : fluid.InertialPipe(length = 10, diameter = 0.02, friction = 0)
  part low4 : fluid.Boundary(p = 1e5)
  part low5 : fluid.Boundary(p = 1e5)
  part pump5 : fluid.Pump(dp_max = 2e5, q_max = 5e-3, speed = 0.8)
  part high5 : fluid.Boundary(p = 1.5e5)
  part feed6 : fluid.PrescribedFlow(q = 1e-5*time/1 [s])
  part tank6 : fluid.Tank(area = 1)
  part feed7 : fluid.FlowSource(q = 1e-4)
  part cylinder7 : fluid.Cylinder(area = 1e-2)
  part spring7 : translational.Spring(c = 500)
  part wall7 : translational.Fixed
equations
  connect feed7.port, cylinder7.port
  connect cylinder7.rod, spring7.b
  connect spring7.a, wall7.flange
  connect feed1.port, tank1.inlet
  connect tank1.outlet, meter1.port
  connect high2.port, valve2.a
  connect valve2.b, meter2.a
  connect meter2.b, low2.port
  connect high3.port, pipe3.a
  connect pipe3.b, low3.port
  connect high4.port, pipe4.a
  connect pipe4.b, low4.port
  connect low5.port, pump5.a
  connect pump5.b, high5.port
  connect feed6.port, tank6.inlet
experiment
  time 0..100, rtol 1e-8, atol 1e-12
end
""",
    {
        "tank1.level": 1.05,
        "meter1.p": 101325 + 1000 * 9.80665 * 1.05,
        "meter2.q": 0.5e-3 * 9 / (81 + 1e-6) ** 0.25,
        "pipe3.q": (-_LAMINAR + sqrt(_LAMINAR**2 + 4 * _TURBULENT * 1e4)) / (2 * _TURBULENT),
        "pipe4.q": 100 / _LAMINAR * (1 - exp(-_LAMINAR / _INERTANCE * 100)),
        "pump5.q": 5e-3 * (-0.02 + sqrt(0.02**2 + 4 * 0.98 * (0.8**2 - 5e4 / 2e5))) / (2 * 0.98),
        "tank6.level": 1.05,
        "cylinder7.port.p": 101325 + 500 * 1.0 / 1e-2,
    },
)

PLANAR = Bench(
    """
import mechanics.planar
model Parts
  part ceiling : mechanics.planar.Fixed(x = 1, y = 2)
  part rod : mechanics.planar.Rod(L = 0.5)
  part bob : mechanics.planar.PointMass(m = 3, x start 1, y start 1.5)
  part hook : mechanics.planar.Fixed
  part spring : mechanics.planar.Spring(c = 40, d = 0.5, L0 = 1)
  part load : mechanics.planar.PointMass(m = 2, y start -1.2)
  part rail : mechanics.planar.Guide(y = 0.25)
  part push : mechanics.planar.Push(fx = 4)
  part sled : mechanics.planar.PointMass(m = 8, y start 0.25, vx start 1)
equations
  connect ceiling.joint, rod.a
  connect rod.b, bob.joint
  connect hook.joint, spring.a
  connect spring.b, load.joint
  connect rail.joint, push.joint, sled.joint
experiment
  time 0..1, rtol 1e-9, atol 1e-10
end
""",
    {
        "bob.y": 1.5,
        "rod.tension": 3 * 9.81,
        # Around its rest at 1 + m*g/c, damped: delta = d/(2 m), w^2 = c/m - delta^2.
        "load.y": -(1 + 2 * 9.81 / 40)
        - (0.2 - 2 * 9.81 / 40)
        * exp(-0.125)
        * (cos(sqrt(20 - 0.125**2)) + 0.125 / sqrt(20 - 0.125**2) * sin(sqrt(20 - 0.125**2))),
        "sled.x": 1 + 4 / 8 / 2,
        "sled.y": 0.25,
    },
)

BENCHES = {
    "electrical": ELECTRICAL,
    "thermal": THERMAL,
    "rotational": ROTATIONAL,
    "translational": TRANSLATIONAL,
    "fluid": FLUID,
    "mechanics/planar": PLANAR,
}
