model M
  param T0 = 20
  param Tmax = 80
  var T [degC] start T0
  var hot
equations
  der(T) = 1 [K/s]
  hot = if T > Tmax then 1 else 0
end
