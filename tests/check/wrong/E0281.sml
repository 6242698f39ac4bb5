connector Pin
  potential v [V]
  flow i [A]
end

connector Flange
  potential w [rad/s]
  flow tau [N*m]
end

model Motor
  port p : Pin
  param k = 1 [V]
  param table[3] = 1
  var x
equations
  x = k/p.v
end

model Other
  port p : Flange
  param k = 1 [N*m]
  var table
equations
  table = k/p.tau
end

model Drive
  part motor : Motor(k = 2)
end

model Faster extends Drive(motor : Motr)
end

model M
  part drive : Drive(motor : Other(k = 3))
  part two : Drive(motor : Pin)
  part three : Drive(moter : Motor)
  part four : Motor(k : Motor)
end
