model Units
  param T0 = 20 [degC]
  param tau = 5 [min]
  var T [degC] start 80
equations
  der(T) = (T0 - T)/tau
end
