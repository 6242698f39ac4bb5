model M
  var T [degC] start 20
  var p [bar] start 2
equations
  der(T) = if p > 3 then 0 else -1
  T = 50*p/(1 [bar])
end
