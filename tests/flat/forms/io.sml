model IO
  input u = 0 [W] "heat"
  input v = 1
  var T [K] start 293.15 "temperature"
  output y = 2*T "twice"
  output z [kW]
equations
  1000*der(T) = u + v
  z = u
end
