model Cell
  table ocv(soc [1]) [V]
  var q start 0.5
  output v [V] = ocv(q)
equations
  der(q) = -q
end
model M
  part cell : Cell
end
