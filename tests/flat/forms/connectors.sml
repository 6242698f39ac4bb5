connector Pin
  potential v [V]
  flow i [A]
end

connector Phase "three pins, and heat"
  potential T [K]
  flow Q [W]
  port pin[3] : Pin
end

connector Plug
  port phase : Phase
  port neutral : Pin
end

model Source
  port plug : Plug
equations
  for k in 1..3
    plug.phase.pin[k].v - plug.neutral.v = 230*cos(314*time - 2*pi*k/3)
  end
  plug.neutral.v = 0
  plug.phase.T = 300
end

model Load
  port plug : Plug
  param R[3] = {1, 2, 4}
  var i[3] [A]
equations
  for k in 1..3
    R[k]*i[k] = plug.phase.pin[k].v - plug.neutral.v
    plug.phase.pin[k].i = i[k]
  end
  plug.neutral.i = -sum(i)
  plug.phase.Q = 1 [W/K]*(plug.phase.T - 290)
end

model Cable "hands on what it gets"
  port a : Plug
  port b : Plug
equations
  connect a, b
end

model House
  port plug : Plug
  part cable : Cable
  part load[2] : Load
equations
  connect plug, cable.a
  connect cable.b, load[1].plug
  connect plug.phase, load[2].plug.phase
  connect plug.neutral, load[2].plug.neutral
end

model M
  part source : Source
  part house[2] : House
  part extra : Load
  var x start 0
equations
  connect source.plug, house.plug
  connect source.plug.phase.pin[1..2], extra.plug.phase.pin[2..3]
  connect source.plug.neutral, extra.plug.neutral
  der(x) = house[2].load[2].i[3]
end
