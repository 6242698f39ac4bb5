model U
  param V = 5 [L]
  param q = 2 [L/min]
  param T0 = 20 [degC] in 0..40
  param p0 = 1 [bar]
  param E = 50 [kJ/mol]
  var T [degC] start 25
  var h [mm] start 10
  var t2 [min]
  var n [mol/L] start 0.1
  output Tk [K] = T
equations
  V*der(T) = q*(T0 - T)
  der(h) = -1 [mm/min]
  t2 = 5 [min] + time
  der(n) = -n/(2 [h])
end
