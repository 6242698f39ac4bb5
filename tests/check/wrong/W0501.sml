model M
  var T [degC] start 20
  var p [bar] start 2
  var on
equations
  der(T) = if p > 3 then 0 else -1
  T = 50*p/(1 [bar])
  on = if T > 20 [degC] and T < 30 then 1 else 0
end
