# Windows of two panes, by what one pane lets through and throws back at normal incidence: Fresnel and Snell give it for other angles, for
# each polarisation; the reflections between the panes are summed. The panes absorb, conduct and store; the gap convects and radiates.
# source: optics: Arasteh, Reilly and Rubin, ASHRAE Trans. 95 (1989), for uncoated panes (index and extinction from normal incidence); gap: ISO 15099
#   (2003), Wright's correlation for vertical cavities; overhang: geometry.
# checked value: optics by Fresnel's equations in NumPy; the shade of an overhang by counting points in the sun.

from thermal import HeatPort, TwoPort
from building.sky import Climate, Irradiance, sigma
from building.walls import Inside, InsideFilm, LightPort, OutsideFilm

function surface_reflectance(tau, rho) "of one face of a pane at normal incidence, from what the pane transmits and reflects there"
  b = tau^2 - rho^2 + 2*rho + 1
  return (b - sqrt(b^2 - 4*(2 - rho)*rho))/(2*(2 - rho))
end

function inside_transmittance(tau, rho) "of one passage through a pane at normal incidence"
  r = surface_reflectance(tau, rho)
  return (rho - r)/(r*tau)
end

function refractive_index(tau, rho) "of a pane"
  r = sqrt(surface_reflectance(tau, rho))
  return (1 + r)/(1 - r)
end

function refracted(tau, rho, mu) = sqrt(1 - (1 - mu^2)/refractive_index(tau, rho)^2) # cosine inside the pane

function across(tau, rho, mu) "reflectance of a face, light polarised across the plane of incidence"
  n = refractive_index(tau, rho)
  m = refracted(tau, rho, mu)
  return ((mu - n*m)/(mu + n*m))^2
end

function along(tau, rho, mu) "reflectance of a face, light polarised along the plane of incidence"
  n = refractive_index(tau, rho)
  m = refracted(tau, rho, mu)
  return ((n*mu - m)/(n*mu + m))^2
end

function through(r, x) = x*(1 - r)^2/(1 - (r*x)^2)          # transmittance of a pane with faces of r, x through its inside
function back(r, x) = r + r*x^2*(1 - r)^2/(1 - (r*x)^2)     # reflectance

function both(t1, r1, t2, r2) = t1*t2/(1 - r1*r2)                                    # transmitted by two panes
function outer(t1, r1, t2, r2) = (1 - t1 - r1)*(1 + t1*r2/(1 - r1*r2))               # absorbed by the first
function inner(t1, r1, t2, r2) = (1 - t2 - r2)*t1/(1 - r1*r2)                        # absorbed by the second

function passage(tau, rho, mu) = inside_transmittance(tau, rho)^(1/refracted(tau, rho, mu))

function transmitted(tau, rho, mu) "part that two equal panes transmit; mu is the cosine of incidence"
  x = passage(tau, rho, mu)
  s = across(tau, rho, mu)
  p = along(tau, rho, mu)
  return 0.5*(both(through(s, x), back(s, x), through(s, x), back(s, x)) + both(through(p, x), back(p, x), through(p, x), back(p, x)))
end

function absorbed_outside(tau, rho, mu) "part that the first of two equal panes absorbs"
  x = passage(tau, rho, mu)
  s = across(tau, rho, mu)
  p = along(tau, rho, mu)
  return 0.5*(outer(through(s, x), back(s, x), through(s, x), back(s, x)) + outer(through(p, x), back(p, x), through(p, x), back(p, x)))
end

function absorbed_inside(tau, rho, mu) "part that the second of two equal panes absorbs"
  x = passage(tau, rho, mu)
  s = across(tau, rho, mu)
  p = along(tau, rho, mu)
  return 0.5*(inner(through(s, x), back(s, x), through(s, x), back(s, x)) + inner(through(p, x), back(p, x), through(p, x), back(p, x)))
end

function overlap(z, slope, side) "integral from the top of what the shadow loses at its side"
  u = max(0, slope*z - side)
  return u^2/(2*max(slope, 1e-9))
end

