# The sun and the sky over a building, from a weather bundle, and what falls on a tilted face of it.
# Directions are unit vectors by up, south and west; azimuths count from south to west (east is -90 degrees).
# source: sun: Michalsky, Solar Energy 40 (1988) 227, the Astronomical Almanac's approximate formulae; sky: Perez et al., Solar Energy 44
#   (1990) 271, all sites composite; Hay and Davies, Proc. First Canadian Solar Radiation Data Workshop (1980); Kasten and Young, Appl. Opt. 28 (1989) 4735.
# checked value: the example of the Solar Position Algorithm (Reda and Andreas, NREL/TP-560-34302, 2008), without refraction;
#   radiation on a wall by the same formulae in NumPy.

const sigma = 5.670374419e-8 # Stefan-Boltzmann constant, W/(m^2*K^4); CODATA 2018

enum SkyModel {isotropic, hay_davies, perez}

connector Weather "what the sun and the faces need of a weather file"
  input T_out [degC]
  input pressure [Pa]
  input infrared [W/m^2]
  input direct [W/m^2]
  input diffuse [W/m^2]
  input wind_speed [m/s]
  input wind_direction [deg]
  input middle [s]
  input latitude [deg]
  input longitude [deg]
  input time_zone [h]
end

connector Climate "what surrounds a building, the same for all its faces"
  potential T_out [degC]        "air"
  potential density [kg/m^3]    "of the air"
  potential infrared [W/m^2]    "radiation of the sky on a horizontal plane"
  potential wind [m/s]          "at 10 m above open ground"
  potential wind_from [deg]     "north is 0, east 90"
  potential up                  "direction to the sun"
  potential south
  potential west
  potential beam [W/m^2]        "from the sun and close around it, on a plane that faces the sun"
  potential dome [W/m^2]        "from the whole of the sky, evenly, on a horizontal plane"
  potential horizon [W/m^2]     "from a bright horizon, on a vertical plane"
  potential reflected [W/m^2]   "from the ground, on a plane that faces it"
end

# Perez's coefficients by the clearness of the sky, each from its value on to the next.
table F11(e) = csv("perez.csv", x = "clearness", y = "F11", method = constant, outside = hold)
table F12(e) = csv("perez.csv", x = "clearness", y = "F12", method = constant, outside = hold)
table F13(e) = csv("perez.csv", x = "clearness", y = "F13", method = constant, outside = hold)
table F21(e) = csv("perez.csv", x = "clearness", y = "F21", method = constant, outside = hold)
table F22(e) = csv("perez.csv", x = "clearness", y = "F22", method = constant, outside = hold)
table F23(e) = csv("perez.csv", x = "clearness", y = "F23", method = constant, outside = hold)

model SunPosition "direction to the sun, without refraction"
  input at = 0 [s] "time from the beginning of the year, by the clock of the place"
  input latitude = 40 [deg]
  input longitude = -105 [deg]
  input time_zone = -7 [h]
  param epoch = -1826.5 in -20000..20000 "days from noon of 1 January 2000 to the beginning of the year; default: 1995"
  var n               "days from noon of 1 January 2000, universal time"
  var anomaly         "rad"
  var ecliptic        "longitude of the sun, rad"
  var oblique         "obliquity of the ecliptic, rad"
  var turn            "angle of the place to the vernal equinox, rad"
  var toward          "of the sun's direction in the plane of the equator: to the meridian"
  var away            "and to the west of it"
  var north           "and to the north pole"
  var up
  var south
  var west
equations
  n = epoch + (at - time_zone)/1 [d]
  anomaly = (357.528 + 0.9856003*n)*pi/180
  ecliptic = (280.460 + 0.9856474*n + 1.915*sin(anomaly) + 0.020*sin(2*anomaly))*pi/180
  oblique = (23.439 - 4e-7*n)*pi/180
  turn = (280.460625 + 360.985647366*(n))*pi/180 + longitude
  toward = cos(ecliptic)*cos(turn) + cos(oblique)*sin(ecliptic)*sin(turn)
  away = cos(ecliptic)*sin(turn) - cos(oblique)*sin(ecliptic)*cos(turn)
  north = sin(oblique)*sin(ecliptic)
  up = sin(latitude)*north + cos(latitude)*toward
  south = sin(latitude)*toward - cos(latitude)*north
  west = away
end

model Outdoors "the climate by a weather file, with the sky that is asked for"
  input weather : Weather
  port climate : Climate
  param sky : SkyModel = perez
  param albedo = 0.2 in 0.05..0.8 "of the ground"
  part sun : SunPosition(at = weather.middle, latitude = weather.latitude, longitude = weather.longitude,
    time_zone = weather.time_zone)
  var risen                    "1 while the sun is up, else 0"
  var height [deg]             "of the sun above the horizon"
  var zenith [deg]
  var extraterrestrial [W/m^2] "on a plane that faces the sun"
  var brightness               "of the sky: diffuse radiation by air mass and extraterrestrial radiation"
  var clearness
  var around                   "part of the diffuse radiation that comes from close around the sun"
  var edge                     "part that comes from the horizon"
