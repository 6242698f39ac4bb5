model M
  var v [V] start 1
  param C = 1 [uF]
  param R = 1 [kohm]
equations
  C*der(v) = -R*v
end