function shaded(W, H, depth, gap, side, profile, turn) "part of a window that an overhang shades: tangents of the sun's profile angle and of its angle from the normal"
  low = min(gap + H, depth*profile)
  slope = turn/max(profile, 1e-9)
  lost = overlap(max(low, gap), slope, side) - overlap(gap, slope, side) - overlap(max(low, gap), slope, side + W) + overlap(gap, slope, side + W)
  return min(1, max(0, (W*(max(low, gap) - gap) - lost)/(W*H)))
end

model Overhang "of windows side by side; without depth it is not there"
  port climate : Climate
  param depth = 0 [m] in 0..5
  param gap = 0.5 [m] in 0..5                     "from the top of the window up"
  param width = 3 [m] in 0.1..20                  "of one window"
  param height = 2 [m] in 0.1..10
  param side[2] [m] = {0.5, 4.5}                  "from the edge of one of two windows on to the end of the overhang, on either hand"
  param azimuth = 0 [deg] in -180..180            "south is 0, west 90"
  param hidden [1] = (sqrt(gap^2 + depth^2) + height - sqrt((gap + height)^2 + depth^2))/(2*height) "view of the overhang"
  var ahead                                       "of the sun's direction, to the normal"
  var lit                                         "part of the windows in the sun"
equations
  ahead = max(climate.south*cos(azimuth) + climate.west*sin(azimuth), 1e-3)
  lit = 1 - 0.5*sum(shaded(width/1 [m], height/1 [m], depth/1 [m], gap/1 [m], side[k]/1 [m], max(climate.up, 0)/ahead,
    abs(climate.west*cos(azimuth) - climate.south*sin(azimuth))/ahead) for k in 1..2)
end

model Glazing "light through two equal panes of glass"
  port climate : Climate
  port light : LightPort
  port beam : LightPort "what comes straight from the sun"
  param area = 12 [m^2] in 0.1..100
  param azimuth = 0 [deg] in -180..180  "south is 0, west 90"
  param tau = 0.834 in 0.1..0.95        "of one pane at normal incidence: transmittance"
  param rho = 0.075 in 0.02..0.12       "reflectance"
  param tau_diffuse = 0.61052 in 0..1 "of light from everywhere, by the integral over the angle: transmitted by both panes"
  param outer_diffuse = 0.11120 in 0..1 "absorbed by the outer pane"
  param inner_diffuse = 0.07936 in 0..1 "absorbed by the inner pane"
  part sun : Irradiance(azimuth = azimuth)
  part overhang : Overhang(azimuth = azimuth)
  var mu                       "cosine of incidence; at grazing light a pane reflects all, and its optics are 0/0"
  var straight [W]             "sun on the glass"
  var spread [W]               "light of sky and ground on the glass"
  var outer_sun [W]            "absorbed by the outer pane"
  var inner_sun [W]            "and by the inner one"
equations
  connect climate, sun.climate, overhang.climate
  mu = max(sun.incidence, 1e-3)
  straight = area*sun.beam*overhang.lit
  spread = area*(sun.sky - overhang.hidden*climate.dome + sun.ground)
  # Light from inside meets the panes in the other order.
  outer_sun = straight*absorbed_outside(tau, rho, mu) + outer_diffuse*spread + inner_diffuse*area*light.J
  inner_sun = straight*absorbed_inside(tau, rho, mu) + inner_diffuse*spread + outer_diffuse*area*light.J
  beam.Q = -straight*transmitted(tau, rho, mu)
  light.Q = area*light.J*(tau_diffuse + outer_diffuse + inner_diffuse) - tau_diffuse*spread
end

model Pane "glass, a node on each of its faces"
  port a : HeatPort
  port b : HeatPort
  param area = 12 [m^2] in 0.1..100
  param thickness = 3.048 [mm] in 1..20
  param conductivity = 1 [W/(m*K)] in 0.5..2
  param heat = 1.9e6 [J/(m^3*K)] in 1e5..4e6 "capacity of glass"
  param C [J/K] = 0.5*area*heat*thickness
  input sun = 0 [W] "that the pane absorbs"
  var Ta [degC] start 10 nominal 10
  var Tb [degC] start 10 nominal 10
  output stored [J] = C*(Ta - 0 [degC] + (Tb - 0 [degC]))
