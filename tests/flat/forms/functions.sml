const R = 8.314462618
function arrhenius(A, Ea, T) = A*exp(-Ea/(R*T))
function sq(x) = x^2
function rate(A, T, c) = arrhenius(A, 5e4, T)*sq(c)
function clip(x, lo, hi) = min(max(x, lo), hi)
model M
  var c start 1
  var T [K] start 300
equations
  der(c) = -rate(1e6, T, c)
  der(T) = clip(350 - T, -1, 1)/(1 [s])
end
