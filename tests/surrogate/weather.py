"""A building of the library's rooms under weather and a schedule that inputs bring: two days, every half an hour."""

import numpy as np

TEXT = """
from examples.building import Room
from thermal import PrescribedHeatFlow, PrescribedTemperature, ThermalConductor

model WeatheredBuilding "a row of rooms under weather and a schedule that inputs bring"
  const N = 100
  param window_U = 1.1 [W/(m^2*K)] in 0.55..1.65
  param ventilation = 20 [W/K] in 10..30
  param transmittance = 0.55 in 0.275..0.825
  param C = 4e5 [J/K] in 2e5..6e5 "air and furniture"
  param Q_max = 1000 [W] in 500..1500 "heat pump at full power"
  param G_partition = 25 [W/K] in 12.5..37.5
  input T_outdoor = 3 [degC]
  input sun = 0 [W/m^2]
  input people = 0 [W] "heat of people and lamps in every room"
  part weather : PrescribedTemperature(T = T_outdoor)
  part rooms[N] : Room(T_set = (19 + mod(i, 4) for i in 1..N), window_area = (2 + mod(i, 3) for i in 1..N),
    window_U = window_U, ventilation = ventilation, transmittance = transmittance, inside.C = C,
    heat_pump.Q_max = Q_max, T_outdoor = T_outdoor, sun = sun)
  part partitions[N-1] : ThermalConductor(G = G_partition)
  part persons[N] : PrescribedHeatFlow(Q = people)
equations
  for i in 1..N
    connect rooms[i].facade, weather.port
    connect persons[i].port, rooms[i].air
  end
  for i in 1..N-1
    connect rooms[i].air, partitions[i].a
    connect partitions[i].b, rooms[i+1].air
  end
experiment
  time 0..2 [d], rtol 1e-6, atol 1e-6
end
"""
VARIED = ("window_U", "ventilation", "transmittance", "C", "Q_max", "G_partition")
INPUTS = ("T_outdoor", "sun", "people")
TIMES = np.linspace(0.0, 172800.0, 97)


def weather(count: int, seed: int) -> np.ndarray:
    """(count, inputs, times): days and nights, warmer and colder spells, fronts, clouds, working hours."""
    return np.array([_one(np.random.default_rng([seed, k])) for k in range(count)])


def _one(rng: np.random.Generator) -> np.ndarray:
    days, hours = TIMES / 86400, TIMES / 3600 % 24
    wandering = np.zeros(len(TIMES))
    for k in range(1, len(TIMES)):
        wandering[k] = 0.97 * wandering[k - 1] + rng.normal(0, 0.25)
    outdoor = rng.uniform(-4, 10) + rng.normal(0, 2) * (days - 1) + wandering
    outdoor = outdoor - rng.uniform(2, 6) * np.cos(2 * np.pi * (hours - 3) / 24)
    if rng.random() < 0.4:
        outdoor = outdoor + rng.normal(0, 4) * 0.5 * (1 + np.tanh((days - rng.uniform(0.2, 1.8)) * 16))
    clear = np.clip(rng.uniform(0.2, 1) + 0.125 * np.cumsum(rng.normal(0, 0.25, len(TIMES))), 0.1, 1)
    sun = rng.uniform(150, 800) * clear * np.maximum(0, -np.cos(2 * np.pi * days)) ** 1.5
    working = (hours >= rng.uniform(6, 10)) & (hours <= rng.uniform(15, 20))
    return np.array([outdoor, sun, rng.uniform(50, 300) * working + rng.uniform(0, 60)])