equations
  a.T = Ta
  b.T = Tb
  C*der(Ta) = a.Q + conductivity*area/thickness*(Tb - Ta) + 0.5*sun
  C*der(Tb) = b.Q + conductivity*area/thickness*(Ta - Tb) + 0.5*sun
end

model Cavity extends TwoPort "air between two panes: it conducts, convects, and lets long waves through"
  param area = 12 [m^2] in 0.1..100
  param width = 12 [mm] in 5..20
  param emissivity = 0.84 in 0.02..0.95
  input density = 1.2 [kg/m^3] "of the air"
  var conductivity [W/(m*K)]
  var rayleigh
equations
  conductivity = 0.0241 [W/(m*K)]*(1 + 0.0029*(0.5*(a.T + b.T)/1 [K] - 273.15))
  rayleigh = 9.81 [m/s^2]*density^2*width^3*1006 [J/(kg*K)]*sqrt(dT^2 + 1e-4 [K^2])/(0.5*(a.T + b.T)*1.76e-5 [kg/(m*s)]*conductivity)
  Q = area*(conductivity/width*(1 + 1.7596678e-10*rayleigh^2.2984755)*dT + sigma*(a.T^4 - b.T^4)/(2/emissivity - 1))
end

model Window "two equal panes with air between them"
  port climate : Climate
  port room : Inside
  port beam : LightPort "what comes straight from the sun"
  param area = 12 [m^2] in 0.1..100
  param azimuth = 0 [deg] in -180..180  "south is 0, west 90"
  param height = 1.35 [m] in 1..100     "above the ground, where the wind is felt"
  param emissivity = 0.84 in 0.02..0.95
  param enclosure = 171.6 [m^2] in 10..1e4 "area of all faces of the room"
  part glass : Glazing(area = area, azimuth = azimuth)
  part film : OutsideFilm(area = area, azimuth = azimuth, height = height, roughness = 1, emissivity = emissivity)
  part outer : Pane(area = area, sun = glass.outer_sun)
  part cavity : Cavity(area = area, emissivity = emissivity, density = climate.density)
  part inner : Pane(area = area, sun = glass.inner_sun)
  part inside : InsideFilm(area = area, emissivity = emissivity, absorptance = 0, enclosure = enclosure)
  output stored [J] = outer.stored + inner.stored
  output entered [W] = glass.outer_sun + glass.inner_sun - film.surface.Q - glass.beam.Q - glass.light.Q "from outside, less what leaves"
equations
  connect climate, glass.climate, film.climate
  connect film.surface, outer.a
  connect outer.b, cavity.a
  connect cavity.b, inner.a
  connect inner.b, inside.surface
  connect inside.air, room.air
  connect inside.radiant, room.radiant
  connect inside.light, glass.light, room.light
  connect glass.beam, beam
end

model Optics "of the glass at one angle, and what an overhang of 1 m shades, for tests"
  param mu = 0.5 in 0.05..1
  param turn = 1 in 0..3
  output passes = transmitted(0.834, 0.075, mu)
  output first = absorbed_outside(0.834, 0.075, mu)
  output second = absorbed_inside(0.834, 0.075, mu)
  output shade = shaded(3, 2, 1, 0.5, 0.5, 2, turn)
end

test "two clear panes, by Fresnel's equations in NumPy" of Optics
  simulate time 0..1
  expect passes at 1 = 0.59548279 within 1e-6
  expect first at 1 = 0.11890050 within 1e-6
  expect second at 1 = 0.08437391 within 1e-6
  expect shade at 1 = 17/24 within 1e-9
end
test "normal incidence: 0.834^2/(1 - 0.075^2)" of Optics
  set mu = 1, turn = 3
  simulate time 0..1
  expect passes at 1 = 0.834^2/(1 - 0.075^2) within 1e-6
  expect shade at 1 = 13/32 within 1e-9
end
