const lift = 4 [degC]

model M
  param Tamb = 20 [degC]
  param dTset = 5 [degC]
  param raised [degC] = Tamb + dTset
  param G = 10 [W/K]
  param C = 100 [J/K]
  var T [degC] start 20
  var Tw [degF] start 60
  var dT [degC]
  output above [degC] = abs(T - Tw)
equations
  C*der(T) = G*dTset - G*(T - Tamb)
  dT = T - Tamb
  C*der(Tw) = if T - Tw > 5 [degC] then G*(T - Tw) else G*(T + lift - Tw)
end
