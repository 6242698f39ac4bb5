model M "temperatures in coulomb"
  param G = 2 [W/C]
  param room = 20 [C]
  param limit [degC] = 100 [F]
  var T [degC] start 90
  var Q [W]
equations
  800 [J/K]*der(T) = -Q
  Q = G*(T - 20 [degC]) + 0 [W]*(T - room)/1 [K]
end
