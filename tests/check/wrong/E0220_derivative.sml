model M
  var x start 1
equations
  dx_dt = -x
end
