# Air pollution: 25 reactions among 20 species, written as the reactions they are.
# source: J. G. Verwer (1994), SIAM J. Sci. Comput. 15, 1243-1259; POLLU of the Bari/Twente Test Set for IVP Solvers,
#   release 2.4.
# checked value: the end values published there (the test below).

model Pollu "chemical part of an air pollution model"
  param k1  = 0.35 in 0.25..0.45 "photolysis of NO2 [1/min]"
  param k2  = 26.6 in 18..35
  param k3  = 1.23e4 in 0.9e4..1.6e4
  param k4  = 8.6e-4 in 6e-4..11e-4
  param k5  = 8.2e-4
  param k6  = 1.5e4
  param k7  = 1.3e-4
  param k8  = 2.4e4
  param k9  = 1.65e4
  param k10 = 9e3
  param k11 = 0.022
  param k12 = 1.2e4
  param k13 = 1.88
  param k14 = 1.63e4
  param k15 = 4.8e6
  param k16 = 3.5e-4
  param k17 = 0.0175
  param k18 = 1e8
  param k19 = 4.44e11
  param k20 = 1.24e3
  param k21 = 2.1
  param k22 = 5.78
  param k23 = 0.0474
  param k24 = 1.78e3
  param k25 = 3.12
  var NO2  start 0      "nitrogen dioxide [ppm]"
  var NO   start 0.2    "nitric oxide"
  var O3P  start 0      "atomic oxygen, ground state"
  var O3   start 0.04   "ozone"
  var HO2  start 0      "hydroperoxyl"
  var OH   start 0      "hydroxyl"
  var HCHO start 0.1    "formaldehyde"
  var CO   start 0.3    "carbon monoxide"
  var ALD  start 0.01   "aldehydes"
  var MEO2 start 0      "methyl peroxide"
  var C2O3 start 0      "peroxyacyl"
  var CO2  start 0      "carbon dioxide made"
  var PAN  start 0      "peroxyacetyl nitrate"
  var CH3O start 0      "methoxy"
  var HNO3 start 0      "nitric acid"
  var O1D  start 0      "atomic oxygen, excited"
  var SO2  start 0.007  "sulphur dioxide"
  var SO4  start 0      "sulphate"
  var NO3  start 0      "nitrate radical"
  var N2O5 start 0      "dinitrogen pentoxide"
reactions
  NO2          -> NO + O3P           @ k1
  NO + O3      -> NO2                @ k2
  HO2 + NO     -> NO2 + OH           @ k3
  HCHO         -> 2*HO2 + CO         @ k4
  HCHO         -> CO                 @ k5
  HCHO + OH    -> HO2 + CO           @ k6
  ALD          -> MEO2 + HO2 + CO    @ k7
  ALD + OH     -> C2O3               @ k8
  C2O3 + NO    -> NO2 + MEO2 + CO2   @ k9
  C2O3 + NO2   -> PAN                @ k10
  PAN          -> C2O3 + NO2         @ k11
  MEO2 + NO    -> CH3O + NO2         @ k12
  CH3O         -> HCHO + HO2         @ k13
  NO2 + OH     -> HNO3               @ k14
  O3P          -> O3                 @ k15
  O3           -> O1D                @ k16
  O3           -> O3P                @ k17
  O1D          -> 2*OH               @ k18
  O1D          -> O3P                @ k19
  SO2 + OH     -> SO4 + HO2          @ k20
  NO3          -> NO                 @ k21
  NO3          -> NO2 + O3P          @ k22
  NO2 + O3     -> NO3                @ k23
  NO3 + NO2    -> N2O5               @ k24
  N2O5         -> NO3 + NO2          @ k25
experiment
  time 0..60, rtol 1e-6, atol 1e-12
end

test "end values of the Test Set for IVP Solvers"
  expect NO2 = 0.05646255480022769 within 1e-4
  expect NO = 0.1342484130422339 within 1e-4
  expect O3P = 4.139734331099427e-9 within 1e-4
  expect O3 = 0.005523140207484359 within 1e-4
  expect HO2 = 2.018977262302196e-7 within 1e-4
  expect OH = 1.464541863493966e-7 within 1e-4
  expect HCHO = 0.07784249118997964 within 1e-4
  expect CO = 0.3245075353396018 within 1e-4
  expect ALD = 0.007494013383880406 within 1e-4
  expect MEO2 = 1.622293157301561e-8 within 1e-4
  expect C2O3 = 1.135863833257075e-8 within 1e-4
  expect CO2 = 0.002230505975721359 within 1e-4
  expect PAN = 0.000208716288279863 within 1e-4
  expect CH3O = 1.396921016840158e-5 within 1e-4
  expect HNO3 = 0.008964884856898295 within 1e-4
  expect O1D = 4.352846369330103e-18 within 1e-4
  expect SO2 = 0.006899219696263405 within 1e-4
  expect SO4 = 0.0001007803037365946 within 1e-4
  expect NO3 = 1.772146513969984e-6 within 1e-4
  expect N2O5 = 5.682943292316392e-5 within 1e-4
end
