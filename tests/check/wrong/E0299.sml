connector Weather
  input T_out [degC]
  input wind [m/s]
end

connector Site
  input T_out [degC]
  flow Q [W]
end

connector Air
  potential T [K]
  flow Q [W]
end

model Room
  input sky : Weather
  var T [K] start 293
equations
  der(T) = (sky.T_out - T)/3600 [s]
end

model Place
  input site : Air
  input two[2] : Weather
  input few : Narrow
  part a : Room(sky = few)
  part b : Room(sky = 20 [degC])
  port p : Weather
end

connector Narrow
  input T_out [degC]
end