equations
  risen = if sun.up > 0 then 1 else 0
  height = asin(max(sun.up, 0))
  zenith = 90 [deg] - height
  extraterrestrial = 1367 [W/m^2]*(1 + 0.033*cos(2*pi*weather.middle/365 [d]))
  brightness = weather.diffuse/extraterrestrial/(max(sun.up, 0) + 0.50572*(height/1 [deg] + 6.07995)^(-1.6364))
  clearness = 1 + weather.direct/max(weather.diffuse, 1 [W/m^2])/(1 + 1.041*zenith^3)
  around = if sky == perez then max(0, F11(clearness) + F12(clearness)*brightness + F13(clearness)*zenith)
    else if sky == hay_davies then weather.direct/extraterrestrial else 0
  edge = if sky == perez then F21(clearness) + F22(clearness)*brightness + F23(clearness)*zenith else 0
  climate.T_out = weather.T_out
  climate.density = weather.pressure/(287.055 [J/(kg*K)]*weather.T_out)
  climate.infrared = weather.infrared
  climate.wind = weather.wind_speed
  climate.wind_from = weather.wind_direction
  climate.up = sun.up
  climate.south = sun.south
  climate.west = sun.west
  climate.beam = risen*(weather.direct + around*weather.diffuse/max(sun.up, cos(85 [deg])))
  climate.dome = (1 - risen*around)*weather.diffuse
  climate.horizon = risen*edge*weather.diffuse
  climate.reflected = albedo*(risen*sun.up*weather.direct + weather.diffuse)
end

model Irradiance "of the sun on one face"
  port climate : Climate
  param tilt = 90 [deg] in 0..180       "from lying face up"
  param azimuth = 0 [deg] in -180..180  "south is 0, west 90"
  var incidence "cosine of the angle between the sun and the normal; zero behind the face and at night"
  var beam [W/m^2]
  var sky [W/m^2]
  var ground [W/m^2]
  output total [W/m^2] = beam + sky + ground
equations
  incidence = if climate.up > 0 then max(0, climate.up*cos(tilt) +
    (climate.south*cos(azimuth) + climate.west*sin(azimuth))*sin(tilt)) else 0
  beam = incidence*climate.beam
  sky = climate.dome*(1 + cos(tilt))/2 + climate.horizon*sin(tilt)
  ground = climate.reflected*(1 - cos(tilt))/2
end

model Faces "one roof and one wall, for tests"
  input weather : Weather
  part outdoors : Outdoors(weather = weather)
  part wall : Irradiance(azimuth = 30 [deg])
  part roof : Irradiance(tilt = 0 [deg])
equations
  connect outdoors.climate, wall.climate, roof.climate
end

test "the sun over Golden on 17 October 2003, 12:30:30" of SunPosition
  set at = 25014630, latitude = 39.742476, longitude = -105.1786, time_zone = -7, epoch = 1095.5
  simulate time 0..1
  expect acos(up) at 1 = 0.87489784 within 2e-4
end

test "Perez's sky on a wall, the same in NumPy" of Faces
  set weather.middle = 8692200, weather.latitude = 39.83, weather.longitude = -104.65, weather.time_zone = -7, weather.direct = 700,
    weather.diffuse = 150, weather.T_out = 10, weather.pressure = 83000, weather.infrared = 250, weather.wind_speed = 3, weather.wind_direction = 0
  simulate time 0..1
  expect wall.total at 1 = 654.850761686783 within 1e-6
end

test "the sky isotropic on a wall, the same in NumPy" of Faces
  set outdoors.sky = isotropic, weather.middle = 8692200, weather.latitude = 39.83, weather.longitude = -104.65, weather.time_zone = -7, weather.direct = 700,
    weather.diffuse = 150, weather.T_out = 10, weather.pressure = 83000, weather.infrared = 250, weather.wind_speed = 3, weather.wind_direction = 0
  simulate time 0..1
  expect wall.total at 1 = 586.355470033728 within 1e-6
end

test "the sky hay_davies on a wall, the same in NumPy" of Faces
  set outdoors.sky = hay_davies, weather.middle = 8692200, weather.latitude = 39.83, weather.longitude = -104.65, weather.time_zone = -7, weather.direct = 700,
    weather.diffuse = 150, weather.T_out = 10, weather.pressure = 83000, weather.infrared = 250, weather.wind_speed = 3, weather.wind_direction = 0
  simulate time 0..1
  expect wall.total at 1 = 618.7498263867242 within 1e-6
end
