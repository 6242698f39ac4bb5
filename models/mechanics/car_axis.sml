# A car on a bumpy road, in the plane: two wheels on springs, held at their distance and to the body. A stiff, very
# oscillatory system of index three with ten unknowns.
# source: CARAXIS of the Bari/Twente Test Set for IVP Solvers, release 2.4 (problem II-10; Schneider, Schwerin).
# checked value: the end values published there (the test below).

model CarAxis "two wheels, a bumpy road"
  param L = 1     "distance of the wheels"
  param L0 = 0.5  "length of the springs without force"
  param eps = 1e-2
  param M = 10    "mass of the car"
  param h = 0.1   "height of the bumps"
  param w = 10    "how fast they pass"
  var xl start 0
  var yl start L0
  var xr start L
  var yr start L0
  var ul start -L0/L
  var vl start 0
  var ur start -L0/L
  var vr start 0
  var lam1
  var lam2
  var yb          "the road under the right wheel"
  var xb
  var Ll          "lengths of the springs"
  var Lr
equations
  yb = h*sin(w*time)
  xb = sqrt(L^2 - yb^2)
  Ll = sqrt(xl^2 + yl^2)
  Lr = sqrt((xr - xb)^2 + (yr - yb)^2)
  der(xl) = ul
  der(yl) = vl
  der(xr) = ur
  der(yr) = vr
  eps^2*M/2*der(ul) = (L0 - Ll)*xl/Ll + lam1*xb + 2*lam2*(xl - xr)
  eps^2*M/2*der(vl) = (L0 - Ll)*yl/Ll + lam1*yb + 2*lam2*(yl - yr) - eps^2*M/2
  eps^2*M/2*der(ur) = (L0 - Lr)*(xr - xb)/Lr - 2*lam2*(xl - xr)
  eps^2*M/2*der(vr) = (L0 - Lr)*(yr - yb)/Lr - 2*lam2*(yl - yr) - eps^2*M/2
  xl*xb + yl*yb = 0
  (xl - xr)^2 + (yl - yr)^2 = L^2
experiment
  time 0..3, rtol 1e-9, atol 1e-9
end

test "end values of the Test Set for IVP Solvers"
  expect xl = 0.04934557842754028 within 1e-3
  expect yl = 0.49698946023017115 within 1e-3
  expect xr = 1.0417425248854215 within 1e-3
  expect yr = 0.37391102726536124 within 1e-3
  expect ul = -0.07705836840409723 within 1e-3
  expect vl = 0.007446866587237785 within 1e-3
  expect ur = 0.017556815753723223 within 1e-3
  expect vr = 0.7703410437792519 within 1e-3
  expect lam1 = -0.004736886590848933 within 1e-3
  expect lam2 = -0.0011046803312573436 within 1e-3
end
