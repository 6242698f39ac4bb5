model M
  var T [C] start 20
equations
  der(T) = (20 [degC] - T)/5 [s]
end
